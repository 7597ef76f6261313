package simulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

func httpServer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestJourney(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	s.queriesUntilApp = 3
	status, out, _ := s.command(t, "journey", "--interval", "1ms", "--wait", "10s")
	require.Equal(t, exitGood, status, out)
	require.Equal(t, []string{
		market.NewInstance, market.QueryInstance, market.RefreshInstance, market.UpdateInstanceStatus + market.Freeze,
		market.UpdateInstanceStatus + market.Unfreeze, market.UpgradeInstance, market.ReleaseInstance,
	}, s.activities())
	require.Contains(t, out, "instanceId ")
	require.Contains(t, out, "4 calls  https://app.example.com/a")
	instance := s.seen[0].BusinessID
	for _, c := range s.seen[1:] {
		require.Equal(t, instance, c.InstanceID(), "every step is about the instance that was bought")
	}
	require.NotEqual(t, s.seen[0].OrderID, s.seen[5].OrderID, "a renewal is a new order")
}

func TestJourneyEndsAtAFailure(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	s.spoil[market.UpdateInstanceStatus] = func(w http.ResponseWriter, _ market.Call, _ []byte) {
		send(w, []byte(`{"resultCode":"000005","resultMsg":"broken"}`))
	}
	status, out, _ := s.command(t, "journey", "--json", "--interval", "1ms")
	require.Equal(t, exitBad, status)
	var doc jsonJourney
	require.NoError(t, json.Unmarshal([]byte(out), &doc))
	require.False(t, doc.OK)
	require.Len(t, doc.Steps, 4)
	require.True(t, doc.Steps[2].OK)
	require.Equal(t, "freeze", doc.Steps[3].Name)
	require.Equal(t, "resultCode 000005 broken", doc.Steps[3].Error)
}

func TestJourneyGivesUpWaiting(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	s.queriesUntilApp = 1 << 30
	status, out, _ := s.command(t, "journey", "--interval", "1ms", "--wait", "30ms")
	require.Equal(t, exitBad, status)
	require.Contains(t, out, "FAIL access")
	require.Contains(t, out, "no appInfo for instance")
}

func TestJourneyInTheSandbox(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	status, out, _ := s.command(t, "journey", "--test")
	require.Equal(t, exitGood, status, out)
	for _, c := range s.seen {
		require.True(t, c.Test)
	}
	require.Equal(t, "MOCKPERIODYEARNEW", s.seen[0].OrderID)
}

// The life of an instance of SaaS V1.0, whose seller says "processing" before it
// has the access data.
func TestJourneyOfV1(t *testing.T) {
	t.Parallel()
	s := newSellerV1(t)
	ready, busy := s.answer, 2
	s.answer = func(c market.Call) market.Answer {
		if busy--; c.Activity == market.NewInstance && busy >= 0 {
			return market.Answer{Code: market.Processing, InstanceID: "I-" + c.OrderID}
		}
		return ready(c)
	}
	status, out, _ := s.command(t, "journey", "--interval", "1ms", "--wait", "10s")
	require.Equal(t, exitGood, status, out)
	require.Contains(t, out, "3 calls  instanceId I-"+s.seen[0].OrderID)
	require.Contains(t, out, "https://app.example.com/a")
	var played []string
	businesses := map[string]bool{}
	for _, c := range s.seen {
		played = append(played, c.Activity+" "+c.Target)
		if c.Activity == market.NewInstance {
			require.Equal(t, s.seen[0].OrderID, c.OrderID)
			businesses[c.BusinessID] = true
			continue
		}
		require.Equal(t, "I-"+s.seen[0].OrderID, c.InstanceID(), "every step is about the instance that was bought")
	}
	require.Len(t, businesses, 3, "a businessId of its own for every request")
	require.Equal(t, []string{"newInstance ", "newInstance ", "newInstance ", "queryInstance ", "refreshInstance ", "upgrade ", "instanceStatus FREEZE",
		"instanceStatus UNFREEZE", "expireInstance ", "releaseInstance "}, played)
	for _, name := range []string{"purchase", "access", "renew", "upgrade", "freeze", "unfreeze", "expire", "release"} {
		require.Contains(t, out, "ok   "+name)
	}

	s.answer = func(c market.Call) market.Answer {
		if c.Activity == market.ExpireInstance {
			return market.Answer{Code: market.OtherError, Msg: "broken"}
		}
		return ready(c)
	}
	status, out, _ = s.command(t, "journey")
	require.Equal(t, exitBad, status)
	require.Contains(t, out, "FAIL expire")
	require.NotContains(t, out, "release")
	s.answer = func(market.Call) market.Answer { return market.Answer{Code: market.Processing, InstanceID: "I"} }
	status, out, _ = s.command(t, "journey", "--interval", "1ms", "--wait", "30ms")
	require.Equal(t, exitBad, status)
	require.Contains(t, out, "no resultCode 000000 for instance I after 30ms")
}
