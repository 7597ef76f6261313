package saas1

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/wire"
)

// rule is one row of a published request table.
type rule struct {
	name string
	max  int // characters; for a list of ids, of each
	need bool
	take func(c *market.Call, r rule, v string) error
	fold func(v string) string // leaves out of the value, before it is checked, what means nothing; may be nil
}

// Fields that several activities share. Lengths are the printed ones; where none
// is printed (mobilePhone, email) they are ours.
var (
	timeStamp     = need(text(nameStamp, 20, nil))
	orderID       = need(text("orderId", 64, func(c *market.Call, s string) { c.OrderID = s }))
	businessID    = need(text("businessId", 64, func(c *market.Call, s string) { c.BusinessID = s }))
	productID     = text("productId", 64, func(c *market.Call, s string) { c.ProductID = s })
	skuCode       = text("skuCode", 64, func(c *market.Call, s string) { c.SkuCode = s })
	instanceID    = need(text("instanceId", 64, func(c *market.Call, s string) { c.InstanceIDs = []string{s} }))
	instanceIDs   = rule{name: "instanceId", max: MaxQueryIDs * (MaxInstanceID + 2), need: true, take: takeInstanceIDs}
	expireTime    = rule{name: "expireTime", max: 20, take: takeExpireTime}
	testFlag      = flag("testFlag", func(c *market.Call) { c.Test = true })
	periodType    = rule{name: "periodType", max: 10, take: takePeriodType}
	periodNumber  = number("periodNumber", 2, func(t *market.Terms, n int64) { t.PeriodNumber = int(n) })
	orderAmount   = rule{name: "orderAmount", max: 20, take: takeAmount}
	amount        = number("amount", 7, func(t *market.Terms, n int64) { t.Amount = n })
	diskSize      = number("diskSize", 7, func(t *market.Terms, n int64) { t.DiskSize = n })
	bandWidth     = number("bandWidth", 7, func(t *market.Terms, n int64) { t.BandWidth = n })
	extendParams  = rule{name: "saasExtendParams", max: 2048, take: takeExtendParams, fold: unwrap}
	trialToFormal = flag("trialToFormal", func(c *market.Call) { c.Scene = market.TrialToFormal })
)

// requests are the published request tables, in their order; authToken is
// Verify's business.
//
// Three fields that the tables call mandatory are optional here, because
// Huawei's own sample calls do not have them: skuCode and customerName of
// newInstance (the sample of page CN 0272346898; customerName is optional on the
// intl site), and orderId of expireInstance and releaseInstance (pages intl
// 0070649055, 0070649056).
var requests = map[string][]rule{
	market.NewInstance: { // CN and intl 0070649013
		timeStamp,
		need(text("customerId", 100, buyer(func(b *market.Buyer, s string) { b.CustomerID = s }))),
		text("customerName", 64, buyer(func(b *market.Buyer, s string) { b.CustomerName = s })),
		text("userId", 64, buyer(func(b *market.Buyer, s string) { b.UserID = s })),
		text("userName", 64, buyer(func(b *market.Buyer, s string) { b.UserName = s })),
		text("mobilePhone", 512, buyer(func(b *market.Buyer, s string) { b.MobilePhone = s })),
		text("email", 512, buyer(func(b *market.Buyer, s string) { b.Email = s })),
		businessID, orderID, skuCode, need(productID), testFlag,
		flag("trialFlag", func(c *market.Call) { c.Terms.Trial = true }),
		expireTime,
		{name: "chargingMode", max: 3, take: takeChargingMode},
		extendParams, amount, diskSize, bandWidth, periodType, periodNumber, orderAmount,
		number("provisionType", 2, func(t *market.Terms, n int64) { t.ProvisionType = strconv.FormatInt(n, 10) }),
	},
	market.RefreshInstance:      {orderID, instanceID, productID, need(expireTime), trialToFormal, timeStamp, periodType, periodNumber, orderAmount, testFlag}, // CN 0070649180, intl 0070649014
	market.ExpireInstance:       {instanceID, optional(orderID), timeStamp, testFlag},                                                                          // intl 0070649055
	market.ReleaseInstance:      {instanceID, optional(orderID), timeStamp, orderAmount, testFlag},                                                             // CN, intl 0070649056
	market.Upgrade:              {instanceID, orderID, need(skuCode), need(productID), timeStamp, amount, diskSize, bandWidth, extendParams, testFlag},         // CN 0000001297828992, intl 0213512664
	market.ChangeInstanceStatus: {instanceID, {name: "instanceStatus", max: 32, need: true, take: takeStatus}, timeStamp, testFlag},                            // CN 0070649407, intl 0070649069
	market.QueryInstance:        {timeStamp, instanceIDs, testFlag},                                                                                            // CN 0070649185, intl 0070649081

	// License 1.0. The end of getLicense's table and expireLicense's are not
	// published: what their siblings have is read, and nothing of it is needed.
	market.GetLicense: { // CN 0000001353181669
		timeStamp,
		need(text("customerId", 100, buyer(func(b *market.Buyer, s string) { b.CustomerID = s }))),
		text("customerName", 64, buyer(func(b *market.Buyer, s string) { b.CustomerName = s })),
		text("mobilePhone", 512, buyer(func(b *market.Buyer, s string) { b.MobilePhone = s })),
		text("email", 512, buyer(func(b *market.Buyer, s string) { b.Email = s })),
		businessID, orderID, skuCode, need(productID), expireTime, periodType, periodNumber,
		{name: "chargingMode", max: 3, take: takeChargingMode},
		amount, orderAmount, extendParams, testFlag,
	},
	market.RefreshLicense: {orderID, instanceID, productID, need(expireTime), timeStamp, periodType, periodNumber, orderAmount, testFlag}, // CN 0000001353381237
	market.ExpireLicense:  {optional(orderID), instanceID, timeStamp, testFlag},
	market.ReleaseLicense: {optional(orderID), instanceID, timeStamp, testFlag}, // CN 0000001353261785
}

// protocolOf is the generation that an activity belongs to; an unknown one is
// taken for V1.0's.
func protocolOf(activity string) market.Protocol {
	switch activity {
	case market.GetLicense, market.RefreshLicense, market.ExpireLicense, market.ReleaseLicense:
		return market.LicenseV1
	}
	return market.V1
}

// Known tells whether an activity is one of this package's.
func Known(activity string) bool { return requests[activity] != nil }

// anyRequest reads what an unknown call may have, for the log.
var anyRequest = []rule{orderID, businessID, instanceID, productID, testFlag}

// knownFields are all names of the tables.
var knownFields = func() map[string]bool {
	names := map[string]bool{"activity": true, nameToken: true}
	for _, rules := range requests {
		for _, r := range rules {
			names[r.name] = true
		}
	}
	return names
}()

func need(r rule) rule     { r.need = true; return r }
func optional(r rule) rule { r.need = false; return r }

func text(name string, limit int, set func(*market.Call, string)) rule {
	return rule{name: name, max: limit, take: func(c *market.Call, _ rule, v string) error {
		if set != nil {
			set(c, v)
		}
		return nil
	}}
}

func buyer(set func(*market.Buyer, string)) func(*market.Call, string) {
	return func(c *market.Call, s string) { set(&c.Terms.Buyer, s) }
}

// number is a whole number, not negative, of at most that many digits.
func number(name string, digits int, set func(*market.Terms, int64)) rule {
	return rule{name: name, max: digits, take: func(c *market.Call, r rule, v string) error {
		if strings.TrimLeft(v, "0123456789") != "" {
			return r.refuse(keyFormat, "integer", v)
		}
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return r.refuse(keyFormat, "integer", v)
		}
		set(c.Terms, n)
		return nil
	}}
}

// flag is 1 for yes; absent, blank and 0 are no (the sites differ in whether they
// send 0). Anything else must not decide by guess.
func flag(name string, set func(*market.Call)) rule {
	return rule{name: name, max: 2, take: func(c *market.Call, r rule, v string) error {
		switch v {
		case "0":
			return nil
		case "1":
			set(c)
			return nil
		}
		return r.refuse(keyValue, "0, 1", v)
	}}
}

// apply reads one field. Blanks around a value are dropped: published samples
// have some before and after ids.
func (r rule) apply(c *market.Call, q Query) error {
	v := strings.TrimSpace(q.Get(r.name))
	if r.fold != nil {
		v = r.fold(v)
	}
	if v == "" {
		if r.need {
			return fault.New(fault.Invalid, keyMissing, "field", r.name)
		}
		return nil
	}
	if err := r.check(v); err != nil {
		return err
	}
	return r.take(c, r, v)
}

func (r rule) check(v string) error {
	if n := utf8.RuneCountInString(v); n > r.max {
		return fault.New(fault.Invalid, keyTooLong, "field", r.name, "limit", strconv.Itoa(r.max), "got", strconv.Itoa(n))
	}
	if !cleanText(v) {
		return fault.New(fault.Invalid, keyControl, "field", r.name)
	}
	return nil
}

func (r rule) refuse(key, want, got string) error {
	return fault.New(fault.Invalid, key, "field", r.name, "want", want, "got", wire.Excerpt(got))
}

// chargingModes by the number that V1.0 gives them.
var chargingModes = map[string]market.ChargingMode{"0": market.OnDemand, "1": market.Period, "3": market.OneTime, "5": market.OnDemandPkg}

func takeChargingMode(c *market.Call, r rule, v string) error {
	mode, ok := chargingModes[v]
	if !ok {
		return r.refuse(keyValue, "0, 1, 3, 5", v)
	}
	c.Terms.ChargingMode = mode
	return nil
}

// takePeriodType knows "day" beside the published words: V2.0's orders have it
// for trials.
func takePeriodType(c *market.Call, r rule, v string) error {
	if v != "year" && v != "month" && v != "day" {
		return r.refuse(keyValue, "year, month, day", v)
	}
	c.Terms.PeriodType = v
	return nil
}

// takeAmount reads a decimal with at most three places. It is negative when a
// renewal is cancelled; elsewhere it is never negative, which nothing depends on.
func takeAmount(c *market.Call, r rule, v string) error {
	whole, places, dot := strings.Cut(strings.TrimPrefix(v, "-"), ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	if !digits(whole) || dot && (!digits(places) || len(strings.TrimRight(places, "0")) > 3) {
		return r.refuse(keyFormat, "decimal with at most 3 places", v)
	}
	c.Terms.OrderAmount = v
	return nil
}

func takeStatus(c *market.Call, r rule, v string) error {
	switch v {
	case "FREEZE":
		c.Target = market.Freeze
	case "NORMAL":
		c.Target = market.Unfreeze
	default:
		return r.refuse(keyValue, "FREEZE, NORMAL", v)
	}
	return nil
}

// takeExpireTime reads yyyyMMddHHmmss, in UTC like every time of the basic
// interfaces; three more digits, as V2.0's sample has, are dropped.
func takeExpireTime(c *market.Call, r rule, v string) error {
	if strings.Trim(v, "0123456789") == "" {
		if t, err := market.ParseStamp(v, time.UTC); err == nil && t.Unix() >= 0 {
			c.ExpireTime = t
			return nil
		}
	}
	return r.refuse(keyFormat, "yyyyMMddHHmmss (UTC)", v)
}

// takeInstanceIDs reads 1 to 100 ids separated by commas; the printed length of
// the field, 64, is that of one id. A repeated id is taken once.
func takeInstanceIDs(c *market.Call, r rule, v string) error {
	ids := strings.Split(v, ",")
	if len(ids) > MaxQueryIDs {
		return fault.New(fault.Invalid, keyTooMany, "field", r.name, "limit", strconv.Itoa(MaxQueryIDs), "got", strconv.Itoa(len(ids)))
	}
	seen := make(map[string]bool, len(ids))
	var out []string
	for i, id := range ids {
		one := rule{name: r.name, max: MaxInstanceID}
		if len(ids) > 1 {
			one.name += "[" + strconv.Itoa(i) + "]"
		}
		if id = strings.TrimSpace(id); id == "" {
			return fault.New(fault.Invalid, keyMissing, "field", one.name)
		}
		if err := one.check(id); err != nil {
			return err
		}
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	c.InstanceIDs = out
	return nil
}
