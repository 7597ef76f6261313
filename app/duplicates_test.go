package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/simulator"
	"koodesk/app/store/storetest"
)

// creating is one interface that makes or changes something, called fifty times
// at once with the same order, each time with a businessId, a nonce, a time and
// a signature of its own.
type creating struct {
	name     string
	protocol market.Protocol
	activity string
	needs    bool // an instance
	fields   simulator.Fields
	once     []string // statements that must count one afterwards; $order stands for the order
}

var oneInstance = []string{`SELECT count(*) FROM instances WHERE order_id = '$order'`, `SELECT count(*) FROM messages WHERE order_id = '$order'`}

// applied: one message, one attempt that did something, one line of history.
func applied(kind string) []string {
	return []string{`SELECT count(*) FROM messages WHERE order_id = '$order'`,
		`SELECT count(*) FROM attempts WHERE disposition IN ('new', 'applied') AND message_id IN (SELECT id FROM messages WHERE order_id = '$order')`,
		`SELECT count(*) FROM instance_events WHERE kind = '` + kind + `' AND message_id IN (SELECT id FROM messages WHERE order_id = '$order')`}
}

var creatings = []creating{
	{"a purchase", market.V2, market.NewInstance, false, nil, append(oneInstance, `SELECT count(*) FROM tasks WHERE kind = 'order_query' AND order_id = '$order'`)},
	{"a renewal", market.V2, market.RefreshInstance, true, simulator.Fields{"scene": "RENEWAL", "expireTime": "20301124023618"}, applied("expiry")},
	{"an upgrade", market.V2, market.UpgradeInstance, true, nil, []string{`SELECT count(*) FROM messages WHERE order_id = '$order'`, `SELECT count(*) FROM tasks WHERE kind = 'order_query' AND order_id = '$order'`}},
	{"a period of V1.0", market.V1, market.NewInstance, false, simulator.Fields{"chargingMode": "1"}, oneInstance},
	{"a one-time product of V1.0", market.V1, market.NewInstance, false, simulator.Fields{"chargingMode": "3"}, oneInstance},
	{"pay-per-use of V1.0", market.V1, market.NewInstance, false, simulator.Fields{"chargingMode": "0"}, oneInstance},
	{"a package of V1.0", market.V1, market.NewInstance, false, simulator.Fields{"chargingMode": "5"}, oneInstance},
	{"a trial of V1.0", market.V1, market.NewInstance, false, simulator.Fields{"chargingMode": "1", "trialFlag": "1"}, oneInstance},
	{"a renewal of V1.0", market.V1, market.RefreshInstance, true, simulator.Fields{"expireTime": "20301124023618"}, applied("expiry")},
	{"an upgrade of V1.0", market.V1, market.Upgrade, true, nil, []string{`SELECT count(*) FROM messages WHERE order_id = '$order'`, `SELECT count(*) FROM tasks WHERE purpose = 'upgrade' AND order_id = '$order'`}},
}

func TestFiftyDuplicatesAtOnceOfEveryCreatingInterface(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range creatings { // one after the other: each is its own crowd
		t.Run(c.name, func(t *testing.T) {
			caller := &simulator.Caller{URL: r.caller.URL, Key: storetest.BasicKey, Protocol: c.protocol}
			order := r.ids.OrderID()
			set := maps.Clone(c.fields)
			if set == nil {
				set = simulator.Fields{}
			}
			set["orderId"] = order
			if c.needs {
				bought := r.ids.OrderID()
				set["instanceId"] = r.buy(bought)
				r.access(set.Text("instanceId"))
			}
			answers := make([]simulator.Answer, 50)
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() {
					fields, err := newCallOf(c.protocol)(c.activity, set, nil, false, r.ids)
					if err != nil {
						answers[i].Fault = err.Error()
						return
					}
					for range 20 { // comes again after a 503, as the marketplace does
						if answers[i] = caller.Call(t.Context(), fields); answers[i].Status != http.StatusServiceUnavailable {
							break
						}
					}
				})
			}
			wg.Wait()
			bodies := map[string]bool{}
			for _, a := range answers {
				require.True(t, a.OK(), "%s %v %s", a.Body, a.Findings, a.Fault)
				bodies[a.Body] = true
				require.Equal(t, answers[0].InstanceID, a.InstanceID)
			}
			want := 1
			if c.protocol == market.V1 && c.activity == market.NewInstance {
				want = 2 // it waits for its access data, and may get it in between
			}
			require.LessOrEqual(t, len(bodies), want, "identical answers: %v", slices.Collect(maps.Keys(bodies)))
			r.onceEach(c.once, order)
		})
	}
}

func newCallOf(p market.Protocol) func(string, simulator.Fields, []string, bool, *simulator.IDs) (simulator.Fields, error) {
	if p == market.V1 {
		return simulator.NewCallV1
	}
	return simulator.NewCall
}

func (r *rig) onceEach(statements []string, order string) {
	r.t.Helper()
	for _, s := range statements {
		q := strings.ReplaceAll(s, "$order", order)
		require.Equal(r.t, 1, r.count(q), q)
	}
	require.Equal(r.t, 50, r.count(strings.ReplaceAll(`SELECT attempts FROM messages WHERE order_id = '$order'`, "$order", order)), fmt.Sprint("every arrival is kept: ", order))
}
