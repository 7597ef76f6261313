package marketapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// The open APIs for authorization codes. Activation and query also have a v2 for
// batches, whose tables are not published; v1 is enough for admission.
const (
	opLicense           = "license_api"
	licenseActivatePath = "/api/mkp-openapi-public/global/v1/license/activate"            // page CN 0070649244
	licenseQueryPath    = "/api/mkp-openapi-public/global/v1/license/heartbeat"           // page CN 0070649245
	licenseUsagePath    = "/api/mkp-openapi-public/global/v2/license/software-usage-info" // page CN 0000002290055385
)

// Limits of one report of usage (page CN 0000002290055385).
const (
	MaxUsageCodes   = 100 // codes
	MaxUsageRecords = 100 // records of each code
	MaxUsageAccount = 256 // characters of an account's id
	MaxActiveNum    = 999999999
)

// licenseCodes are the published codes of these operations (公共错误码 of the
// authorization codes). 92020001 is printed twice, as 403 Unauthorized and as an
// internal error, so the HTTP status decides: it is left to byStatus.
var licenseCodes = map[string]entry{
	"92020002": {reason: "invalid_parameter", code: fault.Refused},
	"92020004": {reason: notReceived, code: fault.Unavailable}, // the buyer may take it any moment
	"92020005": {reason: noSuchCode, code: fault.Refused},
}

const (
	licenseGood = "92020000"
	notReceived = "not_received"
	noSuchCode  = "no_such_code"
)

func licenseCall(path string, body any) (call, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return call{}, fault.Wrap(err, fault.Internal, "internal")
	}
	return call{op: opLicense, method: http.MethodPost, path: path, body: raw, codes: licenseCodes, good: licenseGood}, nil
}

// ActivateLicense activates an authorization code (激活授权码, page CN 0070649244).
// effect is when its use began, in UTC, not before the order; zero leaves it to
// the marketplace. The expiry in the answer is an estimate: the query's counts.
//
// Faults, keys below "license_api.": those of QueryOrder's transport, Refused
// no_such_code, Unavailable not_received (the buyer has not taken the code yet),
// Unavailable other_code.
func (c *Client) ActivateLicense(ctx context.Context, baseURL string, cred Credentials, license string, effect time.Time) (market.CodeInfo, []byte, error) {
	body := map[string]string{"license": license}
	if !effect.IsZero() {
		body["real_effect_time"] = market.FormatStamp(effect, time.UTC)
	}
	return c.license(ctx, baseURL, cred, licenseActivatePath, license, body)
}

// QueryLicense asks for status and expiry of an authorization code (查询授权码, page
// CN 0070649245). Faults as ActivateLicense.
func (c *Client) QueryLicense(ctx context.Context, baseURL string, cred Credentials, license string) (market.CodeInfo, []byte, error) {
	return c.license(ctx, baseURL, cred, licenseQueryPath, license, map[string]string{"license": license})
}

func (c *Client) license(ctx context.Context, baseURL string, cred Credentials, path, license string, body any) (market.CodeInfo, []byte, error) {
	if license == "" {
		return market.CodeInfo{}, nil, fault.New(fault.Invalid, opLicense+".no_code")
	}
	op, err := licenseCall(path, body)
	if err != nil {
		return market.CodeInfo{}, nil, err
	}
	doc, raw, err := c.do(ctx, baseURL, cred, op)
	if err != nil {
		return market.CodeInfo{}, nil, scrub(err, license)
	}
	info, err := readCodeInfo(doc, license)
	return info, raw, err
}

// readCodeInfo reads "data": of the activation a JSON object in the string
// license_code_info, of the query the object itself. LicenseInfo "may be
// extended", and what stands behind activate_time was never seen, so the names
// of the activation are looked for in both, in both spellings.
func readCodeInfo(doc node, license string) (market.CodeInfo, error) {
	data := doc.get("data")
	if inner := data.first("license_code_info", "licenseCodeInfo"); inner.value != nil {
		if text, ok := inner.value.(string); ok {
			parsed, err := parseTree([]byte(text))
			if err != nil {
				return market.CodeInfo{}, fault.Wrap(err, fault.Unavailable, opLicense+".bad_answer", "status", "200", "content_type", "license_code_info")
			}
			data = parsed
		} else {
			data = inner
		}
	}
	if list := data.list(); len(list) == 1 {
		data = list[0]
	}
	if named := data.first("license_code", "licenseCode", "license").text(); named != "" && named != license {
		return market.CodeInfo{}, fault.New(fault.Unavailable, opLicense+".other_code") // never let another customer's code in
	}
	info := market.CodeInfo{
		Status:      market.CodeStatus(strings.ToUpper(data.get("status").text())),
		ExpireTime:  data.first("expire_time", "expireTime").stamp(time.UTC),
		ActivatedAt: data.first("activate_time", "activateTime").stamp(time.UTC),
		ProductID:   clean(data.first("product_id", "productId").text()),
		OrderID:     clean(data.first("order_id", "orderId").text()),
		OrderLineID: clean(data.first("order_line_id", "orderLineId").text()),
		CustomerID:  clean(data.first("customer_id", "customerId").text()),
		Amount:      data.get("amount").integer(),
	}
	if info.Status == "" {
		return market.CodeInfo{}, fault.New(fault.Unavailable, opLicense+".bad_answer", "status", "200", "content_type", "status")
	}
	return info, nil
}

// scrub takes a code out of what the marketplace said: causes are stored and
// shown, and the code is a secret.
func scrub(err error, license string) error {
	f := fault.From(err)
	if f.Err == nil || !strings.Contains(f.Err.Error(), license) {
		return err
	}
	c := *f
	c.Err = errors.New(strings.ReplaceAll(f.Err.Error(), license, market.MaskCode(license)))
	return &c
}

// clean bounds a text that is not ours and that the database keeps.
func clean(s string) string {
	if r := []rune(strings.ToValidUTF8(s, "·")); len(r) > 64 {
		return string(r[:64])
	}
	return strings.ToValidUTF8(s, "·")
}

// LicenseUsage is what is reported of one code: for each record either an
// account of the software or a number of active ones.
type LicenseUsage struct {
	License string        `json:"license"`
	Records []UsageRecord `json:"software_usage_Info"` // spelled so on page CN 0000002290055385
}

// UsageRecord has exactly one of its fields set.
type UsageRecord struct {
	ID        string `json:"id,omitempty"`         // ≤ MaxUsageAccount characters
	ActiveNum *int64 `json:"active_num,omitempty"` // ≤ MaxActiveNum
}

// ReportUsage reports the use of codes (授权码软件使用统计): at most MaxUsageCodes, each
// with at most MaxUsageRecords. What the marketplace found wrong stands in the
// answer under a name that begins with check_fail_ (the page ends there), even if
// the call as a whole succeeded: refused are the codes that stand there, all of
// them if none does. A number, a count perhaps, finds nothing wrong. Faults as
// ActivateLicense.
func (c *Client) ReportUsage(ctx context.Context, baseURL string, cred Credentials, usage []LicenseUsage) (refused []string, err error) {
	op, err := licenseCall(licenseUsagePath, map[string]any{"usage_info": usage})
	if err != nil {
		return nil, err
	}
	doc, _, err := c.do(ctx, baseURL, cred, op)
	if err != nil {
		for _, u := range usage {
			err = scrub(err, u.License)
		}
		return nil, err
	}
	var doubted bool
	var named []string
	data, _ := doc.get("data").value.(map[string]any)
	for name, v := range data {
		if strings.HasPrefix(name, "check_fail") && doubts(v, usage) {
			doubted, named = true, append(named, texts(v)...)
		}
	}
	if !doubted {
		return nil, nil
	}
	return codesOf(usage, named), nil
}

// doubts tells whether a value says that something is wrong: a list or an object that
// is not empty, or a text that is one of the codes reported; any other may be "success".
func doubts(v any, usage []LicenseUsage) bool {
	switch v := v.(type) {
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	case string:
		return slices.ContainsFunc(usage, func(u LicenseUsage) bool { return u.License == v })
	}
	return false
}

// codesOf are the codes that the texts of doubts name; all, if they name none.
func codesOf(usage []LicenseUsage, texts []string) []string {
	var all, named []string
	for _, u := range usage {
		all = append(all, u.License)
		if slices.Contains(texts, u.License) {
			named = append(named, u.License)
		}
	}
	if len(named) == 0 {
		return all
	}
	return named
}

// texts are the strings of a JSON value, flat.
func texts(v any) []string {
	var out []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			out = append(out, texts(e)...)
		}
	case map[string]any:
		for _, e := range v {
			out = append(out, texts(e)...)
		}
	case string:
		out = append(out, v)
	}
	return out
}
