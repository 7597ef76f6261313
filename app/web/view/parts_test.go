package view

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/i18n"
	"koodesk/app/staff"
)

func TestURLKeepsFiltersAndDropsThePlaceInTheList(t *testing.T) {
	t.Parallel()
	u := URL{Path: "/messages", Query: url.Values{"status": {"failed"}, "q": {"a&b ü"}, "before": {"x"}}}
	require.Equal(t, "/messages?q=a%26b+%C3%BC&status=succeeded", u.With("status", "succeeded").String())
	require.Equal(t, "/messages?q=a%26b+%C3%BC", u.With("status", "").String())
	require.Equal(t, "/messages?after=y&q=a%26b+%C3%BC&status=failed", u.With("before", "", "after", "y").String())
	require.Equal(t, "/messages?status=failed", u.Without("q").String())
	require.Equal(t, "/messages", u.Bare().String())
	require.Equal(t, "/messages?before=x&q=a%26b+%C3%BC&status=failed", u.String(), "the original is as it was")
	require.True(t, u.Filtered("status"))
	require.False(t, URL{Query: url.Values{"status": {"failed"}, "after": {"x"}, "q": {""}}}.Filtered("status"))
	require.Equal(t, "/x?a=b", URL{Path: "/x"}.With("a", "b").String(), "without any query to begin with")
}

func TestDaysAreTheReaders(t *testing.T) {
	t.Parallel()
	c := Clock{Zone: i18n.Zone("Asia/Shanghai"), Now: time.Date(2025, 11, 22, 6, 0, 0, 0, time.UTC)}
	at := func(h, m int) Time { return c.Time(time.Date(2025, 11, 21, h, m, 0, 0, time.UTC)) }
	rows := []Time{at(23, 30), at(16, 0), {}, at(15, 59)} // 07:30 and 00:00 on the 22nd, none, 23:59 on the 21st
	days := ByDay(rows, func(t Time) Time { return t })
	require.Len(t, days, 2)
	require.Len(t, days[0].Rows, 3)
	require.Equal(t, "2025-11-22", i18n.Date(days[0].First.At))
	require.Equal(t, "2025-11-21", i18n.Date(days[1].First.At))
	require.Empty(t, ByDay([]Time{}, func(t Time) Time { return t }))
}

func TestTime(t *testing.T) {
	t.Parallel()
	c := Clock{Zone: i18n.Zone("Asia/Shanghai"), Now: time.Date(2025, 11, 22, 6, 0, 0, 0, time.UTC)}
	require.True(t, c.Time(time.Time{}).IsZero(), "no moment stays none, in every zone")
	soon := c.Time(c.Now.Add(time.Hour))
	require.False(t, soon.Past())
	require.True(t, soon.Within(2*time.Hour))
	require.False(t, soon.Within(time.Minute))
	require.Equal(t, time.Hour, soon.Left())
	require.Zero(t, soon.Age())
	gone := c.Time(c.Now.Add(-time.Hour))
	require.True(t, gone.Past())
	require.False(t, gone.Within(2*time.Hour))
	require.Zero(t, gone.Left())
	require.Equal(t, time.Hour, gone.Age())
	require.Equal(t, 2*time.Hour, soon.Since(gone))
	require.Equal(t, "2025-11-22T07:00:00Z", soon.RFC3339())
	require.Equal(t, "Asia/Shanghai UTC+08:00", soon.Zone())
	require.Equal(t, "Asia/Shanghai (UTC+08:00)", c.ZoneLabel())
}

func TestTreeShowsWhatWasSent(t *testing.T) {
	t.Parallel()
	n := tree(" {\"z\":9223372036854775807,\"a\":1.50,\"a\":\"<b>\",\"e\":{},\"l\":[true,null]} ")
	require.NotNil(t, n)
	var names, texts []string
	for _, c := range n.Children {
		names, texts = append(names, c.Name), append(texts, c.Text)
	}
	require.Equal(t, []string{`"z"`, `"a"`, `"a"`, `"e"`, `"l"`}, names, "order and doubled names are kept")
	require.Equal(t, []string{"9223372036854775807", "1.50", `"<b>"`, "", ""}, texts, "every digit is kept")
	require.True(t, n.Children[4].Last)
	require.Equal(t, "null", n.Children[4].Children[1].Text)
	for name, body := range map[string]string{
		"nothing": "", "text": "plain", "a scalar": `"x"`, "cut off": `{"a":1`, "two": `{} {}`, "broken": `{"a":}`,
		"too deep": strings.Repeat("[", 200) + strings.Repeat("]", 200), "too much": "[" + strings.Repeat("1,", 5000) + "1]",
	} {
		require.Nil(t, tree(body), name)
	}
}

func TestNavigationIsForTheReader(t *testing.T) {
	t.Parallel()
	s := Shell{Operator: Operator{Email: "a@b.c", Role: staff.Viewer}, Room: RoomInstances, Counts: map[Room]int{RoomMessages: 3}}
	var seen []Room
	for _, g := range s.Nav() {
		for _, i := range g.Items {
			seen = append(seen, i.Room)
			require.Equal(t, i.Room == RoomInstances, i.Active)
			require.Equal(t, i.Room == RoomMessages, i.Count == 3)
		}
	}
	require.Equal(t, []Room{RoomHome, RoomMessages, RoomFailures, RoomInstances, RoomProvisioning, RoomCalendar, RoomDeliveries, RoomOrders, RoomLicenses, RoomLicenseCodes, RoomPools, RoomReconcile, RoomLeftovers, RoomStuck, RoomRestarts, RoomEvents, RoomTasks, RoomListing, RoomAlerts, RoomProducts, RoomTemplates, RoomChannels, RoomSelfCheck}, seen)
	require.Empty(t, Shell{}.Nav(), "nobody has no rooms")
	require.True(t, s.ReadOnly())
	require.False(t, s.May(staff.TasksRestart))
}

// Rooms come with later releases: whatever does not fit into the dock of a phone
// is in the drawer, and nothing is in both.
func TestDockAndDrawer(t *testing.T) {
	t.Parallel()
	for n := range 9 {
		items := make([]NavItem, n)
		dock, drawer := dockOf(items), items[len(dockOf(items)):]
		require.Equal(t, n, len(dock)+len(drawer))
		require.LessOrEqual(t, len(dock), 5)
		require.NotEqual(t, 1, len(drawer), "a drawer for a single room is silly")
	}
}

func TestEveryKeyOfTheNavigationIsItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range rooms {
		require.False(t, seen[r.Key], r.Key)
		seen[r.Key] = true
		for _, l := range i18n.Locales() {
			require.True(t, i18n.For(l).Has("nav."+string(r.Room)))
			require.True(t, r.Group == "" || i18n.For(l).Has("nav.group."+r.Group))
		}
	}
}

func TestEveryStatusHasALookAndAWord(t *testing.T) {
	t.Parallel()
	for kind, statuses := range pills {
		for status := range statuses {
			p := pillOf(kind, status)
			require.NotEmpty(t, p.Icon)
			for _, l := range i18n.Locales() {
				require.True(t, i18n.For(l).Has(p.Label), p.Label)
			}
		}
	}
	for _, kind := range []string{"message", "instance", "task", "delivery"} {
		for _, status := range Statuses(kind) {
			require.Contains(t, pills[kind], status)
		}
	}
	for _, kind := range Moments() {
		for _, l := range i18n.Locales() {
			require.True(t, i18n.For(l).Has("timeline."+kind), kind)
		}
	}
	require.Empty(t, pillOf("message", "of a newer release").Label, "an unknown status is shown as it is")
	require.Equal(t, "info", momentOf("of a newer release").Icon)
}

func TestSay(t *testing.T) {
	t.Parallel()
	en := i18n.For(i18n.En)
	require.Empty(t, say(en, Text{}))
	require.Equal(t, "1 task restarted", say(en, Say("flash.restarted", "n", 1)))
	require.Equal(t, "Order query failed", say(en, Say("timeline.task_failed", "what", Say("task_kind.order_query"))))
}

func TestSmallThings(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"ann.zhang": "AZ", "bo": "B", "": "?", "张 三": "张", "a-b-c": "AB", "--": "?"} {
		require.Equal(t, want, initials(name), name)
	}
	require.Equal(t, "999", badge(999))
	require.Equal(t, "999+", badge(1000))
	_, err := dict("a")
	require.Error(t, err)
	_, err = dict(1, 2)
	require.Error(t, err)
	require.Equal(t, "not all", Shell{Theme: "light"}.DarkMedia())
	require.Equal(t, "all", Shell{Theme: "dark"}.DarkMedia())
	require.Contains(t, Shell{}.DarkMedia(), "prefers-color-scheme")
	require.True(t, Action{Show: true}.On())
	require.False(t, Action{Show: true, Why: Say("why.task_done")}.On())
	require.False(t, Action{}.On())
	require.Equal(t, ListNoMatch, StateOf(0, true))
	require.Equal(t, ListEmpty, StateOf(0, false))
	require.Equal(t, ListRows, StateOf(1, true))
}
