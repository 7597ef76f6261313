package simulator

import (
	"strings"

	"koodesk/app/market"
)

// activitiesCode are the calls about authorization codes (page CN 0070649172).
var activitiesCode = map[string]activity{
	market.RefreshLicenseCode: {needsCode: true, mockOrder: "MOCKMONTYRENEW", fill: func(f Fields, g *IDs) {
		f["scene"] = string(market.Renewal)
		f["expireTime"] = market.FormatStamp(g.now().AddDate(1, 0, 0), market.OrderZone())
	}},
	market.UpdateLicenseCodeStatus: {needsCode: true, fill: func(f Fields, _ *IDs) {
		f["status"] = market.Freeze
	}},
	market.ReleaseLicenseCode: {needsCode: true},
}

// activitiesNotice is the order notice (page CN 0000002091799153). Its testFlag is
// mandatory by the table.
var activitiesNotice = map[string]activity{
	market.OrderNotify: {mockOrder: "MOCKPERIODYEARNEW", fill: func(f Fields, _ *IDs) { f["testFlag"] = "0" }},
}

// errNeedsCode says which field only the caller can know.
type errNeedsCode struct{ activity string }

func (e errNeedsCode) Error() string {
	return e.activity + " is about an authorization code: add --field license=… (--test makes one up)"
}

// LicenseCode is like PL7K2M…: 18 letters or digits, of which no page shows more
// than the first two.
func (g *IDs) LicenseCode() string {
	return "PL" + strings.ToUpper(strings.ReplaceAll(g.UUID(), "-", "")[:16])
}
