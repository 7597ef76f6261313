package console_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
)

// A flood stands among the refused calls, with how many there were, though none of
// them was kept.
func TestAFloodStandsAmongTheRefusedCalls(t *testing.T) {
	t.Parallel()
	h := open(t)
	from := time.Now().Add(-time.Minute)
	cause := fault.New(fault.Unauthenticated, "call.flood", "count", "4711")
	require.NoError(t, h.store.NoteFlood(t.Context(), h.channel.ID, market.V2, market.RejectedKey("call.flood", "", "", "", ""), 4711, from, time.Now(), cause))
	v := h.as(staff.Viewer)
	require.Contains(t, v.get("/messages?status=rejected").words("main"), "4711 within one minute")
	page := v.get("/messages/" + h.text(`SELECT id::text FROM messages`))
	require.Equal(t, 200, page.status)
	require.Contains(t, page.words("main"), "were answered 429")
}
