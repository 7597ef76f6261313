package console

import (
	"maps"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/restart"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// RestartMessage runs one message again and shows it.
func (k *Console) RestartMessage(c *fiber.Ctx) error {
	id, err := number(c, "message.unknown")
	if err != nil {
		return err
	}
	r, err := k.o.Intake.RestartMessage(c.UserContext(), id, actor(c))
	switch {
	case fault.Is(err, fault.Conflict):
		flash(c, "warn", trouble(k.localizer(c), fault.From(err)))
	case err != nil:
		return err
	case r.Ran && !r.Code.OK():
		flash(c, "bad", view.Say("flash.rerun_refused", "code", string(r.Code)))
	case r.Ran:
		flash(c, "ok", view.Say("flash.rerun", "code", string(r.Code)))
	default:
		flash(c, "ok", whatRuns(r.Given, r.Hurried))
	}
	return k.goTo(c, within(messageURL(id), address(c, "/messages", messageParams...)))
}

// whatRuns says how many tasks run again, and what became of the automatic retries
// that were still to come.
func whatRuns(given, hurried int) view.Text {
	switch {
	case hurried == 0:
		return view.Say("flash.restarted", "n", given)
	case given == 0:
		return view.Say("flash.hurried", "n", hurried)
	}
	return view.Say("flash.restarted_and", "given", view.Say("flash.restarted", "n", given), "hurried", view.Say("flash.hurried", "n", hurried))
}

// maxTicked bounds how many ticked messages one form may restart: a page has no
// more.
const maxTicked = store.MaxLimit

// RestartMessages runs the ticked messages again, or, with all=1, leads to what
// restarting everything that the list in return_to shows would do.
func (k *Console) RestartMessages(c *fiber.Ctx) error {
	back, ok := listOf(field(c, "return_to"))
	if field(c, "all") == "1" {
		if !ok {
			return fault.New(fault.Invalid, "http.bad_request")
		}
		o, err := k.orderOf(back.String(), "")
		if err != nil {
			return err
		}
		return k.goTo(c, newRestartURL(o.list).String())
	}
	ids := tickedIDs(c)
	if len(ids) == 0 {
		flash(c, "info", view.Say("flash.nothing_selected"))
		return k.goTo(c, back.String())
	}
	b, err := k.o.Restarts.Start(c.UserContext(), restart.Order{RestartSet: store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, IDs: ids}}, actor(c))
	if err != nil {
		return err
	}
	if b.Status != store.BatchDone {
		return k.goTo(c, batchURL(b.ID))
	}
	why, err := k.read.RefusedWhy(c.UserContext(), b.ID)
	if err != nil {
		return err
	}
	tone, text := bulkFlash(k.localizer(c), b, why)
	flash(c, tone, text)
	return k.goTo(c, back.String())
}

// listOf is the list of messages that an address of the console names; ok is
// false, and the list whole, when it names none.
func listOf(raw string) (list view.URL, ok bool) {
	path, query, _ := strings.Cut(local(raw), "?")
	if path != "/messages" {
		return addressOf("/messages", ""), false
	}
	return addressOf(path, query, messageParams...), true
}

// ticked are the ids that the form names, each once.
func ticked(c *fiber.Ctx) []string {
	ids := fields(c, "ids")
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids[:min(len(ids), maxTicked)]
}

// bulkFlash says how many messages were restarted, and why the others were not.
func bulkFlash(z *i18n.Localizer, b store.BatchRow, why map[string]int) (tone string, text view.Text) {
	switch {
	case b.Refused == 0:
		return "ok", view.Say("flash.restarted_messages", "n", b.Restarted)
	case b.Restarted == 0:
		return "warn", view.Say("flash.restarted_none", "why", reasons(z, why))
	}
	return "warn", view.Say("flash.restarted_why", "done", b.Restarted, "left", b.Refused, "why", reasons(z, why))
}

// reasons lists why things were refused, by the keys of the faults, the most
// frequent first.
func reasons(z *i18n.Localizer, counts map[string]int) view.Text {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, c string) int {
		if n := counts[c] - counts[a]; n != 0 {
			return n
		}
		return strings.Compare(a, c)
	})
	out := view.Text{}
	for _, key := range slices.Backward(keys) {
		one := view.Say("flash.reason", "count", counts[key], "what", what(z, fault.New(fault.Conflict, key)))
		if out.None() {
			out = one
			continue
		}
		out = view.Say("flash.reasons", "first", one, "rest", out)
	}
	return out
}
