package api_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/provision"
	"koodesk/app/staff"
)

func TestWhatWaitsForAPersonIsClaimedByOne(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	for _, order := range []string{"CSMANUAL1", "CSMANUAL2", "CS3"} {
		h.buy(order)
	}
	h.work()
	_, err := h.store.SQL().Exec(`UPDATE messages SET retry_until = retry_until - interval '1 hour' WHERE order_id = 'CSMANUAL2'`)
	require.NoError(t, err)
	list := h.ok("/provisioning")
	require.Equal(t, []string{"i-CSMANUAL2", "i-CSMANUAL1"}, list.ids("instance_id"), "the first due first")
	require.NotNil(t, list.items()[0]["due_at"])
	require.Equal(t, "", list.items()[0]["claimed_by"])
	first := h.ok("/provisioning?limit=1")
	require.Equal(t, []string{"i-CSMANUAL1"}, h.ok("/provisioning?limit=1&cursor="+first.json["next_cursor"].(string)).ids("instance_id"))

	const path = "/instances/i-CSMANUAL1/claim"
	mine := call{method: http.MethodPost, path: path, role: staff.Operator}
	for range 2 {
		r := h.do(mine)
		require.Equal(t, http.StatusOK, r.status, r.raw)
		require.Equal(t, "token:test operator", r.json["claimed_by"])
	}
	other := call{method: http.MethodPost, path: path, role: staff.Admin}
	h.do(other).problem(http.StatusConflict, "claim.held")
	h.do(call{method: http.MethodDelete, path: path, role: staff.Admin}).problem(http.StatusConflict, "claim.not_yours")
	other.body = `{"take_over":true}`
	h.do(other).problem(http.StatusBadRequest, "claim.reason_missing")
	other.body = `{"take_over":true,"reason":"she is ill"}`
	require.Equal(t, "token:test admin", h.do(other).json["claimed_by"])
	require.Equal(t, "token:test admin", h.ok("/provisioning").items()[1]["claimed_by"])
	require.Equal(t, 1, h.count(`SELECT count(*) FROM audit WHERE action = 'instance.claim'`))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM audit WHERE action = 'instance.take_over' AND reason = 'she is ill'`))

	bob := staff.Actor{Name: "operator:bob@example.com", Role: staff.Operator, Source: "operator"}
	err = h.provision.SetAccess(context.Background(), "i-CSMANUAL1", provision.Access{FrontEndURL: "https://a.cn"}, bob)
	require.Equal(t, "claim.held", fault.From(err).Key, "a person does not do another's work unknowingly")
	require.Equal(t, http.StatusOK, h.put("/instances/i-CSMANUAL1/access", `{"front_end_url":"https://a.cn"}`).status)
	require.Zero(t, h.count(`SELECT count(*) FROM provision_claims`))
	h.do(mine).problem(http.StatusConflict, "claim.not_waiting")
	require.Equal(t, []string{"i-CSMANUAL2"}, h.ok("/provisioning").ids("instance_id"))

	require.Equal(t, http.StatusOK, h.post("/instances/i-CSMANUAL2/claim", "").status)
	require.Equal(t, http.StatusOK, h.do(call{method: http.MethodDelete, path: "/instances/i-CSMANUAL2/claim", role: staff.Operator, body: `{"reason":"lunch"}`}).status)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM audit WHERE action = 'instance.unclaim' AND reason = 'lunch'`))

	_, err = h.store.SQL().Exec(`UPDATE tasks SET run_at = now() + interval '2 hours' WHERE parked_at IS NOT NULL AND instance_pk = (SELECT id FROM instances WHERE order_id = 'CSMANUAL2')`)
	require.NoError(t, err)
	require.Empty(t, h.ok("/provisioning").items())
	promised := h.ok("/provisioning?waits_for=system").items()
	require.Len(t, promised, 1)
	require.Equal(t, "system", promised[0]["waits_for"])
	h.get("/provisioning?waits_for=nobody").problem(http.StatusBadRequest, "request.invalid")
}

func TestOfManyWhoClaimAtOnceOneHasIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CSMANUAL1")
	h.work()
	var mu sync.Mutex
	won := 0
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		wg.Go(func() {
			_, err := h.provision.ClaimInstance(context.Background(), "i-CSMANUAL1", false, staff.Actor{Name: "operator:" + name, Source: "operator"})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if fault.From(err).Key != "claim.held" {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, won)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM audit WHERE action = 'instance.claim'`))
}
