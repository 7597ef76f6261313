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

// Beside the word that leads to a room, its number leads to what it counts: big enough to
// press, covered by nothing, wide and on a phone, at the bottom and in the drawer.
func TestTheNumbersOfTheNavigationArePressed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.access(r.buy("CS26112817LEFT"))
	_, err := r.store.SQL().Exec(`INSERT INTO leftovers (instance_pk, driver, reason) SELECT id, 'manual', 'by_hand' FROM instances`)
	require.NoError(t, err)
	r.failedPurchases(1)
	b := r.login()
	press := func(width int64, within, list string, before ...chromedp.Action) {
		t.Helper()
		b.size(width, 800, "light")
		b.open("/instances")
		number := within + ` .nav-waits[href='` + list + `']`
		b.do(append(before, chromedp.WaitVisible(number, chromedp.ByQuery))...)
		b.shot("numbers-" + within[1:])
		var least float64
		b.do(chromedp.Evaluate(`(({width, height}) => Math.min(width, height))(document.querySelector("`+number+`").getBoundingClientRect())`, &least))
		require.GreaterOrEqual(t, least, 24.0, "%s at %d", number, width)
		require.True(t, b.inSight(number), "%s at %d", number, width)
		require.True(t, b.inSight(within+` .nav-line:has([href='`+list+`']) > :first-child`), "%s at %d: the word", number, width)
		var where string
		b.do(chromedp.Click(number, chromedp.ByQuery), chromedp.WaitReady(`.tabs a[href^="`+list+`"][aria-current]`, chromedp.ByQuery), chromedp.Location(&where))
		require.Contains(t, where, list)
	}
	for _, width := range []int64{1440, 1000} {
		press(width, ".side", "/failures?status=waiting")
		press(width, ".side", "/leftovers?status=open")
	}
	press(375, ".dock", "/failures?status=waiting")
	press(375, ".pop-up", "/leftovers?status=open", chromedp.Click(`.dock-more > summary`, chromedp.ByQuery))
	b.open("/instances")
	b.do(chromedp.Click(`.dock-more > summary`, chromedp.ByQuery), chromedp.WaitVisible(`.pop-up`, chromedp.ByQuery))
	require.True(t, b.inSight(`.pop-up .nav-line`), "the drawer is not higher than the phone")
}
