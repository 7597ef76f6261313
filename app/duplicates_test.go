package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/event"
	"koodesk/app/market"
	"koodesk/app/simulator"
	"koodesk/app/store/storetest"
)

// How often each call is sent at once, and one after the other.
const (
	atOnce  = 50
	inOrder = 10
)

// licensed is a product that has a License and no access data.
const licensed = "OFFI-LICENSED"

// told is what the test's subscriber heard.
type told struct {
	Type string
	Data struct {
		InstanceID string `json:"instance_id"`
		Order      struct {
			OrderID string `json:"order_id"`
		}
	}
}

// crowd is the program with every kind of key and product, and a system of the
// seller's that hears of everything.
type crowd struct {
	*rig
	mu    sync.Mutex
	heard []told
	codes int
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	c := &crowd{rig: newRigAs(t, true, loopback)}
	seller := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		var one told
		if body, err := io.ReadAll(q.Body); err == nil && json.Unmarshal(body, &one) == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.heard = append(c.heard, one)
		}
	}))
	t.Cleanup(seller.Close)
	c.ok(eventTarget, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "set", "--channel", "default", "--name", "crm", "--url", seller.URL, "--secret", "-")
	c.ok(product, "", "set", "--channel", "default", "--product", licensed, "--driver", "none", "--license", "pool", "--license-pool", "keys")
	var texts []string
	for i := range 30 {
		texts = append(texts, fmt.Sprintf("LICENSE-%02d", i))
	}
	c.fillLicenses(texts...)
	c.withKeys()
	return c
}

// tells counts what the subscriber heard of a type about an instance or an order.
func (c *crowd) tells(eventType, about string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.heard {
		if one.Type == eventType && (one.Data.InstanceID == about || one.Data.Order.OrderID == about) {
			n++
		}
	}
	return n
}

// settled waits until nothing is left to do.
func (c *crowd) settled() {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		return c.count(`SELECT count(*) FROM tasks WHERE status IN ('pending', 'running') AND kind NOT IN ('reconcile', 'license_refresh')`) == 0
	}, 2*time.Minute, 30*time.Millisecond, "%s", c.log)
}

// bought, boughtV1, boughtLicense and renewedCode are what a call is about.

func (c *crowd) bought(set simulator.Fields) {
	id := c.buy(c.ids.OrderID())
	c.access(id)
	set["instanceId"] = id
}

func (c *crowd) boughtV1(set simulator.Fields) {
	a := c.callV1(market.NewInstance, "orderId", c.ids.OrderID())
	require.Equal(c.t, market.Success, a.Code)
	set["instanceId"] = a.InstanceID
}

func (c *crowd) frozenV1(set simulator.Fields) {
	c.boughtV1(set)
	c.callV1(market.ExpireInstance, "instanceId", set.Text("instanceId"))
}

func (c *crowd) boughtLicense(set simulator.Fields) {
	order := c.ids.OrderID()
	c.market.SetOrder(market.Order{OrderID: order, Type: market.OrderNew, CreateTime: time.Now(), Lines: []market.OrderLine{{
		OrderLineID: simulator.LineID(order), ChargingMode: market.Period, PeriodType: "year", PeriodNumber: 1, ExpireTime: time.Now().AddDate(1, 0, 0),
		Products: []market.ProductInfo{{ProductID: licensed, SkuCode: "S1", LinearValue: 5}}}}})
	set["instanceId"] = c.sold(order)
	set["eventId"] = "E-" + order
}

func (c *crowd) ofLicensed(set simulator.Fields) { set["productId"] = licensed }

func (c *crowd) boughtLicenseV1(set simulator.Fields) {
	a := c.callLicense(market.LicenseV1, market.GetLicense, "orderId", c.ids.OrderID(), "productId", licensed)
	require.Equal(c.t, market.Success, a.Code)
	set["instanceId"] = a.InstanceID
}

func (c *crowd) newCode(set simulator.Fields) {
	c.codes++
	code := fmt.Sprintf("PL00112233445566%04d", c.codes)
	c.market.SetCode(code, simulator.CodeState{Expires: time.Date(2030, 11, 24, 2, 36, 18, 0, time.UTC)}) // what later says
	set["license"] = code
}

func (c *crowd) renewedCode(set simulator.Fields) {
	c.newCode(set)
	require.Equal(c.t, market.Success, c.generation(market.LicenseCode, codeKey, market.RefreshLicenseCode,
		simulator.Fields{"license": set["license"], "orderId": c.ids.OrderID()}).Code)
	c.settled()
}

// repeatable is one interface, called fifty times with the same content, each
// time with a businessId, a nonce, a time and a signature of its own.
type repeatable struct {
	name     string
	protocol market.Protocol
	activity string
	about    func(*crowd, simulator.Fields)
	set      simulator.Fields
	once     []string // further statements that must count one afterwards
	tells    []string // events that the seller's systems hear of, each once
	mails    int      // to the buyer
	reads    bool     // it changes nothing
	bodies   int      // answers that may be given; 1 if 0
}

// The statements, in which $order, $id and $code stand for what the call is
// about, and $message for the condition that finds its message.
const (
	oneInstance = `SELECT count(*) FROM instances WHERE instance_id = '$id' AND order_id = '$order'`
	onePurchase = `SELECT count(*) FROM tasks WHERE kind = 'provision' AND purpose = 'purchase' AND instance_pk = (SELECT id FROM instances WHERE instance_id = '$id')`
	oneAccess   = `SELECT count(*) FROM instance_events WHERE kind = 'access' AND instance_pk = (SELECT id FROM instances WHERE instance_id = '$id')`
	oneExpiry   = `SELECT count(*) FROM instance_events WHERE kind = 'expiry' AND message_id = (SELECT id FROM messages WHERE $message)`
	oneStatus   = `SELECT count(*) FROM instance_events WHERE kind = 'status' AND message_id = (SELECT id FROM messages WHERE $message)`
	oneUpgrade  = `SELECT count(*) FROM tasks WHERE kind = 'provision' AND purpose = 'upgrade' AND instance_pk = (SELECT id FROM instances WHERE instance_id = '$id')`
	oneLicense  = `SELECT count(*) FROM licenses WHERE instance_pk = (SELECT id FROM instances WHERE instance_id = '$id')`
	oneGiven    = `SELECT count(*) FROM pooled_licenses WHERE license_id IN (SELECT id FROM licenses WHERE instance_pk = (SELECT id FROM instances WHERE instance_id = '$id'))`
	oneCode     = `SELECT count(*) FROM license_codes WHERE code_mask LIKE '%$code'`
	oneOrder    = `SELECT count(*) FROM orders WHERE order_id = '$order'`
	oneAsked    = `SELECT count(*) FROM tasks WHERE kind = 'order_notice' AND order_id = '$order'`
)

func codeEvent(kind string) string {
	return `SELECT count(*) FROM license_code_events WHERE kind = '` + kind + `' AND message_id = (SELECT id FROM messages WHERE $message)`
}

var later = simulator.Fields{"expireTime": "20301124023618"}

// purchaseV1 is newInstance of V1.0. It waits for its access data; what had come by
// its answer gets the same, and what comes later may find it made.
func purchaseV1(name string, kv ...string) repeatable {
	set := simulator.Fields{"email": buyerEmail}
	for i := 0; i < len(kv); i += 2 {
		set[kv[i]] = kv[i+1]
	}
	return repeatable{name: name, protocol: market.V1, activity: market.NewInstance, set: set, once: []string{oneInstance, onePurchase, oneAccess},
		tells: []string{event.InstanceProvision, event.InstanceProvisioned}, mails: 1, bodies: 2}
}

var repeatables = []repeatable{
	{name: "a purchase", protocol: market.V2, activity: market.NewInstance, once: []string{oneInstance, onePurchase, oneAccess},
		tells: []string{event.InstanceProvision, event.InstanceProvisioned}, mails: 1, bodies: 2}, // being made, and made
	{name: "a query", protocol: market.V2, activity: market.QueryInstance, about: (*crowd).bought, reads: true},
	{name: "a renewal", protocol: market.V2, activity: market.RefreshInstance, about: (*crowd).bought,
		set: simulator.Fields{"scene": "RENEWAL", "expireTime": "20301124023618"}, once: []string{oneExpiry}, tells: []string{event.InstanceRenewed}},
	{name: "a freeze", protocol: market.V2, activity: market.UpdateInstanceStatus, about: (*crowd).bought,
		set: simulator.Fields{"status": market.Freeze}, once: []string{oneStatus}, tells: []string{event.InstanceFrozen}},
	{name: "an upgrade", protocol: market.V2, activity: market.UpgradeInstance, about: (*crowd).bought, once: []string{oneUpgrade}, tells: []string{event.InstanceUpgraded}},
	{name: "a check before a change", protocol: market.V2, activity: market.ChangeInstanceCheck, about: (*crowd).bought, tells: []string{event.InstanceCheckChange}, reads: true},
	{name: "a release", protocol: market.V2, activity: market.ReleaseInstance, about: (*crowd).bought, once: []string{oneStatus}, tells: []string{event.InstanceReleased}},

	purchaseV1("a period of V1.0", "chargingMode", "1"),
	purchaseV1("a one-time product of V1.0", "chargingMode", "3"),
	purchaseV1("pay-per-use of V1.0", "chargingMode", "0"),
	purchaseV1("a package of V1.0", "chargingMode", "5"),
	purchaseV1("a trial of V1.0", "chargingMode", "1", "trialFlag", "1"),
	{name: "a query of V1.0", protocol: market.V1, activity: market.QueryInstance, about: (*crowd).boughtV1, reads: true},
	{name: "a renewal of V1.0", protocol: market.V1, activity: market.RefreshInstance, about: (*crowd).boughtV1, set: later, once: []string{oneExpiry}, tells: []string{event.InstanceRenewed}},
	{name: "a renewal of V1.0 after the expiry", protocol: market.V1, activity: market.RefreshInstance, about: (*crowd).frozenV1, set: later,
		once: []string{oneExpiry, oneStatus}, tells: []string{event.InstanceRenewed, event.InstanceUnfrozen}},
	{name: "an expiry of V1.0", protocol: market.V1, activity: market.ExpireInstance, about: (*crowd).boughtV1, once: []string{oneStatus}, tells: []string{event.InstanceFrozen}},
	{name: "a freeze of V1.0", protocol: market.V1, activity: market.ChangeInstanceStatus, about: (*crowd).boughtV1,
		set: simulator.Fields{"instanceStatus": "FREEZE"}, once: []string{oneStatus}, tells: []string{event.InstanceFrozen}},
	{name: "an upgrade of V1.0", protocol: market.V1, activity: market.Upgrade, about: (*crowd).boughtV1, once: []string{oneUpgrade}, tells: []string{event.InstanceUpgraded}},
	{name: "a release of V1.0", protocol: market.V1, activity: market.ReleaseInstance, about: (*crowd).boughtV1, once: []string{oneStatus}, tells: []string{event.InstanceReleased}},

	// What comes later than 5 s finds the License uploaded.
	{name: "a License", protocol: market.License, activity: market.GetLicenseAsync, about: (*crowd).boughtLicense,
		set: simulator.Fields{"effectiveTime": "2026-11-26 10:30:15 z", "expireTime": "2026-12-27 10:30:15 z"}, once: []string{oneLicense, oneGiven},
		tells: []string{event.LicenseRequested}, bodies: 2},
	{name: "a License of License 1.0", protocol: market.LicenseV1, activity: market.GetLicense, about: (*crowd).ofLicensed, set: later,
		once: []string{oneInstance, oneLicense, oneGiven}, tells: []string{event.LicenseRequested}},
	{name: "a renewal of License 1.0", protocol: market.LicenseV1, activity: market.RefreshLicense, about: (*crowd).boughtLicenseV1, set: later, once: []string{oneExpiry}, tells: []string{event.InstanceRenewed}},
	{name: "an expiry of License 1.0", protocol: market.LicenseV1, activity: market.ExpireLicense, about: (*crowd).boughtLicenseV1, once: []string{oneStatus}, tells: []string{event.InstanceFrozen}},
	{name: "a release of License 1.0", protocol: market.LicenseV1, activity: market.ReleaseLicense, about: (*crowd).boughtLicenseV1, once: []string{oneStatus}, tells: []string{event.InstanceReleased}},

	{name: "a code's renewal", protocol: market.LicenseCode, activity: market.RefreshLicenseCode, about: (*crowd).newCode, set: later,
		once: []string{oneCode, codeEvent("taken_over"), codeEvent("renewed"), codeEvent("expiry")}},
	{name: "a code's freeze", protocol: market.LicenseCode, activity: market.UpdateLicenseCodeStatus, about: (*crowd).renewedCode,
		set: simulator.Fields{"status": market.Freeze}, once: []string{oneCode, codeEvent("status")}},
	{name: "a code's release", protocol: market.LicenseCode, activity: market.ReleaseLicenseCode, about: (*crowd).renewedCode, once: []string{oneCode, codeEvent("status")}},

	{name: "an order notice", protocol: market.OrderNotice, activity: market.OrderNotify, once: []string{oneOrder, oneAsked}, tells: []string{event.OrderNotified}},
}

// message is the condition that finds the message of a call.
func (d repeatable) message() string {
	by := `order_id = '$order'`
	switch {
	case d.protocol == market.LicenseCode:
		by = `id IN (SELECT e.message_id FROM license_code_events e JOIN license_codes c ON c.id = e.code_id WHERE c.code_mask LIKE '%$code')`
	case d.about != nil && d.activity != market.GetLicense:
		by = `instance_id = '$id'`
	}
	return `activity = '` + d.activity + `' AND ` + by
}

// The call as it is sent each time.
func (d repeatable) caller(c *crowd) *simulator.Caller {
	key := map[market.Protocol]string{market.LicenseCode: codeKey, market.OrderNotice: noticeKey}[d.protocol]
	if key == "" {
		key = storetest.BasicKey
	}
	return c.calls("/koogallery/default", key, d.protocol)
}

func TestFiftyDuplicatesOfEveryInterface(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	covered := map[string]bool{}
	for _, d := range repeatables { // one after the other: each is its own crowd
		covered[string(d.protocol)+"/"+d.activity] = true
		t.Run(d.name+", at once", func(t *testing.T) {
			c.play(t, d, atOnce, func(n int, one func(int)) {
				var all sync.WaitGroup
				for i := range n {
					all.Go(func() { one(i) })
				}
				all.Wait()
			})
		})
		t.Run(d.name+", in order", func(t *testing.T) {
			c.play(t, d, inOrder, func(n int, one func(int)) {
				for i := range n {
					one(i)
				}
			})
		})
	}
	for p, activities := range map[market.Protocol][]string{market.V2: simulator.Activities(), market.V1: simulator.ActivitiesV1(),
		market.LicenseV1: {market.GetLicense, market.RefreshLicense, market.ExpireLicense, market.ReleaseLicense}, market.License: {market.GetLicenseAsync},
		market.LicenseCode: {market.RefreshLicenseCode, market.UpdateLicenseCodeStatus, market.ReleaseLicenseCode}, market.OrderNotice: {market.OrderNotify}} {
		for _, activity := range activities {
			require.True(t, covered[string(p)+"/"+activity], "%s of %s is not in the table", activity, p)
		}
	}
}

func (c *crowd) play(t *testing.T, d repeatable, repeated int, send func(n int, one func(int))) {
	set := maps.Clone(d.set)
	if set == nil {
		set = simulator.Fields{}
	}
	if d.about != nil {
		d.about(c, set)
		c.settled()
	}
	if set["orderId"] == nil {
		set["orderId"] = c.ids.OrderID()
	}
	unkept := func() int {
		return strings.Count(c.log.String(), "the answer to a purchase that had waited could not be kept")
	}
	before := unkept()
	caller, answers, sent := d.caller(c), make([]simulator.Answer, repeated), make([]string, repeated)
	send(repeated, func(i int) {
		answers[i] = insist(func() simulator.Answer {
			fields, err := simulator.NewCallOf(d.protocol, d.activity, set, nil, false, c.ids)
			if err != nil {
				return simulator.Answer{Fault: err.Error()}
			}
			sent[i] = fields.Text("businessId")
			return caller.Call(t.Context(), fields)
		})
	})
	bodies, together := map[string]bool{}, map[string]bool{}
	late := c.late(set.Text("orderId"))
	for i, a := range answers {
		require.True(t, a.OK(), "%s %v %s", a.Body, a.Findings, a.Fault)
		require.Equal(t, answers[0].InstanceID, a.InstanceID)
		bodies[a.Body] = true
		if d.protocol == market.V1 && d.activity == market.NewInstance && !slices.Contains(late, sent[i]) {
			together[a.Body] = true
		}
	}
	if unkept() == before { // on a machine that is too slow to look again in time a call gets what was there when it came
		require.LessOrEqual(t, len(together), 1, "whatever had come by the first answer: %v", slices.Collect(maps.Keys(together)))
	}
	c.settled()

	id := answers[0].InstanceID
	if given := set.Text("instanceId"); given != "" {
		id = given
	}
	code := set.Text("license")
	fill := strings.NewReplacer("$order", set.Text("orderId"), "$id", id, "$code", code[max(0, len(code)-4):])
	message := fill.Replace(d.message())
	if d.protocol != market.V1 && c.count(`SELECT count(*) FROM attempts WHERE message_id = (SELECT id FROM messages WHERE `+message+`)
		AND at > (SELECT first_received_at FROM messages WHERE `+message+`) + interval '5 seconds'`) == 0 {
		d.bodies = 1 // the twins of one call
	}
	require.LessOrEqual(t, len(bodies), max(1, d.bodies), "identical answers: %v", slices.Collect(maps.Keys(bodies)))
	one := func(query string) {
		t.Helper()
		query = fill.Replace(strings.ReplaceAll(query, "$message", message))
		require.Equal(t, 1, c.count(query), query)
	}
	one(`SELECT count(*) FROM messages WHERE $message`)
	require.GreaterOrEqual(t, c.count(`SELECT attempts FROM messages WHERE `+message), repeated, "every arrival is kept")
	if !d.reads {
		one(`SELECT count(*) FROM attempts WHERE disposition IN ('new', 'applied') AND message_id IN (SELECT id FROM messages WHERE $message)`)
	}
	for _, query := range d.once {
		one(query)
	}
	about := id
	if about == "" {
		about = set.Text("orderId")
	}
	for _, eventType := range d.tells {
		require.Equal(t, 1, c.tells(eventType, about), "%s is told once", eventType)
	}
	mails := 0
	for _, m := range c.mail.Messages() {
		if d.mails > 0 && strings.Contains(m.Text, "/i/"+id) {
			mails++
		}
	}
	require.Equal(t, d.mails, mails, "mails to the buyer")
	if d.activity == market.GetLicenseAsync {
		require.Len(t, slices.DeleteFunc(c.market.Uploads(), func(u simulator.Upload) bool { return u.EventID != set.Text("eventId") }), 1)
	}
}

// late are the businessIds of the calls of a V1.0 purchase that came after its
// first answer.
func (c *crowd) late(order string) (ids []string) {
	c.t.Helper()
	require.NoError(c.t, c.store.SQL().QueryRow(`SELECT COALESCE(array_agg(a.business_id), '{}')
		FROM attempts a JOIN messages m ON m.id = a.message_id
		WHERE m.activity = 'newInstance' AND m.order_id = $1 AND a.at >= m.answered_at[1]`, order).Scan(pq.Array(&ids)))
	return ids
}

// insist calls again after a 503, as the marketplace does: on a busy machine
// fifty at once may not all find their turn in time.
func insist(call func() simulator.Answer) (a simulator.Answer) {
	for range 20 {
		if a = call(); a.Status != http.StatusServiceUnavailable {
			break
		}
	}
	return a
}
