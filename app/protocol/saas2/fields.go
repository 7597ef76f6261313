package saas2

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/wire"
)

// The keys of Decode's faults, all of code Invalid, with their args.
const (
	keyNotJSON         = "call.not_json"         // at: byte
	keyNotUTF8         = "call.not_utf8"         // at: byte; bytes or an escape that are no character
	keyNotObject       = "call.not_object"       //
	keyTooDeep         = "call.too_deep"         // limit
	keyTooManyValues   = "call.too_many_values"  // limit
	keyDuplicate       = "call.duplicate_key"    // field
	keyUnknownActivity = "call.unknown_activity" // field, got
	keyMissing         = "call.field_missing"    // field
	keyTooLong         = "call.field_too_long"   // field, limit, got: characters
	keyTooMany         = "call.field_too_many"   // field, limit, got: entries
	keyType            = "call.field_type"       // field, want: string, integer, object
	keyControl         = "call.field_control"    // field
	keyFormat          = "call.field_format"     // field, want, got
	keyValue           = "call.field_value"      // field, want, got
)

// FaultKeys are the keys of all faults of this package, for whoever translates
// them.
func FaultKeys() []string {
	keys := []string{
		keyNotJSON, keyNotUTF8, keyNotObject, keyTooDeep, keyTooManyValues, keyDuplicate, keyUnknownActivity,
		keyMissing, keyTooLong, keyTooMany, keyType, keyControl, keyFormat, keyValue,
	}
	for _, e := range slices.Concat(wrongParameter, wrongToken) {
		keys = append(keys, e.Key)
	}
	return keys
}

// rule is one row of a published request table.
type rule struct {
	name string
	in   string // path of the object that has it, "" for the body
	max  int    // characters; for a list of ids, of each
	need bool
	set  func(c *market.Call, text string)              // a plain text
	take func(c *market.Call, r rule, v string) error   // a text with rules of its own
	tree func(c *market.Call, r rule, root value) error // anything else
}

// The rows that several activities share. Where the activity's length is
// printed as 20 or 32 the list of activities decides.
var (
	orderID     = rule{name: "orderId", max: 64, need: true, set: func(c *market.Call, s string) { c.OrderID = s }}
	orderLineID = rule{name: "orderLineId", max: 64, need: true, set: func(c *market.Call, s string) { c.OrderLineID = s }}
	businessID  = rule{name: "businessId", max: 64, need: true, set: func(c *market.Call, s string) { c.BusinessID = s }}
	productID   = rule{name: "productId", max: 64, set: func(c *market.Call, s string) { c.ProductID = s }}
	instanceID  = rule{name: "instanceId", max: 64, need: true, set: func(c *market.Call, s string) { c.InstanceIDs = []string{s} }}
	instanceIDs = rule{name: "instanceId", max: MaxInstanceID, need: true, tree: takeInstanceIDs}
	scene       = rule{name: "scene", max: 64, need: true, take: takeScene}
	status      = rule{name: "status", max: 32, need: true, take: takeStatus}
	expireTime  = rule{name: "expireTime", max: 20, need: true, take: takeExpireTime}
	productInfo = rule{name: "productInfo", need: true, tree: takeProducts}
	testFlag    = rule{name: "testFlag", tree: takeTestFlag}

	license     = rule{name: "license", max: 64, need: true, set: func(c *market.Call, s string) { c.License = s }}
	eventID     = rule{name: "eventId", max: 64, need: true, set: func(c *market.Call, s string) { c.EventID = s }}
	fingerprint = rule{name: "deviceFingerprint", max: 1024, set: func(c *market.Call, s string) { c.DeviceFingerprint = s }}
	effective   = rule{name: "effectiveTime", max: 32, need: true, take: func(c *market.Call, r rule, s string) error { return takeTime(&c.EffectiveTime, r, s) }}
	licenseEnd  = rule{name: "expireTime", max: 32, take: func(c *market.Call, r rule, s string) error { return takeTime(&c.ExpireTime, r, s) }}
	codeScene   = rule{name: "scene", max: 64, need: true, take: takeCodeScene}
)

// path is the field's name as people are told it.
func (r rule) path() string {
	if r.in == "" {
		return r.name
	}
	return r.in + "." + r.name
}

func optional(r rule) rule { r.need = false; return r }

// requests are the published request tables, in their order.
var requests = map[string][]rule{
	market.NewInstance:          {orderID, orderLineID, businessID, testFlag},                               // CN 0070649427, intl 0070649092, EU 000009
	market.QueryInstance:        {instanceIDs, testFlag},                                                    // CN 0070649428, intl 0070649093, EU 000010
	market.RefreshInstance:      {scene, orderID, orderLineID, instanceID, productID, expireTime, testFlag}, // CN 0070649429, intl 0070649094, EU 000011
	market.UpdateInstanceStatus: {instanceID, status, testFlag},                                             // CN 0070649430, intl 0070649095
	market.ReleaseInstance:      {instanceID, optional(orderID), optional(orderLineID), testFlag},           // CN 0070649431, intl 0070649096, EU 000013
	market.UpgradeInstance:      {instanceID, orderID, orderLineID, testFlag},                               // CN 0070649432, intl 0070649097
	market.ChangeInstanceCheck:  {instanceID, productInfo, testFlag},                                        // CN 0000002411753620

	// The other guides with this signature. Their newInstance, refreshInstance,
	// updateInstanceStatus and releaseInstance are those above.
	market.GetLicenseAsync:         {instanceID, effective, licenseEnd, eventID, fingerprint, testFlag},         // CN 0070649255
	market.RefreshLicenseCode:      {codeScene, orderID, orderLineID, license, productID, expireTime, testFlag}, // CN 0070649167
	market.UpdateLicenseCodeStatus: {license, status, testFlag},                                                 // CN 0070649168
	market.ReleaseLicenseCode:      {license, optional(orderID), optional(orderLineID), testFlag},               // CN 0070649169
	market.OrderNotify:             {orderID, orderLineID, testFlag},                                            // CN 0000002091799153; testFlag "M, default 0"
}

// protocolOf is the generation that an activity belongs to; an unknown one is
// taken for V2.0's.
func protocolOf(activity string) market.Protocol {
	switch activity {
	case market.GetLicenseAsync:
		return market.License
	case market.RefreshLicenseCode, market.UpdateLicenseCodeStatus, market.ReleaseLicenseCode:
		return market.LicenseCode
	case market.OrderNotify:
		return market.OrderNotice
	}
	return market.V2
}

// Known tells whether an activity is one of this package's.
func Known(activity string) bool { return requests[activity] != nil }

// anyRequest reads what an unknown call may have, for the log.
var anyRequest = []rule{orderID, orderLineID, businessID, instanceID, license, testFlag}

func (r rule) apply(c *market.Call, root value) error {
	if r.tree != nil {
		return r.tree(c, r, root)
	}
	text, err := r.text(root)
	if err != nil || text == "" {
		return err
	}
	if r.take != nil {
		return r.take(c, r, text)
	}
	r.set(c, text)
	return nil
}

// text is the field as a text: a number or bool by its literal, "" where it is
// absent, null, empty or only blanks, unless the rule needs it.
func (r rule) text(root value) (string, error) {
	text := ""
	if v, ok := root.get(r.name); ok {
		var err error
		if text, err = r.scalar(v); err != nil {
			return "", err
		}
	}
	if strings.TrimSpace(text) == "" {
		if r.need {
			return "", fault.New(fault.Invalid, keyMissing, "field", r.path())
		}
		return "", nil
	}
	return text, r.check(text)
}

func (r rule) scalar(v value) (string, error) {
	if v.kind == kindObject || v.kind == kindArray {
		return "", fault.New(fault.Invalid, keyType, "field", r.path(), "want", "string")
	}
	return v.text, nil
}

func (r rule) check(text string) error {
	if len(text) > r.max { // bytes; only then count
		if n := utf8.RuneCountInString(text); n > r.max {
			return fault.New(fault.Invalid, keyTooLong, "field", r.path(), "limit", strconv.Itoa(r.max), "got", strconv.Itoa(n))
		}
	}
	if !cleanText(text) {
		return fault.New(fault.Invalid, keyControl, "field", r.path())
	}
	return nil
}

func (r rule) refuse(key, want, got string) error {
	return fault.New(fault.Invalid, key, "field", r.path(), "want", want, "got", wire.Excerpt(got))
}

// takeTestFlag: "1" is a debugging call; absent, "" and "0" are real. The sites
// differ in whether "0" is sent (CN and intl-zh: absent; intl and EU: "0"); a
// value outside the table must not decide between sandbox and real by guess.
func takeTestFlag(c *market.Call, r rule, root value) error {
	v, ok := root.get(r.name)
	if !ok {
		return nil
	}
	text, err := r.scalar(v)
	if err != nil {
		return err
	}
	switch text {
	case "", "0":
		return nil
	case "1":
		c.Test = true
		return nil
	}
	return r.refuse(keyValue, "0, 1", text)
}

func takeScene(c *market.Call, r rule, text string) error {
	if s := market.Scene(text); s.Valid() {
		c.Scene = s
		return nil
	}
	return r.refuse(keyValue, "TRIAL_TO_FORMAL, RENEWAL, UNSUBSCRIBE_RENEWAL_PERIOD, RENEWAL_CHANGE", text)
}

func takeStatus(c *market.Call, r rule, text string) error {
	if text != market.Freeze && text != market.Unfreeze {
		return r.refuse(keyValue, "FREEZE, UNFREEZE", text)
	}
	c.Target = text
	return nil
}

// takeExpireTime reads UTC yyyyMMddHHmmss; the published sample has three more
// digits, which are dropped (the text documents none). Years before 1970 are no
// expiry of anything that is sold here.
func takeExpireTime(c *market.Call, r rule, text string) error {
	if strings.TrimLeft(text, "0123456789") == "" {
		if t, err := market.ParseStamp(text, time.UTC); err == nil && t.Unix() >= 0 {
			c.ExpireTime = t
			return nil
		}
	}
	return r.refuse(keyFormat, "yyyyMMddHHmmss or yyyyMMddHHmmssSSS (UTC)", text)
}

// takeCodeScene: an authorization code knows two scenes (CN 0070649167).
func takeCodeScene(c *market.Call, r rule, text string) error {
	switch s := market.Scene(text); s {
	case market.Renewal, market.UnsubscribeRenewalPeriod:
		c.Scene = s
		return nil
	}
	return r.refuse(keyValue, "RENEWAL, UNSUBSCRIBE_RENEWAL_PERIOD", text)
}

// takeTime reads a time of getLicenseAsync, UTC: its sample has the form
// "2023-10-27 10:30:15 z", the other interfaces' digits are taken too.
func takeTime(to *time.Time, r rule, text string) error {
	const layout = "2006-01-02 15:04:05"
	t, err := market.ParseStamp(text, time.UTC)
	if strings.Trim(text, "0123456789") != "" {
		bare := strings.TrimSuffix(strings.TrimSuffix(text, "z"), "Z")
		t, err = time.Parse(layout, strings.TrimSpace(bare))
	}
	if err != nil || t.Unix() < 0 {
		return r.refuse(keyFormat, "yyyy-MM-dd HH:mm:ss z or yyyyMMddHHmmss (UTC)", text)
	}
	*to = t
	return nil
}
