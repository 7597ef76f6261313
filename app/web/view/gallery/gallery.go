// Package gallery shows every page of the console in every state, with made-up
// data: for the tests that walk all of them, and for the eyes of whoever works on
// the look. Nothing of it is ever part of a running product: only tests and
// scripts/gallery import it.
package gallery

import (
	"net/url"
	"time"

	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

// Sample is one page in one state.
type Sample struct {
	Name string // "messages-full": also a file's name
	Page string // of the engine
	Data any
}

// Now is the moment at which the gallery stands still.
var Now = time.Date(2025, 11, 22, 6, 3, 5, 0, time.UTC) // 14:03:05 in Shanghai

// look is how one sample differs in its shell.
type look struct {
	locale i18n.Locale
	role   staff.Role
}

// All lists every sample in one language.
func All(l i18n.Locale) []Sample {
	op := look{locale: l, role: staff.Operator}
	ro := look{locale: l, role: staff.Viewer}
	out := append(session(op), messageSamples(op, ro)...)
	out = append(out, instanceSamples(op, ro)...)
	out = append(out, provisioningSamples(op, ro)...)
	out = append(out, licenseSamples(op, ro)...)
	out = append(out, codeSamples(op, ro)...)
	out = append(out, calendarSamples(op, ro)...)
	out = append(out, deliverySamples(op, ro)...)
	out = append(out, chartSamples(op)...)
	out = append(out, taskSamples(op, ro)...)
	out = append(out, eventSamples(op, ro, look{locale: l, role: staff.Admin})...)
	out = append(out, reconcileSamples(op, ro)...)
	out = append(out, poolSamples(op, ro)...)
	out = append(out, leftoverSamples(op, ro)...)
	out = append(out, stuckSamples(op, ro)...)
	out = append(out, listingSamples(op)...)
	out = append(out, alertSamples(op, ro, look{locale: l, role: staff.Admin})...)
	out = append(out, failureSamples(op, ro)...)
	out = append(out, restartSamples(op, ro)...)
	out = append(out, selfCheckSamples(op, ro)...)
	out = append(out, searchSamples(op)...)
	out = append(out, channelSamples(op, ro)...)
	out = append(out, productSamples(op, ro)...)
	out = append(out, templateSamples(op, ro)...)
	out = append(out, buyerSamples(op)...)
	return append(out, hostile(op)...)
}

var shanghai = i18n.Zone("Asia/Shanghai")

func clock() view.Clock { return view.Clock{Zone: shanghai, Now: Now} }

// ago is a moment before Now, to the millisecond as a database gives it.
func ago(d time.Duration) view.Time { return clock().Time(Now.Add(-d)) }

func (k look) shell(room view.Room, here string) view.Shell {
	return view.Shell{
		Room:     room,
		Operator: view.Operator{Name: "ann.zhang", Email: "ann.zhang@example.com", Role: k.role},
		CSRF:     "gallery-token",
		Locale:   k.locale,
		Theme:    "auto",
		Clock:    clock(),
		Here:     here,
		Counts:   map[view.Room]int{view.RoomMessages: 3, view.RoomFailures: 1204, view.RoomProvisioning: 1, view.RoomDeliveries: 1, view.RoomStuck: 12},
		Version:  "0.1.0",
	}
}

// may is an action that this reader's role allows.
func (k look) may(p staff.Permission, address string) view.Action {
	return view.Action{URL: address, Show: k.role.May(p)}
}

// not is an action that the role allows, but that cannot work now.
func (k look) not(p staff.Permission, address, why string) view.Action {
	return view.Action{URL: address, Show: k.role.May(p), Why: view.Say(why)}
}

func address(path string, pairs ...string) view.URL {
	return view.URL{Path: path, Query: url.Values{}}.With(pairs...)
}

func tabs(kind string, at view.URL, active string, counts map[string]int) []view.Tab {
	out := []view.Tab{{Label: view.Say("list.all"), URL: at.Without("status"), Count: -1, Active: active == ""}}
	for _, s := range view.Statuses(kind) {
		n, ok := counts[s]
		if !ok {
			n = -1
		}
		tone := ""
		if s == "failed" {
			tone = "bad"
		}
		out = append(out, view.Tab{Label: view.Say("status." + kind + "." + s), Value: s, URL: at.With("status", s), Count: n, Active: active == s, Tone: tone})
	}
	if label := waits[kind]; label != "" {
		out = append(out, view.Tab{Label: view.Say(label), Value: "waiting", URL: at.With("status", "waiting"), Count: -1, Active: active == "waiting"})
	}
	return out
}

// waits is what the tab of what waits for a person is called in each list that has one.
var waits = map[string]string{"instance": "filter.due", "delivery": "filter.waiting", "event": "filter.waiting", "group": "filter.waiting", "license": "filter.waiting_license"}

func options(any string, selected string, prefix string, values ...string) []view.Option {
	out := []view.Option{{Label: view.Say(any), Selected: selected == ""}}
	for _, v := range values {
		out = append(out, view.Option{Value: v, Label: view.Say(prefix + v), Selected: v == selected})
	}
	return out
}
