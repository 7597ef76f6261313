package saas2

import (
	"koodesk/app/market"
)

// Published lengths, in characters. What we read is counted in Unicode
// characters, which is the most that a length can mean; what we write is counted
// in UTF-16 units, as Java's String.length does, which is the least.
const (
	MaxResultMsg   = market.MaxResultMsg   // resultMsg of every answer
	MaxInstanceID  = market.MaxInstanceID  // instanceId of an answer (CN 0070649427, 0070649428)
	MaxFrontEndURL = market.MaxAppURL      // AppInfo (CN 0070649428), down to MaxMemo
	MaxAdminURL    = market.MaxAppURL      //
	MaxUserName    = market.MaxAppUserName //
	MaxPassword    = market.MaxAppPassword //
	MaxMemo        = market.MaxAppMemo     //
	MaxQueryIDs    = 100                   // ids in one queryInstance
)

// Fits tells whether access data can be written into an answer: see
// market.AppInfo.Check, whose faults it returns.
func Fits(a market.AppInfo) error { return a.Check() }
