package simulator

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas1"
)

// activitiesV1 are the basic interfaces of SaaS V1.0 (page intl 0182376880).
// Debugging orders have the form of the published samples.
var activitiesV1 = map[string]activity{
	market.NewInstance: {mockOrder: "CS1906666666ABCDE", fill: func(f Fields, g *IDs) {
		f["businessId"], f["customerId"], f["customerName"] = g.UUID(), "68cbc86abc2018ab880d92f36422fa0e", "isv测试"
		f["productId"], f["skuCode"] = defaultProduct.ProductID, defaultProduct.SkuCode
		f["chargingMode"], f["periodType"], f["periodNumber"] = "1", "year", "1"
		f["expireTime"] = market.FormatStamp(g.now().AddDate(1, 0, 0), time.UTC)
	}},
	market.RefreshInstance: {needsInstance: true, mockOrder: "HWS001014ED483AA1E8", fill: func(f Fields, g *IDs) {
		f["expireTime"] = market.FormatStamp(g.now().AddDate(1, 0, 0), time.UTC)
	}},
	market.ExpireInstance:  {needsInstance: true},
	market.ReleaseInstance: {needsInstance: true},
	market.Upgrade: {needsInstance: true, mockOrder: "CS1906666688ABCDE", fill: func(f Fields, _ *IDs) {
		f["productId"], f["skuCode"], f["amount"] = defaultProduct.ProductID, defaultProduct.SkuCode, "20"
	}},
	market.ChangeInstanceStatus: {needsInstance: true, fill: func(f Fields, _ *IDs) { f["instanceStatus"] = "FREEZE" }},
	market.QueryInstance:        {needsInstance: true},
}

// signV1 writes a V1.0 call: personal data encrypted with an IV of its own,
// saasExtendParams encoded, the time stamped, all of it signed. Parameters that
// the production address has are part of what is signed.
func (c *Caller) signV1(f Fields) (Signed, error) {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	address, err := url.Parse(c.URL)
	if err != nil {
		return Signed{}, err
	}
	fields := map[string]string{"timeStamp": saas1.Stamp(now().Add(c.Skew))}
	for name, values := range address.Query() {
		fields[name] = values[0]
	}
	for name, v := range f {
		text, ok := v.(string)
		if raw, isRaw := v.(json.RawMessage); !ok && isRaw {
			text = string(raw)
		}
		fields[name] = c.sealedV1(name, text)
	}
	return Signed{Activity: f.Text("activity"), Fields: f, Query: saas1.Sign(c.Key, fields)}, nil
}

func (c *Caller) sealedV1(name, text string) string {
	e := c.EncryptType
	if e == 0 {
		e = crypt.AES256
	}
	switch {
	case text == "":
		return ""
	case name == "mobilePhone" || name == "email":
		return crypt.EncryptWith(c.Key, e, rand.Text()[:16], text)
	case name == "saasExtendParams" && strings.HasPrefix(text, "["):
		var params []market.ExtendParam
		if json.Unmarshal([]byte(text), &params) == nil {
			return saas1.EncodeParams(params)
		}
	}
	return text
}

// get sends a V1.0 call.
func (c *Caller) get(ctx context.Context, address *url.URL, s Signed) (*http.Response, error) {
	address.RawQuery = s.Query
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", market.OwnAgent)
	client := c.HTTP
	if client == nil {
		client = plainClientV1
		if c.Slow {
			step := slowStep
			if c.slowInterval > 0 {
				step = c.slowInterval
			}
			client = newRecordingClient(DefaultTimeout, 1, true, step)
			defer client.CloseIdleConnections()
		}
	}
	return client.Do(req)
}

// plainClientV1 serves V1.0 callers without a client of their own.
var plainClientV1 = newRecordingClient(DefaultTimeout, 8, false, 0)
