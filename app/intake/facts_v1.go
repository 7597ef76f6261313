package intake

import (
	"context"
	"encoding/json"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// instanceOf is the instance that a purchase asks for, with the history of what
// is known of it.
func instanceOf(a Arrived, id, spare string, now time.Time) (*store.NewInstance, []market.Change, error) {
	c, t := a.Call, a.Call.Terms
	facts, err := factsOf(c)
	if err != nil {
		return nil, nil, err
	}
	n := &store.NewInstance{BillingItem: c.BillingItem(), WantedID: id, SpareID: spare, Facts: facts}
	n.ChannelID, n.Protocol, n.Status = a.Channel.ID, c.Protocol, market.Provisioning
	n.OrderID, n.BusinessID, n.SkuCode = c.OrderID, c.BusinessID, c.SkuCode
	n.OrderType, n.LinearValue, n.Size = string(market.OrderNew), t.Linear(), t.Size
	if t.Trial {
		n.OrderType = string(market.OrderTrial)
	}
	n.PeriodType, n.PeriodNumber = t.PeriodType, t.PeriodNumber
	n.Params = paramsOf(t)
	n.CustomerID, n.CustomerName, n.Email, n.Phone = t.Buyer.CustomerID, t.Buyer.CustomerName, t.Buyer.Email, t.Buyer.MobilePhone
	changes := []market.Change{{Kind: market.OrderLearned, New: c.OrderID}, {Kind: market.CustomerChanged, New: n.CustomerID}}
	learned, _ := n.Learn(c.ProductID, c.ExpireTime, now, 0, t.ChargingMode)
	changes = append(changes, market.Resized(learned, "", n.Bought().Sized())...)
	return n, changes, nil
}

// factsOf is what a purchase says of its order, for people, by KooGallery's
// names: it stands where V2.0 has the answer of the order query.
func factsOf(c market.Call) ([]byte, error) {
	t := c.Terms
	f := struct {
		OrderID       string            `json:"orderId"`
		ProductID     string            `json:"productId"`
		SkuCode       string            `json:"skuCode,omitempty"`
		ChargingMode  string            `json:"chargingMode,omitempty"`
		Trial         bool              `json:"trial,omitempty"`
		ExpireTime    string            `json:"expireTime,omitempty"`
		PeriodType    string            `json:"periodType,omitempty"`
		PeriodNumber  int               `json:"periodNumber,omitempty"`
		Amount        int64             `json:"amount,omitempty"`
		DiskSize      int64             `json:"diskSize,omitempty"`
		BandWidth     int64             `json:"bandWidth,omitempty"`
		OrderAmount   string            `json:"orderAmount,omitempty"`
		ProvisionType string            `json:"provisionType,omitempty"`
		CustomerID    string            `json:"customerId"`
		CustomerName  string            `json:"customerName,omitempty"`
		UserID        string            `json:"userId,omitempty"`
		UserName      string            `json:"userName,omitempty"`
		MobilePhone   string            `json:"mobilePhone,omitempty"`
		Email         string            `json:"email,omitempty"`
		ExtendParams  map[string]string `json:"extendParams,omitempty"`
	}{c.OrderID, c.ProductID, c.SkuCode, string(t.ChargingMode), t.Trial, market.Stamp(c.ExpireTime), t.PeriodType, t.PeriodNumber,
		t.Amount, t.DiskSize, t.BandWidth, t.OrderAmount, t.ProvisionType, t.Buyer.CustomerID, t.Buyer.CustomerName, t.Buyer.UserID,
		t.Buyer.UserName, t.Buyer.MobilePhone, t.Buyer.Email, paramsOf(t)}
	b, err := json.Marshal(f)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	return b, nil
}

// sizeBought is what the facts of an instance's purchase say of its size; nothing
// where there are none.
func sizeBought(ctx context.Context, tx *store.Tx, i *store.Instance) (market.Size, error) {
	facts, err := tx.Reader().OrderAnswer(ctx, i.PK)
	var size market.Size
	if err != nil || json.Unmarshal(facts, &size) != nil { // the names differ by their case only
		return market.Size{}, err
	}
	return size, nil
}

// platformParams is WeLink's parameter, whose value is JSON in a text.
const platformParams = "platformParams"

// paramsOf are the extension parameters by name. What WeLink's platformParams
// says stands beside it, since no template can look into JSON.
func paramsOf(t *market.Terms) map[string]string {
	params := make(map[string]string, len(t.Params))
	for _, p := range t.Params {
		if p.Name != "" {
			params[p.Name] = p.Value
		}
	}
	if w := t.Platform; w != nil {
		for name, v := range map[string]string{"tenantName": w.TenantName, "tenantId": w.TenantID, "userId": w.UserID} {
			if v != "" {
				params[platformParams+"."+name] = v
			}
		}
	}
	return params
}
