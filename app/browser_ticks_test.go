package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// ticked is what is ticked on the page, which says how much that is.
func (b *tab) ticked() []string {
	b.r.t.Helper()
	var on []string
	var said string
	b.do(chromedp.WaitReady(`input[data-tick]`, chromedp.ByQuery),
		chromedp.Evaluate(`Array.from(document.querySelectorAll("input[data-tick]:checked"), box => box.value)`, &on),
		chromedp.Evaluate(`document.querySelector("[data-selected]").textContent`, &said))
	require.Equal(b.r.t, fmt.Sprint(len(on)), said)
	return on
}

// tick ticks the rows with these ids that are not ticked.
func (b *tab) tick(ids ...string) {
	b.r.t.Helper()
	for _, id := range ids {
		b.do(chromedp.Evaluate(`(box => box.checked || box.click())(document.querySelector("input[data-tick][value='`+id+`']"))`, nil))
	}
	require.ElementsMatch(b.r.t, ids, b.ticked())
}

// What an operator has ticked is on no other row when the operator comes back, when
// something ticked is gone and another row has taken its place, and when the page is
// loaded again; and what is restarted is the very row that was ticked, whose id no number
// of a script can hold.
func TestTicksAreOnTheirRowsWhateverBecomesOfTheList(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.buy("CS26112810TICKS")
	r.access(id)
	_, err := r.store.SQL().Exec(`SELECT setval(pg_get_serial_sequence('messages', 'id'), 9007199254740992)`) // 2^53
	require.NoError(t, err)
	r.manyFailing(3, id)
	const first, second, third = "9007199254740993", "9007199254740994", "9007199254740995"

	b := r.login()
	b.inEnglish()
	b.open("/messages?status=failed")
	require.Empty(t, b.ticked())
	b.tick(first, third)
	b.do(chromedp.Click(`.bulk button[type=submit]`, chromedp.ByQuery), chromedp.WaitVisible(`.restart-form`, chromedp.ByQuery))
	require.Contains(t, b.text("h1"), "Restart 2")
	b.do(chromedp.NavigateBack())
	require.Subset(t, []string{first, third}, b.ticked(), "what is ticked still is what was")

	b.tick(first, third)
	_, err = r.store.SQL().Exec(`DELETE FROM messages WHERE id = ` + third)
	require.NoError(t, err)
	_, err = r.store.SQL().Exec(`UPDATE messages SET last_received_at = now() WHERE id = ` + second) // the first row now
	require.NoError(t, err)
	b.do(chromedp.Reload())
	require.Subset(t, []string{first}, b.ticked(), "the row that is where the ticked one was is not")
	b.tick(first)
	b.do(chromedp.Click(`.bulk button[type=submit]`, chromedp.ByQuery), chromedp.WaitVisible(`.restart-form`, chromedp.ByQuery))
	require.Contains(t, b.text("h1"), "Restart 1")
	b.do(chromedp.SendKeys(`#f-reason`, "the product was down", chromedp.ByQuery),
		chromedp.Click(`.restart-form button[type=submit]`, chromedp.ByQuery), chromedp.WaitVisible(`.facts`, chromedp.ByQuery))
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM restart_items WHERE state = 'restarted' AND item_id = `+first) == 1
	}, time.Minute, 50*time.Millisecond, "%s", r.log)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM restart_items`))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM messages WHERE status = 'failed' AND id = `+second))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM messages WHERE status = 'succeeded' AND id = `+first))
}
