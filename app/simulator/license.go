package simulator

import (
	"slices"
	"time"

	"koodesk/app/market"
)

// licenseTime is the form of getLicenseAsync's times in the published sample.
const licenseTime = "2006-01-02 15:04:05 z"

// activitiesLicense are the interfaces of an online License product (CN
// 0070649282): those for instances are V2.0's to the byte.
var activitiesLicense = map[string]activity{
	market.NewInstance:          activities[market.NewInstance],
	market.QueryInstance:        activities[market.QueryInstance],
	market.RefreshInstance:      activities[market.RefreshInstance],
	market.UpdateInstanceStatus: activities[market.UpdateInstanceStatus],
	market.ReleaseInstance:      activities[market.ReleaseInstance],
	market.GetLicenseAsync: {needsInstance: true, fill: func(f Fields, g *IDs) {
		f["eventId"] = g.UUID()
		f["effectiveTime"] = g.now().UTC().Format(licenseTime)
		f["expireTime"] = g.now().UTC().AddDate(0, 11, 0).Format(licenseTime)
		f["deviceFingerprint"] = "00:1A:2B:3C:4D:5E|WD-WCC4N5PT|MB-7F3A|BFEBFBFF000906E9"
	}},
}

// activitiesLicenseV1 are those of License 1.0 (CN 0070649153).
var activitiesLicenseV1 = map[string]activity{
	market.GetLicense: {mockOrder: "CS1906666666ABCDE", fill: func(f Fields, g *IDs) {
		f["businessId"], f["customerId"], f["customerName"] = g.UUID(), "68cbc86abc2018ab880d92f36422fa0e", "isv测试"
		f["productId"], f["skuCode"], f["amount"] = defaultProduct.ProductID, defaultProduct.SkuCode, "1"
		f["chargingMode"], f["periodType"], f["periodNumber"] = "1", "year", "1"
		f["expireTime"] = market.FormatStamp(g.now().AddDate(1, 0, 0), time.UTC)
	}},
	market.RefreshLicense: {needsInstance: true, mockOrder: "HWS001014ED483AA1E8", fill: func(f Fields, g *IDs) {
		f["expireTime"] = market.FormatStamp(g.now().AddDate(1, 0, 0), time.UTC)
	}},
	market.ExpireLicense:  {needsInstance: true, mockOrder: "CS1906666666ABCDE"},
	market.ReleaseLicense: {needsInstance: true, mockOrder: "CS1906666666ABCDE"},
}

// playable are the generations that can be played.
var playable = []market.Protocol{market.V2, market.V1, market.License, market.LicenseV1, market.LicenseCode, market.OrderNotice}

func canPlay(p market.Protocol) bool { return slices.Contains(playable, p) }

// stagesLicense is the life of an online License product's instance: its License
// is asked for until the marketplace is told that it is there.
var stagesLicense = []stage{
	{"purchase", market.NewInstance, nil},
	{"license", market.GetLicenseAsync, nil},
	{"renew", market.RefreshInstance, nil},
	{"freeze", market.UpdateInstanceStatus, Fields{"status": market.Freeze}},
	{"unfreeze", market.UpdateInstanceStatus, Fields{"status": market.Unfreeze}},
	{"release", market.ReleaseInstance, nil},
}

// stagesLicenseV1 is that of License 1.0.
var stagesLicenseV1 = []stage{
	{"license", market.GetLicense, nil},
	{"renew", market.RefreshLicense, nil},
	{"expire", market.ExpireLicense, nil},
	{"release", market.ReleaseLicense, nil},
}

func stagesOf(p market.Protocol) []stage {
	switch p {
	case market.V1:
		return stagesV1
	case market.License:
		return stagesLicense
	case market.LicenseV1:
		return stagesLicenseV1
	}
	return stages
}
