package console

import (
	"maps"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// RestartMessage runs one message again and shows it.
func (k *Console) RestartMessage(c *fiber.Ctx) error {
	id, err := number(c, "message.unknown")
	if err != nil {
		return err
	}
	r, err := k.o.Restarts.RestartOne(c.UserContext(), store.RestartMessages, store.RestartAll, id, actor(c))
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

// maxTicked bounds how many ticked rows one form may name: a page has no more.
const maxTicked = store.MaxLimit

// ticked are the ids that the form or the address names, each once.
func ticked(c *fiber.Ctx) []string {
	ids := fields(c, "ids")
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids[:min(len(ids), maxTicked)]
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
