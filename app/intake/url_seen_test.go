package intake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// seenAt is when each instance's address was first given, "" for never.
func (d *desk) seenAt(id string) string {
	d.t.Helper()
	return d.text(`SELECT COALESCE(url_seen_at::text, '') FROM instances WHERE instance_id = $1`, id)
}

func TestTheFirstPollThatSeesTheAddressIsKept(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.buy("i2")
	poll := func(ids string) { d.t.Helper(); d.send("activity", "queryInstance", "instanceId", ids) }
	poll("i1")
	require.Empty(t, d.seenAt("i1"), "there is none yet")
	d.ready("i1")
	d.send("activity", "queryInstance", "instanceId", "i1", "testFlag", "1")
	require.Empty(t, d.seenAt("i1"), "a debugging call sees nothing")
	_, err := restart(t, d, `activity = 'queryInstance' AND NOT test`)
	require.NoError(t, err)
	require.Empty(t, d.seenAt("i1"), "nor does the marketplace when a person restarts")
	poll("i1")
	first := d.seenAt("i1")
	require.Equal(t, d.text(`SELECT a.at::text FROM attempts a JOIN messages m ON m.id = a.message_id
		WHERE a.source = 'marketplace' AND NOT m.test AND m.activity = 'queryInstance' AND a.result_code = '000000'`), first)
	poll("i1")
	d.ready("i2")
	poll("i2,i1")
	require.Equal(t, first, d.seenAt("i1"), "later polls change nothing")
	require.NotEmpty(t, d.seenAt("i2"), "one of several")
	d.buy("i3")
	d.ready("i3")
	d.exec(`UPDATE instances SET front_end_url = '' WHERE instance_id = 'i3'`)
	poll("i3")
	require.Empty(t, d.seenAt("i3"), "success without an address")
}

func TestTheAnswerOfV1ThatHasTheAddressIsKept(t *testing.T) {
	t.Parallel()
	d := openPages(t, "https://k.example.com")
	require.Equal(t, "000000", d.buy1("b1")["resultCode"])
	d.call("queryInstance", "instanceId", "b1")
	require.Empty(t, d.seenAt("b1"), "the buyer's access page only stands in for it")
	d.ready("b1")
	d.buy1("b2", "orderId", "CS-b1")
	require.NotEmpty(t, d.seenAt("b1"), "the purchase's repeat was answered with it")

	patient := openV1(t, time.Hour)
	done := make(chan map[string]any, 1)
	go func() { done <- patient.buy1("p1") }()
	require.Eventually(t, func() bool { return patient.text(`SELECT count(*)::text FROM attempts`) == "1" }, time.Minute, 5*time.Millisecond)
	require.Empty(t, patient.seenAt("p1"))
	patient.ready("p1")
	patient.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now(); UPDATE messages SET status = 'succeeded'`)
	require.Equal(t, "000000", (<-done)["resultCode"])
	require.Equal(t, "t", patient.text(`SELECT (url_seen_at > first_received_at)::text::char FROM instances, messages`), "the answer that had to wait")
}
