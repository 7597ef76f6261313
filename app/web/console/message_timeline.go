package console

import (
	"slices"
	"time"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// messageTimeline tells the story of a message from its attempts and the tries
// of its tasks, newest first. The restart of a task alone is told by its try.
func messageTimeline(clock view.Clock, m *store.MessageDetail) []view.Event {
	var out []view.Event
	restarts, alone := map[time.Time]bool{}, map[taskAt]string{}
	for _, a := range m.AttemptLog {
		switch {
		case a.TaskID != 0:
			alone[taskAt{a.TaskID, a.At}] = a.Reason
			continue
		case a.Disposition == store.Restart:
			restarts[a.At] = true
		}
		out = append(out, attemptEvents(clock, m, a)...)
	}
	for _, t := range m.Tasks {
		for _, try := range t.Tries {
			if e, ok := tryEvent(clock, t, try, restarts); ok {
				e.Note = alone[taskAt{t.ID, try.At}]
				out = append(out, e)
			}
		}
	}
	return ordered(out)
}

// taskAt is a moment of a task.
type taskAt struct {
	task int64
	at   time.Time
}

func attemptEvents(clock view.Clock, m *store.MessageDetail, a store.AttemptRow) []view.Event {
	e := view.Event{At: clock.Time(a.At), Test: m.Test}
	switch a.Disposition {
	case store.Repeat:
		e.Kind = "repeated"
	case store.Conflict:
		e.Kind = "conflict"
	case store.Accepted:
		e.Kind, e.By = "accepted", by(a.Actor)
	case store.Rejected:
		e.Kind, e.Fault = "rejected", a.Error
	case store.Restart:
		e.Kind, e.By, e.Note, e.Fault = "restarted", by(a.Actor), a.Reason, a.Error
	default:
		e.Kind, e.Args = "received", []any{"what", activity(m.Activity)}
		if a.Error != nil {
			refused := view.Event{At: clock.Time(a.At.Add(a.Duration)), Kind: "refused", Args: []any{"code", a.ResultCode}, Fault: a.Error, Test: m.Test}
			return []view.Event{e, refused}
		}
	}
	return []view.Event{e}
}

// activity names what a message asks; a word that this release does not know is
// shown as an unknown call.
func activity(name string) view.Text {
	if slices.Contains(market.Activities(), name) {
		return view.Say("activity." + name)
	}
	return view.Say("activity.unknown")
}

// tryEvent is a task's try as a moment. What a restart of the whole message did
// to its tasks is no moment of its own.
func tryEvent(clock view.Clock, t store.TaskRow, try store.TaskTry, restarts map[time.Time]bool) (view.Event, bool) {
	e := view.Event{At: clock.Time(try.At.Add(try.Duration)), By: by(try.Actor), Fault: try.Error, Args: []any{"what", view.Say("task_kind." + string(t.Kind))}}
	switch try.Outcome {
	case "succeeded":
		switch {
		case t.Kind == outbox.OrderQuery:
			e.Kind, e.Args = "queried", nil
		case t.Kind == outbox.Provision && t.Purpose == outbox.Purchase:
			e.Kind, e.Args = "provisioned", nil
		default:
			e.Kind = "task_done"
		}
	case "failed":
		e.Kind = "task_failed"
	case "restarted":
		if restarts[try.At] {
			return e, false
		}
		e.Kind = "task_restarted"
	default: // lost and cancelled tries stand with the task itself
		return e, false
	}
	if t.DeliveryID != 0 {
		e.URL = deliveryURL(t.DeliveryID)
	}
	return e, true
}

// ordered puts events newest first and tells how long each took after the one
// before it.
func ordered(events []view.Event) []view.Event {
	slices.SortStableFunc(events, func(a, b view.Event) int { return b.At.At.Compare(a.At.At) })
	for i := 0; i+1 < len(events); i++ {
		events[i].Gap = max(0, events[i].At.Since(events[i+1].At))
	}
	return events
}
