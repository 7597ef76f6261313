package market

// V1 is the SaaS Access Guide V1.0 (deprecated, but products sold on it still
// run).
const V1 Protocol = "v1"

// The activities that only SaaS V1.0 has; newInstance, refreshInstance,
// releaseInstance and queryInstance it shares with V2.0 by name.
const (
	ExpireInstance       = "expireInstance"
	Upgrade              = "upgrade"
	ChangeInstanceStatus = "instanceStatus"
)

// Terms is what a V1.0 call itself says of the order and the customer; V2.0 has
// to ask for it. Amounts are decimals as written, "" when not given.
type Terms struct {
	Trial        bool         // trialFlag 1, or the conversion of a trial when it says so
	ChargingMode ChargingMode // "" when not given
	PeriodType   string       // "year", "month", "day"; "" without a period
	PeriodNumber int
	Size
	OrderAmount   string // negative when a renewal is cancelled
	ProvisionType string // values are not published for SaaS
	Buyer         Buyer  // MobilePhone and Email are encrypted until somebody with the key opens them
	Params        []ExtendParam
	Platform      *Platform // only for products sold through WeLink
}

// Platform is WeLink's part of saasExtendParams (platformParams).
type Platform struct {
	TenantName string
	TenantID   string // also spelled tennantId by the published table
	UserID     string
}

// BillingItem tells purchases of one V1.0 order apart: an order that is charged
// by use causes one newInstance per productId (page CN 0070649013), any other
// order one in all. chargingMode is optional: without it, what has a period is
// bought once, and anything else may be charged by use.
func (c Call) BillingItem() string {
	t := c.Terms
	switch {
	case c.Protocol != V1 || t == nil:
	case t.ChargingMode.Metered():
		return c.ProductID
	case t.ChargingMode == "" && c.ExpireTime.IsZero() && t.PeriodType == "" && !t.Trial:
		return c.ProductID
	}
	return ""
}

// keyV1 is the idempotency key of a V1.0 call: purchases by orderId, by use with
// productId; renewal by instance and order; upgrade by order; status by target;
// expiry, release and query by instance.
func (c Call) keyV1() string {
	const v1 = string(V1)
	switch c.Activity {
	case NewInstance:
		ofOrder, ofProduct := c.PurchaseKeys()
		if c.BillingItem() != "" {
			return ofProduct
		}
		return ofOrder
	case Upgrade:
		return key(v1, c.Activity, c.OrderID)
	case RefreshInstance:
		return key(v1, c.Activity, c.InstanceID(), c.OrderID)
	case ChangeInstanceStatus:
		return key(v1, c.Activity, c.InstanceID(), c.Target)
	case QueryInstance:
		if len(c.InstanceIDs) > 1 {
			return key(v1, c.Activity, digest(joined(c.InstanceIDs)))
		}
	}
	return key(v1, c.Activity, c.InstanceID())
}

// PurchaseKeys are the keys by which a V1.0 purchase may be known, since an earlier
// call of it may have said more or less of the charging: that of the order alone,
// under which another product may be known, and that of the order's product.
func (c Call) PurchaseKeys() (ofOrder, ofProduct string) {
	const v1 = string(V1)
	return key(v1, NewInstance, c.OrderID), key(v1, NewInstance, c.OrderID, c.ProductID)
}

// Published lengths of userName and password in V1.0 hold for the ciphertext
// with its IV (FAQ CN 0082027567): 16 characters of IV and base64 of AES-CBC, so
// that 79 bytes of UTF-8 fill 80 bytes of ciphertext, 108 characters, 124 in
// all, and one byte more would need 144.
const maxAppSecretV1 = 79 // bytes

// CheckFor is Check with the lengths of the protocol by which the instance was
// bought.
func (a AppInfo) CheckFor(p Protocol) error {
	if err := a.Check(); err != nil || p != V1 {
		return err
	}
	for _, f := range [...]struct{ name, text string }{{"userName", a.UserName}, {"password", a.Password}} {
		if len(f.text) > maxAppSecretV1 {
			return tooLong(f.name, maxAppSecretV1, len(f.text))
		}
	}
	return nil
}
