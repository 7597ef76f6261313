package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"koodesk/app/conformance"
	"koodesk/app/conformance/formula"
	"koodesk/app/market"
	"koodesk/app/simulator"
	"koodesk/app/store/storetest"
)

// suite sends the calls of the published tables to the running program, signed
// by the second implementation, and compares what comes back to the byte.
type suite struct {
	*testing.T
	rig      *rig
	guide    conformance.Guide
	face     conformance.Interface
	path     string // of the guide's own channel
	key      string // that signs the calls
	answered string // key that must sign the answers
	bought   string // an instance of the interface's own
	device   string // one of a product whose Licenses are bound to a device
	pack     string // a package of its own, with a report of its use
	full     string // a package of its own of which everything said is as long as may be
}

const (
	licenseKey = "22222222-2222-3333-4444-555555555555"
	generalKey = "33333333-2222-3333-4444-555555555555"
)

// keyOf is the key of each class that every channel of the suite has.
var keyOf = map[string]string{"basic": storetest.BasicKey, "license": licenseKey, "general": generalKey}

func TestConformance(t *testing.T) {
	t.Parallel()
	guides, err := conformance.Load()
	require.NoError(t, err)
	r := newRig(t)
	for _, g := range guides {
		r.ok(channel, storetest.BasicKey+"\n"+licenseKey+"\n"+generalKey+"\n"+storetest.SK+"\n", "set", "--slug", g.ID, "--site", "cn", "--basic-key", "-",
			"--license-key", "-", "--general-key", "-", "--ak", storetest.AK, "--sk", "-", "--open-api", r.openAPI)
		r.ok(product, "", "set", "--channel", g.ID, "--product", "*", "--driver", "static",
			"--front-end-url", "https://app.seller.example/i/{instance_id}", "--user-name", "管理员-{order_id}", "--generate-password", "--memo", "云商店")
		switch market.Protocol(g.ID) {
		case market.V1, market.V2:
			r.stock(g)
		case market.License, market.LicenseV1:
			r.supply(g)
		}
	}
	t.Run("guides", func(t *testing.T) { // ends when all of them have, before the rig does
		for _, g := range guides {
			for _, i := range g.Interfaces {
				t.Run(g.ID+"/"+i.Name, func(t *testing.T) {
					t.Parallel()
					s := &suite{T: t, rig: r, guide: g, face: i, path: "/koogallery/" + g.ID, key: keyOf[g.Key], answered: keyOf[g.Key]}
					s.cases()
					s.proofs()
				})
			}
		}
	})
}

// on is the suite within a subtest.
func (s *suite) on(t *testing.T) *suite {
	c := *s
	c.T = t
	return &c
}

func (s *suite) cases() {
	for _, c := range s.guide.Cases(s.face) {
		s.prepare(c.Instance)
		s.Run(c.Name, func(t *testing.T) {
			s := s.on(t)
			members := s.members(c)
			w := s.send(members, c.Body)
			if c.Full {
				w = s.whole(members, w)
			}
			s.judge(c, w)
			if c.Refused() {
				return
			}
			for n, m := range members { // the marketplace comes again
				if m.Name == "businessId" && m.Value != nil {
					members[n].Value = uuid.NewString()
				}
			}
			require.Equal(s, string(w.Body), string(s.send(members, c.Body).Body), "a repeat gets the very bytes")
		})
	}
}

// prepare makes the instance that a case needs, once.
func (s *suite) prepare(instance string) {
	switch {
	case instance == "bought" && s.bought == "" && s.guide.ID == string(market.License):
		s.bought = s.licensed("OFFI-LIC")
	case instance == "bought" && s.bought == "":
		s.bought = s.buy(s.rig.ids.OrderID(), nil)
	case instance == "device" && s.device == "":
		s.device = s.licensed(deviceProduct)
	case instance == "package" && s.pack == "":
		s.packed()
	case instance == "full" && s.full == "":
		s.fill()
	}
}

// members are the fields of a case with what only the suite knows put in.
func (s *suite) members(c conformance.Case) []conformance.Member {
	members := s.face.Members(c)
	fresh := strings.NewReplacer("$fresh64", fresh64(), "$new", s.rig.ids.OrderID(), "$fresh", uuid.NewString(), "$stamp", stampNow(),
		"$ids101", numbered(101), "$ids100", numbered(100), "$id65", strings.Repeat("i", 65),
		"$params2048", params(2048), "$params2052", params(2052), "$begins", day(0), "$ends", day(300), "$late", day(2000))
	for n, m := range members {
		if text, ok := m.Value.(string); ok {
			members[n].Value = fresh.Replace(text)
		}
		_, set := c.Set["instanceId"]
		switch {
		case m.Name != "instanceId" || set:
		case c.Instance == "bought":
			members[n].Value = s.bought
		case c.Instance == "device":
			members[n].Value = s.device
		case c.Instance == "package":
			members[n].Value = s.pack
		case c.Instance == "full":
			members[n].Value = s.full
		case c.Instance == "unknown":
			members[n].Value = uuid.NewString()
		}
	}
	return members
}

// params is a base64 list of parameters of exactly so many characters, a multiple of 4.
func params(length int) string {
	const open, end = `[{"name":"emailDomainName","value":"`, `"}]`
	return base64.StdEncoding.EncodeToString([]byte(open + strings.Repeat("v", length/4*3-len(open)-len(end)) + end))
}

// day is a time of a License, so many days from now.
func day(n int) string { return time.Now().UTC().AddDate(0, 0, n).Format("2006-01-02 15:04:05 z") }

func numbered(n int) string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("instance-%03d", i)
	}
	return strings.Join(ids, ",")
}

func stampNow() string {
	return strings.Replace(time.Now().UTC().Format("20060102150405.000"), ".", "", 1)
}

// send signs and sends a call of the suite's guide.
func (s *suite) send(members []conformance.Member, body string) wired {
	if s.guide.Form == conformance.FormToken {
		q := s.values(members, body)
		q.Set("authToken", formula.AuthToken(s.key, flat(q)))
		return s.get(q.Encode())
	}
	if body == "" {
		body = conformance.Body(members)
	}
	return s.post(s.signed(body), body)
}

// values is a call as the parameters of a query, without its proof.
func (s *suite) values(members []conformance.Member, query string) url.Values {
	q, err := url.ParseQuery(strings.ReplaceAll(query, "+", "%2B"))
	require.NoError(s, err)
	for _, m := range members {
		if query != "" {
			break
		}
		text := conformance.Text(m.Value)
		if f, _ := s.face.Field(m.Name); f.Sealed && strings.TrimSpace(text) != "" {
			text = formula.Encrypt(s.key, 256, uuid.NewString()[:16], text)
		}
		q.Set(m.Name, text)
	}
	return q
}

func flat(q url.Values) map[string]string {
	out := map[string]string{}
	for name, values := range q {
		out[name] = values[0]
	}
	return out
}

// signed is a query that proves a body.
func (s *suite) signed(payload string) url.Values { return s.signedAt(payload, time.Now(), nonce()) }

func (s *suite) signedAt(payload string, at time.Time, once string) url.Values {
	stamp := fmt.Sprint(at.UnixMilli())
	return url.Values{"signature": {strings.ToUpper(formula.Signature(s.key, once, stamp, payload))}, "timestamp": {stamp}, "nonce": {once}}
}

func nonce() string {
	return strings.ToUpper(strings.ReplaceAll(uuid.NewString()+uuid.NewString(), "-", ""))
}

func (s *suite) post(q url.Values, body string) wired {
	return s.exchange("POST", s.path+"?"+q.Encode(), []string{"Accept:application/json", "Content-Type:application/json;charset=utf8"}, body)
}

func (s *suite) get(query string) wired {
	return s.exchange("GET", s.path+"?"+query, []string{"Accept:application/json"}, "")
}

// judge holds an answer against the case and the table.
func (s *suite) judge(c conformance.Case, w wired) {
	s.Helper()
	doc := s.form(w)
	require.Empty(s, s.face.Check(w.Body), "%s", w.Body)
	want := c.Code
	if want == "" {
		want = "000000"
	}
	code, _ := doc["resultCode"].(string)
	msg, _ := doc["resultMsg"].(string)
	require.Equal(s, want, code, "%s", w.Body)
	if c.Names != "" {
		require.Contains(s, msg, c.Names, "the refused field is named")
	}
	if c.Answer != "" {
		id, _ := doc["instanceId"].(string)
		license, _ := doc["license"].(string)
		exact := strings.NewReplacer("$instanceId", id, "$license", license, "$msg", msg, "$publicUrl", s.rig.config.PublicURL.String()).Replace(c.Answer)
		require.Equal(s, exact, string(w.Body))
	}
	require.Contains(s, string(w.Body), c.Has)
	if c.Full {
		s.atLimit(doc)
	}
	s.opens(doc)
}

// reported is what the seller's product says of a package's two billing items.
var reported = map[string]any{"usage": []map[string]any{
	{"related_instance_id": "sms-1", "usage_value": 99999999.9999, "statistical_time": "2026-01-31T16:00:00.123+08:00", "dashboard_url": "https://app.seller.example/usage?of=sms&by=day"},
	{"related_instance_id": "mms-1", "usage_value": 0.5, "statistical_time": "2026-01-31T08:00:00.1239Z"},
}}

// packed makes a package of which use was reported.
func (s *suite) packed() {
	order := s.rig.ids.OrderID()
	s.rig.market.SetOrder(market.Order{OrderID: order, Type: market.OrderNew, CreateTime: time.Now(), Lines: []market.OrderLine{{
		OrderLineID: simulator.LineID(order), ChargingMode: market.OnDemandPkg, PeriodType: "year", PeriodNumber: 1, ExpireTime: time.Now().AddDate(1, 0, 0),
		Products: []market.ProductInfo{{ProductID: "P-PKG", SkuCode: "S1", LinearValue: 5}}}}})
	s.pack = s.buy(order, simulator.Fields{"chargingMode": "5"})
	s.rig.api("PUT", "/instances/"+s.pack+"/usage", reported, 200)
}

// form is what every answer has: status 200, the exact content type, a
// Body-Sign that is spelled so and signs the very bytes, JSON.
func (s *suite) form(w wired) map[string]any {
	s.Helper()
	require.Equal(s, 200, w.Status)
	kind, _ := w.header("Content-Type")
	require.Equal(s, "application/json", kind)
	sign, spelled := w.header("Body-Sign")
	require.True(s, spelled, "Body-Sign is there, spelled exactly so: %q", w.Headers)
	got, ok := formula.BodySignOf(sign)
	require.True(s, ok, sign)
	require.Equal(s, formula.BodySign(s.answered, string(w.Body)), got, "Body-Sign")
	require.Equal(s, s.guide.Form == conformance.FormToken, strings.Contains(sign, `signature="`), "the form of the guide: %s", sign)
	var doc map[string]any
	require.NoError(s, json.Unmarshal(w.Body, &doc), "%s", w.Body)
	return doc
}

// opens requires that what is encrypted can be decrypted as published.
func (s *suite) opens(doc map[string]any) {
	bits := 256
	if doc["encryptType"] == "2" {
		bits = 128
	}
	apps := []any{doc["appInfo"]}
	list, _ := doc["info"].([]any)
	for _, item := range list {
		apps = append(apps, item.(map[string]any)["appInfo"])
	}
	for _, a := range apps {
		app, _ := a.(map[string]any)
		for _, name := range []string{"userName", "password"} {
			text, there := app[name].(string)
			if !there || s.guide.Form == conformance.FormSignature {
				continue
			}
			plain, err := formula.Decrypt(s.key, bits, text)
			require.NoError(s, err)
			require.NotEmpty(s, plain)
		}
	}
}

// buy makes an instance for the cases that need one. V1.0's calls say of the
// order what V2.0's ask for.
func (s *suite) buy(order string, terms simulator.Fields) string {
	caller := s.rig.calls(s.path, s.key, market.V2)
	set := simulator.Fields{"orderId": order, "orderLineId": simulator.LineID(order)}
	if id, given := terms["businessId"]; given {
		set["businessId"] = id
	}
	fields, err := simulator.NewCall(market.NewInstance, set, nil, false, s.rig.ids)
	switch market.Protocol(s.guide.ID) {
	case market.V1:
		caller.Protocol = market.V1
		set = simulator.Fields{"orderId": order}
		maps.Copy(set, terms)
		fields, err = simulator.NewCallV1(market.NewInstance, set, nil, false, s.rig.ids)
	case market.LicenseV1:
		caller.Protocol = market.LicenseV1
		fields, err = simulator.NewCallOf(market.LicenseV1, market.GetLicense, simulator.Fields{"orderId": order}, nil, false, s.rig.ids)
	}
	require.NoError(s, err)
	a := caller.Call(s.Context(), fields)
	require.True(s, a.OK(), "%s %v %s", a.Body, a.Findings, a.Fault)
	s.rig.waitItems("/instances?status=active&q="+order, 1)
	return a.InstanceID
}

func TestEveryPublishedActivityHasItsTable(t *testing.T) {
	t.Parallel()
	guides, err := conformance.Load()
	require.NoError(t, err)
	var have []string
	for _, g := range guides {
		for _, i := range g.Interfaces {
			have = append(have, g.ID+"/"+i.Name)
		}
	}
	for p, names := range map[market.Protocol][]string{
		market.V2: simulator.Activities(), market.V1: simulator.ActivitiesV1(),
		market.License:     {market.NewInstance, market.RefreshInstance, market.UpdateInstanceStatus, market.ReleaseInstance, market.GetLicenseAsync},
		market.LicenseCode: {market.RefreshLicenseCode, market.UpdateLicenseCodeStatus, market.ReleaseLicenseCode},
		market.LicenseV1:   {market.GetLicense, market.RefreshLicense, market.ExpireLicense, market.ReleaseLicense},
		market.OrderNotice: {market.OrderNotify},
	} {
		for _, n := range names {
			require.True(t, slices.Contains(have, string(p)+"/"+n), "%s/%s", p, n)
		}
	}
}
