package console

import (
	"cmp"
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// listed is a page with a list: what it is drawn by, and how it is filled.
type listed struct {
	name  string // of the page
	shell *view.Shell
	list  *view.List
	page  any // the page itself, which holds the two
	rows  func(context.Context) error
	whole func(context.Context) error // adds what only the whole page shows; may be nil
	bad   bool                        // the address asked for what cannot be
}

// answer sends the list alone to a script that asked for no more, else the whole
// page. A list that cannot be read is a page that says so.
func (k *Console) answer(c *fiber.Ctx, l listed) error {
	status := fiber.StatusOK
	if l.bad {
		status = fiber.StatusUnprocessableEntity
	}
	if err := l.rows(c.UserContext()); err != nil {
		if status = k.broken(c, l.list, err); fragment(c, "results") {
			return err
		}
	}
	if fragment(c, "results") {
		return k.block(c, status, *l.shell, l.name, view.BlockResults, l.page)
	}
	if l.whole != nil {
		if err := l.whole(c.UserContext()); err != nil {
			return err
		}
	}
	l.shell.Search = l.list.Filter.Q
	if err := k.whole(c, l.shell); err != nil {
		return err
	}
	return k.page(c, status, *l.shell, l.name, l.page)
}

// paging reads where in a list the reader is, and how much of it they want to see.
func paging(u view.URL) store.Paging {
	return store.Paging{Cursor: orElse(u.Get("after"), u.Get("before")), Limit: u.Rows}
}

// pager leads on from a page of the store.
func pager[T any](u view.URL, p store.Page[T]) view.Pager {
	out := view.Pager{Shown: len(p.Items), Rows: cmp.Or(u.Rows, store.DefaultLimit), Here: u.String()}
	top := u.Without()
	if p.Newer != "" {
		out.First, out.Newer = top.String(), top.With("after", p.Newer).String()
	}
	if p.Older != "" {
		out.Older = top.With("before", p.Older).String()
	}
	return out
}

// tabs are the views of a list by status. counts may be nil: not known.
func tabs(kind string, u view.URL, counts store.Counts) []view.Tab {
	active := u.Get("status")
	tab := func(label, status string, to view.URL) view.Tab {
		n, more := countIn(counts, status)
		return view.Tab{Label: view.Say(label), Value: status, URL: to, Count: n, More: more, Active: active == status}
	}
	out := []view.Tab{tab("list.all", "", u.Without("status"))}
	for _, status := range view.Statuses(kind) {
		t := tab("status."+kind+"."+status, status, u.With("status", status))
		if status == "failed" {
			t.Tone = "bad"
		}
		out = append(out, t)
	}
	return out
}

// waiting stands among the statuses of a list for what waits for a person: what the
// start page counts of it.
const waiting = "waiting"

// narrowedTo reads the status that a list is narrowed to, and whether to what waits.
func narrowedTo(u view.URL) (status string, waits bool) {
	if status = u.Get("status"); status == waiting {
		return "", true
	}
	return status, false
}

// waitingTab stands beside the tabs of statuses. Its rows have one of those, so that
// it has no number of its own.
func waitingTab(u view.URL, label string) view.Tab {
	return view.Tab{Label: view.Say(label), Value: waiting, URL: u.With("status", waiting), Count: -1, Active: u.Get("status") == waiting}
}

// countIn is the number on a tab, -1 for none: what is not known, or "at least
// nothing". more says that there are more than the number, which is not so big
// that its text says it already.
func countIn(counts store.Counts, status string) (n int, more bool) {
	c := counts[status]
	switch {
	case counts == nil, c.More && c.N == 0:
		return -1, false
	}
	return c.N, c.More && c.N < 1000
}

// choose is a filter with choices: none, then each value under the texts below
// prefix.
func choose(u view.URL, name, label, none, prefix string, values ...string) view.Select {
	s := view.Select{Name: name, Label: view.Say(label), Options: []view.Option{{Label: view.Say(none), Selected: u.Get(name) == ""}}}
	for _, v := range values {
		s.Options = append(s.Options, view.Option{Value: v, Label: view.Say(prefix + v), Selected: u.Get(name) == v})
	}
	return s
}

// byChannel is the filter by channel, where there are several.
func byChannel(u view.URL, channels []store.ChannelRow) []view.Select {
	if len(channels) < 2 {
		return nil
	}
	s := view.Select{Name: "channel", Label: view.Say("filter.channel"),
		Options: []view.Option{{Label: view.Say("filter.any_channel"), Selected: u.Get("channel") == ""}}}
	for _, ch := range channels {
		s.Options = append(s.Options, view.Option{Value: ch.Slug, Selected: u.Get("channel") == ch.Slug})
	}
	return []view.Select{s}
}

// chip is a filter without a control, if it is set.
func chip(u view.URL, name, label string) []view.Chip {
	v := u.Get(name)
	if v == "" {
		return nil
	}
	return []view.Chip{{Name: view.Say(label), Value: v, Param: name, Drop: u.Without(name)}}
}

// typed is the form of datetime-local inputs.
const typed = "2006-01-02T15:04"

// span reads a time range: a preset counts back from now, "custom" has limits in
// the reader's zone, each of which may be missing. ok is false when the limits
// make no sense; the range then says so.
func span(u view.URL, clock view.Clock) (r *view.Range, since, until time.Time, ok bool) {
	r = &view.Range{Preset: u.Get("range")}
	if r.Preset != "custom" {
		for _, p := range view.Presets {
			if p.Name == r.Preset {
				return r, clock.Now.Add(-p.Back), time.Time{}, true
			}
		}
		r.Preset = ""
		return r, since, until, true
	}
	r.Since, r.Until = u.Get("since"), u.Get("until")
	since, okSince := limit(r.Since, clock.Zone)
	until, okUntil := limit(r.Until, clock.Zone)
	if okSince && okUntil && (since.IsZero() || until.IsZero() || since.Before(until)) {
		return r, since, until, true
	}
	r.Wrong = view.Say("range.wrong")
	return r, time.Time{}, time.Time{}, false
}

func limit(s string, zone *time.Location) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	for _, layout := range []string{typed, typed + ":05"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// broken is a list that could not be read; trying again begins at its top, since
// the place in it may be what is wrong.
func broken(l *view.List, err error) int {
	f := fault.From(err)
	l.State, l.Fault = view.ListError, fault.ToRecord(f)
	if f.Code == fault.Internal {
		l.Fault.Detail = "" // the cause is for the log
	}
	l.Filter.URL = l.Filter.URL.Without()
	l.Tabs = nil
	return statusOf(f.Code)
}

// filtered tells whether anything keeps rows out of a list.
func filtered(u view.URL) bool {
	return u.Filtered() || u.Get("before") != "" || u.Get("after") != ""
}
