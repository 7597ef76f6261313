// Package market is the domain, pure: products, orders, instances and their
// state machine, the interface messages and their result codes, in KooGallery's
// own words. It does no I/O, reads no clock and knows neither HTTP nor SQL nor
// the form in which any protocol generation writes these things.
package market

import "time"

// Site is one of the KooGallery sites.
type Site string

// The sites.
const (
	SiteCN   Site = "cn"
	SiteIntl Site = "intl"
	SiteEU   Site = "eu"
)

// Valid tells whether s is a known site.
func (s Site) Valid() bool { return s == SiteCN || s == SiteIntl || s == SiteEU }

// OpenAPIURL is the published base address of the site's open APIs (pages CN
// 0070649466, intl 0070649116, EU 000033).
func (s Site) OpenAPIURL() string {
	switch s {
	case SiteIntl:
		return "https://mkt-intl.myhuaweicloud.com"
	case SiteEU:
		return "https://mkt.myhuaweicloud.eu"
	default:
		return "https://mkt.myhuaweicloud.com"
	}
}

// Protocol is a protocol generation.
type Protocol string

// The generations. V2.0, the online License and the order notice share one
// signature and one form; the License guide's interfaces for instances are those
// of V2.0 to the byte, so that only what it has alone goes by its name. V1 and
// License 1.0 share the other.
const (
	V2          Protocol = "v2"           // SaaS Access Guide V2.0
	License     Protocol = "license"      // online License: getLicenseAsync (CN 0070649282)
	LicenseCode Protocol = "license-code" // authorization codes of Licenses (CN 0070649172)
	LicenseV1   Protocol = "license-v1"   // License 1.0 (CN 0070649153), retired, but still sold on
	OrderNotice Protocol = "order-notice" // orders of any product (CN 0000002091799149)
)

// The joint-operations kit's generations (CN 0070649109, 0070649433), by which
// its calls are logged. They are recognised, not spoken.
const (
	KitV1 Protocol = "kit-v1"
	KitV2 Protocol = "kit-v2"
)

// Protocols lists every generation.
func Protocols() []Protocol {
	return []Protocol{V2, V1, License, LicenseCode, LicenseV1, OrderNotice}
}

// ByQuery tells whether a call of the generation is a GET whose query string is
// all of it; the others are a POST with a body.
func (p Protocol) ByQuery() bool { return p == V1 || p == LicenseV1 }

// OwnAgent is the User-Agent of our own simulator and self-check. A call with it is
// taken as any other; it only says nothing of what is bound in the Seller Center.
const OwnAgent = "Koodesk"

// KeyClass is a class of interfaces that has a key of its own (page CN
// 0000002091917709, interface debugging).
type KeyClass string

// The classes, in the words of the command line; the pages call them 基础接口,
// 联营SaaS同步接口, License授权码交付接口 and 通用接口.
const (
	BasicKey   KeyClass = "basic"
	KitKey     KeyClass = "kit"
	LicenseKey KeyClass = "license"
	GeneralKey KeyClass = "general"
)

// KeyClasses lists every class.
func KeyClasses() []KeyClass { return []KeyClass{BasicKey, KitKey, LicenseKey, GeneralKey} }

// KeyClass is the class whose key signs the generation's calls.
func (p Protocol) KeyClass() KeyClass {
	switch p {
	case LicenseCode:
		return LicenseKey
	case KitV1, KitV2:
		return KitKey
	case OrderNotice:
		return GeneralKey
	}
	return BasicKey
}

// The activities of SaaS V2.0 (page CN 0070649414).
const (
	NewInstance          = "newInstance"
	QueryInstance        = "queryInstance"
	RefreshInstance      = "refreshInstance"
	UpdateInstanceStatus = "updateInstanceStatus"
	ReleaseInstance      = "releaseInstance"
	UpgradeInstance      = "upgradeInstance"
	ChangeInstanceCheck  = "changeInstanceCheck"
)

// The activities beside those of SaaS V2.0, by their guide.
const (
	GetLicenseAsync         = "getLicenseAsync"         // online License, CN 0070649255
	RefreshLicenseCode      = "refreshLicenseCode"      // authorization codes, CN 0070649167
	UpdateLicenseCodeStatus = "updateLicenseCodeStatus" // CN 0070649168
	ReleaseLicenseCode      = "releaseLicenseCode"      // CN 0070649169
	OrderNotify             = "orderNotify"             // order notice, CN 0000002091799153
	GetLicense              = "getLicense"              // License 1.0, CN 0000001353181669
	RefreshLicense          = "refreshLicense"          // CN 0000001353381237
	ExpireLicense           = "expireLicense"           // fields not published: those of its siblings
	ReleaseLicense          = "releaseLicense"          // CN 0000001353261785
)

// KitActivities are the joint-operations kit's, which are logged and refused
// (pages CN 0070649109 to 0070649113, 0070649433 to 0070649437).
func KitActivities() []string {
	return []string{"tenantSync", "applicationSync", "authSync", "singleOrgSync", "allOrgSync"}
}

// Activities lists every activity of every guide, in the order of an instance's
// life.
func Activities() []string {
	return append([]string{NewInstance, QueryInstance, RefreshInstance, UpdateInstanceStatus, ReleaseInstance, UpgradeInstance,
		ChangeInstanceCheck, ExpireInstance, ChangeInstanceStatus, Upgrade, GetLicenseAsync, GetLicense, RefreshLicense, ExpireLicense,
		ReleaseLicense, RefreshLicenseCode, UpdateLicenseCodeStatus, ReleaseLicenseCode, OrderNotify}, KitActivities()...)
}

// Scene is why an instance is refreshed (page CN 0070649429).
type Scene string

// The scenes.
const (
	TrialToFormal            Scene = "TRIAL_TO_FORMAL"
	Renewal                  Scene = "RENEWAL"
	UnsubscribeRenewalPeriod Scene = "UNSUBSCRIBE_RENEWAL_PERIOD"
	RenewalChange            Scene = "RENEWAL_CHANGE"
)

// Valid tells whether the scene is a published one.
func (s Scene) Valid() bool {
	switch s {
	case TrialToFormal, Renewal, UnsubscribeRenewalPeriod, RenewalChange:
		return true
	}
	return false
}

// Target values of updateInstanceStatus (page CN 0070649430).
const (
	Freeze   = "FREEZE"
	Unfreeze = "UNFREEZE"
)

// ChargingMode is how an order line is charged (page CN 0070649466).
type ChargingMode string

// The charging modes.
const (
	OnDemand    ChargingMode = "ON_DEMAND"
	OneTime     ChargingMode = "ONE_TIME"
	Period      ChargingMode = "PERIOD"
	OnDemandPkg ChargingMode = "ON_DEMAND_PKG"
)

// ResultCode is what the marketplace is told (pages CN 0070649421, intl
// 0070649099).
type ResultCode string

// The result codes.
const (
	Success           ResultCode = "000000"
	AuthFailed        ResultCode = "000001"
	InvalidParameter  ResultCode = "000002"
	NoSuchInstance    ResultCode = "000003"
	Processing        ResultCode = "000004"
	OtherError        ResultCode = "000005"
	NoResource        ResultCode = "000100"
	MobileExisted     ResultCode = "000101"
	EmailExisted      ResultCode = "000102"
	AlreadyPurchased  ResultCode = "000103"
	InternalError     ResultCode = "000104"
	BenefitsExisted   ResultCode = "000105"
	ResourcesSoldOut  ResultCode = "000106"
	MailDomainExisted ResultCode = "000107"

	// Of getLicenseAsync (page CN 0070649288).
	LicenseQuotaUsedUp ResultCode = "000900" // the order has not enough Licenses left
	LicenseOutOfPeriod ResultCode = "000901" // apply within the order's validity
	LicenseNeedsExpiry ResultCode = "000902" // a License for a period needs its end
	LicenseNeedsDevice ResultCode = "000903" // a device fingerprint is required
)

// OK tells whether the code means that the call was taken over: done, or under
// way with a durable promise.
func (c ResultCode) OK() bool { return c == Success || c == Processing }

// reasons are the published texts of the codes by which a purchase is refused, the
// same in both generations (pages CN 0070649057, 0070649421, intl 0070649099).
var reasons = map[ResultCode]string{
	NoResource:        "no instance resource can be allocated",
	MobileExisted:     "Mobile number not specified or already exists",
	EmailExisted:      "Email address is not specified or already exists",
	AlreadyPurchased:  "Product already purchased",
	InternalError:     "Internal service error",
	BenefitsExisted:   "Account has already subscribed to benefits",
	ResourcesSoldOut:  "Product resources sold out.",
	MailDomainExisted: "SaaS email domain already exists.",
}

// Refuses tells whether the code is one by which a purchase is refused for a
// published reason.
func (c ResultCode) Refuses() bool { return c.Reason() != "" }

// Reason is the published text of a code that Refuses, "" of any other.
func (c ResultCode) Reason() string { return reasons[c] }

// Call is what one interface message asks, whatever protocol wrote it.
// Times are UTC. Fields that an activity does not have are empty.
type Call struct {
	Protocol    Protocol
	Activity    string
	Test        bool // testFlag "1": a debugging call, kept in its sandbox
	OrderID     string
	OrderLineID string
	BusinessID  string // different on every request; never a key
	InstanceIDs []string
	Scene       Scene
	Target      string // Freeze or Unfreeze
	ProductID   string
	ExpireTime  time.Time
	Products    []ProductInfo
	SkuCode     string // V1.0 only, like Terms
	Terms       *Terms // nil in V2.0

	License           string    // authorization code that the call is about
	EventID           string    // of getLicenseAsync: the marketplace's transaction number
	DeviceFingerprint string    // of getLicenseAsync: what the License is bound to, "" if nothing
	EffectiveTime     time.Time // of getLicenseAsync: from when the License counts

	Content     []Field // what it says, without what may differ between arrivals (Fleeting); nil unless all of it was understood
	ContentHash []byte  // of Content, equal for a true repeat; of a call that was not understood that over its spelling
	SpelledHash []byte  // over the spelling, by which contents were told apart before; nil unless the call was understood
}

// InstanceID is the first instance id, "" if there is none.
func (c Call) InstanceID() string {
	if len(c.InstanceIDs) == 0 {
		return ""
	}
	return c.InstanceIDs[0]
}

// Product is the id of the product that the call names, its own or the first of its
// list; "" if it names none.
func (c Call) Product() string {
	if c.ProductID == "" && len(c.Products) > 0 {
		return c.Products[0].ProductID
	}
	return c.ProductID
}

// Answer is what the marketplace is told. Only the fields that the activity
// documents are written.
type Answer struct {
	Code       ResultCode
	Msg        string
	InstanceID string
	App        *AppInfo // of newInstance in V1.0, when it is ready
	Info       []InstanceInfo
	License    string // of getLicense in License 1.0: the License itself
}

// InstanceInfo is one element of queryInstance's answer (page CN 0070649428).
type InstanceInfo struct {
	InstanceID string
	App        *AppInfo // nil while it is being made
	Usage      []Usage  // of what is paid by use, as last reported
}

// AppInfo is how the buyer uses the instance (page CN 0070649428). Published
// lengths in characters: FrontEndURL and AdminURL 512, UserName and Password
// 128, Memo 1024.
type AppInfo struct {
	FrontEndURL string
	AdminURL    string
	UserName    string
	Password    string
	Memo        string
}

// ProductInfo is a product as the order query and changeInstanceCheck name it.
type ProductInfo struct {
	ProductID   string
	SkuCode     string
	LinearValue int64
	ProductName string
	Size        // V1.0 only
}
