package console

import (
	"time"

	"koodesk/app/deliver"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// instanceTimeline tells the life of an instance, newest first: what changed,
// who asked for it, what failed on the way, and what the customer was told.
// found is the message that the page is to lead to, 0 for none.
func instanceTimeline(clock view.Clock, i *store.InstanceDetail, found int64) []view.Event {
	l := life{clock: clock, deliveries: i.Deliveries, restarts: map[time.Time]bool{}, found: found}
	for _, e := range i.Timeline {
		if e.Sort == store.EventRestart {
			l.restarts[e.At] = true
		}
	}
	out := []view.Event{{At: clock.Time(i.CreatedAt), Kind: "created"}}
	for _, e := range i.Timeline {
		if shown, ok := l.event(e); ok {
			shown.At = clock.Time(e.At)
			if shown.By == "" {
				shown.By = by(e.Actor)
			}
			out = append(out, shown)
		}
	}
	return ordered(out)
}

// life is what the events of one timeline need to know of the whole.
type life struct {
	clock      view.Clock
	deliveries []store.DeliveryRow
	restarts   map[time.Time]bool // when a whole message was restarted
	found      int64              // the message that was looked for; 0: none
}

// event turns a moment into what the page says of it; false for one that
// another entry tells already.
func (l life) event(e store.TimelineEvent) (view.Event, bool) {
	switch e.Sort {
	case store.EventChange:
		return l.change(e)
	case store.EventMessage:
		return l.message(e)
	case store.EventRestart:
		return view.Event{Kind: "restarted", URL: messageURL(e.MessageID), Note: e.Reason, Fault: e.Error}, true
	case store.EventTask:
		return l.try(e)
	case store.EventDelivery:
		return l.delivery(e)
	case store.EventAudit:
		switch e.Kind {
		case staff.ActReveal:
			return view.Event{Kind: "revealed", Note: e.Reason}, true
		case staff.ActRefuseNotices:
			return view.Event{Kind: "notices_refused"}, true
		case staff.ActWantNotices:
			return view.Event{Kind: "notices_wanted"}, true
		case staff.ActRenewLink:
			return view.Event{Kind: "link_renewed", Note: e.Reason}, true
		case staff.ActClaim:
			return view.Event{Kind: "claimed", Note: e.Reason}, true
		case staff.ActTakeOver:
			return view.Event{Kind: "taken_over", Note: e.Reason}, true
		case staff.ActUnclaim:
			return view.Event{Kind: "unclaimed", Note: e.Reason}, true
		case staff.ActRepairStuck:
			return view.Event{Kind: "repaired", Note: e.Reason}, true
		}
	case store.EventLink:
		return l.link(e), true
	case store.EventPoll:
		return l.polled(e), true
	case store.EventURLSeen:
		return view.Event{Kind: "url_seen", Args: []any{"after", e.Duration}, URL: instanceURL(e.InstanceID)}, true
	case store.EventReceipt:
		return l.receipt(e)
	}
	return view.Event{}, false
}

func (l life) change(e store.TimelineEvent) (view.Event, bool) {
	out := view.Event{}
	if e.MessageID != 0 {
		out.URL = messageURL(e.MessageID)
	}
	switch market.ChangeKind(e.Kind) {
	case market.StatusChanged:
		out.Kind = statusMoment(e.Old, e.New)
	case market.ExpiryChanged:
		out.Kind, out.Args = "renewed", []any{"to", l.expiry(e.New)}
	case market.ProductChanged:
		out.Kind, out.Args = "changed", []any{"from", e.Old, "to", e.New}
		if e.Old == "" {
			out.Kind, out.Args = "product", []any{"to", e.New}
		}
	case market.OrderLearned:
		out.Kind = "order"
	case market.PasswordChanged:
		out.Kind = "password_wiped"
	case market.AccessChanged:
		out.Kind = "access_set"
	case market.CustomerChanged:
		out.Kind = "customer"
		if e.New == deliver.NoAddress {
			out.Kind = "no_address"
		}
	}
	return out, out.Kind != ""
}

func statusMoment(old, now string) string {
	switch market.InstanceStatus(now) {
	case market.Active:
		if old == string(market.Frozen) {
			return "unfrozen"
		}
		return "activated"
	case market.Frozen:
		return "frozen"
	case market.Released:
		return "released"
	}
	return ""
}

// expiry is a stored time as the reader sees times.
func (l life) expiry(stamp string) any {
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return view.Say("instances.no_expiry")
	}
	return l.clock.Exact(at)
}

func (l life) message(e store.TimelineEvent) (view.Event, bool) {
	out := view.Event{ID: callAnchor(e.MessageID), Found: e.MessageID == l.found, Kind: "received", Args: []any{"what", activity(e.Kind)}, URL: messageURL(e.MessageID), Fault: e.Error, Aside: shared(e)}
	if e.Status == store.MessageRejected {
		out.Kind, out.Args = "rejected", nil
	}
	return out, true
}

// shared says of a poll that it asked for others too: its answer is one for all.
func shared(e store.TimelineEvent) view.Text {
	if e.Others == 0 {
		return view.Text{}
	}
	return view.Say("timeline.shared", "n", e.Others)
}

// try shows what failed and what people restarted: what went well shows as the
// change that it made.
func (l life) try(e store.TimelineEvent) (view.Event, bool) {
	out := view.Event{Args: []any{"what", view.Say("task_kind." + e.Kind)}, Fault: e.Error}
	switch {
	case e.DeliveryID != 0:
		out.URL = deliveryURL(e.DeliveryID)
	case e.MessageID != 0:
		out.URL = messageURL(e.MessageID)
	}
	switch e.Status {
	case "failed":
		out.Kind = "task_failed"
	case "restarted":
		if l.restarts[e.At.Add(-e.Duration)] {
			return out, false
		}
		out.Kind, out.Note = "task_restarted", e.Reason
	case "succeeded":
		if e.Purpose != string(outbox.Release) {
			return out, false
		}
		out.Kind = "task_done"
	default:
		return out, false
	}
	return out, true
}

func (l life) delivery(e store.TimelineEvent) (view.Event, bool) {
	if e.Status != string(outbox.Succeeded) {
		return view.Event{}, false
	}
	for _, d := range l.deliveries {
		if d.ID != e.DeliveryID {
			continue
		}
		out := view.Event{Kind: "sent", Args: []any{"what", deliveryKind(d.Kind), "to", d.To}, URL: deliveryURL(d.ID)}
		switch {
		case kept(d):
			out.Kind = "kept"
		case d.Resends > 0:
			out.Kind = "resent"
		}
		return out, true
	}
	return view.Event{}, false
}
