package console_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/staff"
)

// A flood stands among the refused calls, with how many there were, though none of
// them was kept. What a key explains and what it does not are told apart.
func TestAFloodStandsAmongTheRefusedCalls(t *testing.T) {
	t.Parallel()
	h := open(t)
	from := time.Now().Add(-time.Minute)
	for _, f := range []intake.Flood{{N: 4711, IP: "203.0.113.9", Reason: "call.signature_missing"}, {Kind: "keyed", N: 4711, IP: "198.51.100.7", Reason: "call.signature_wrong"}} {
		f.Channel, f.Protocol, f.From, f.Until = h.channel.ID, market.V2, from, from.Add(time.Second)
		require.NoError(t, h.intake.Flooded(t.Context(), f))
	}
	v := h.as(staff.Viewer)
	said := v.get("/messages?status=rejected").words("main")
	require.Contains(t, said, "without a proper signature (browsers, scanners) than are kept: 4711 within one minute")
	require.Contains(t, said, "with a signature that no key of ours proves than are kept: 4711 within one minute")
	page := v.get("/messages/" + h.text(`SELECT max(id)::text FROM messages`))
	require.Equal(t, 200, page.status)
	require.Contains(t, page.words("main"), "were answered 429")
	require.Contains(t, page.words("main"), "198.51.100.7 call.signature_wrong", "who was last, and why")
}
