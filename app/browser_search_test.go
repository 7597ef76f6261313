package main

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// inSight says whether the middle of an element is what one sees at its place: in the
// window, and under nothing.
func (b *tab) inSight(selector string) (seen bool) {
	b.r.t.Helper()
	b.do(chromedp.Evaluate(`(() => {
		const e = document.querySelector("`+selector+`"), box = e.getBoundingClientRect();
		return [box.top + 2, box.top + box.height / 2].every((y) => e.contains(document.elementFromPoint(box.left + box.width / 2, y)));
	})()`, &seen))
	return seen
}

// An id from the middle of a long life, pasted into the search, leads to that call: in
// sight, marked, and still so after the page has looked again by itself.
func TestAPastedIDLeadsToItsCallInSight(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.buy("CS26112816LONG")
	r.access(id)
	_, err := r.store.SQL().Exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, instance_id, attempts, first_received_at, last_received_at)
SELECT channel_id, 'v2', 'refreshInstance', 'key-' || n, 'succeeded', '000000', 'CSAGAIN' || n, $1, 1, now() - n * interval '1 day', now() - n * interval '1 day'
  FROM messages, generate_series(1, 80) AS n
 WHERE activity = 'newInstance'`, id)
	require.NoError(t, err)
	_, err = r.store.SQL().Exec(`
INSERT INTO tasks (kind, status, unique_key, instance_pk, run_at)
SELECT 'event', 'pending', 'tomorrow', id, now() + interval '1 day' FROM instances`) // so that the page looks again
	require.NoError(t, err)
	b := r.login()
	b.inEnglish()
	const found = ".timeline li[aria-current=true]"
	for _, width := range []int64{1440, 375} {
		b.size(width, 800, "light")
		b.open("/instances")
		b.do(chromedp.SendKeys(`#search`, "CSAGAIN57\r", chromedp.ByQuery), chromedp.WaitVisible(found, chromedp.ByQuery))
		var plain, marked string
		b.do(chromedp.Evaluate(`getComputedStyle(document.querySelector("`+found+` > .moment")).backgroundColor`, &marked),
			chromedp.Evaluate(`getComputedStyle(document.querySelector(".timeline li:not([aria-current]) > .moment")).backgroundColor`, &plain))
		require.NotEqual(t, plain, marked)
		require.Eventually(t, func() bool { return b.inSight(found) }, 10*time.Second, 20*time.Millisecond, "at %d", width)
		b.do(chromedp.Evaluate(`document.querySelector("#live").dataset.before = "1"`, nil))
		require.Eventually(t, func() (gone bool) {
			b.do(chromedp.Evaluate(`!document.querySelector("#live[data-before]")`, &gone))
			return gone
		}, 30*time.Second, 50*time.Millisecond, "it looks again by itself")
		require.True(t, b.inSight(found), "after a look by itself, at %d", width)
		b.do(chromedp.Evaluate(`getComputedStyle(document.querySelector("`+found+` > .moment")).backgroundColor`, &plain))
		require.Equal(t, marked, plain)
	}
}
