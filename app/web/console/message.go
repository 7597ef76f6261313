package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/restart"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// attemptsShown is how many attempts a message's page has at first: one that is
// repeated for days has hundreds.
const attemptsShown = 20

// Message is one interface message with everything that followed from it.
func (k *Console) Message(c *fiber.Ctx) error {
	id, err := number(c, "message.unknown")
	if err != nil {
		return err
	}
	s, err := k.shell(c, view.RoomMessages)
	if err != nil {
		return err
	}
	shown := attemptsShown
	if c.Query("attempts") == "all" {
		shown = store.MaxLimit
	}
	m, err := k.read.MessageDetail(c.UserContext(), id, shown)
	if err != nil {
		return err
	}
	list := address(c, "/messages", messageParams...)
	p := messagePage(s, m, list, shown)
	if p.Tasks, err = k.taskRows(c.UserContext(), s, m.Tasks); err != nil {
		return err
	}
	if err := k.restartOf(c.UserContext(), k.localizer(c), &p); err != nil {
		return err
	}
	if err := k.fillQuarantine(c.UserContext(), &p, m.MessageRow, list); err != nil {
		return err
	}
	if fragment(c, "live") {
		return k.block(c, fiber.StatusOK, s, view.PageMessage, view.BlockLive, p)
	}
	newer, older, err := k.read.MessageNeighbours(c.UserContext(), readMessages(list, s.Clock).filter, m.MessageRow)
	if err != nil {
		return err
	}
	p.Prev, p.Next = neighbour(messageURL, newer, list), neighbour(messageURL, older, list)
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, s, view.PageMessage, p)
}

func neighbour(address func(int64) string, id int64, list view.URL) string {
	if id == 0 {
		return ""
	}
	return within(address(id), list)
}

// messagePage fills the page from a message with at most shown of its attempts.
func messagePage(s view.Shell, m *store.MessageDetail, list view.URL, shown int) view.MessagePage {
	p := view.MessagePage{Shell: s, Message: messageRow(s.Clock, m.MessageRow, list), Back: list.String(),
		Restart: action(s, staff.MessagesRestart, within(messageURL(m.ID)+"/restart", list), whyNoRestart(m)),
		Facts:   messageFacts(s.Clock, m), All: view.URL{Path: messageURL(m.ID), Query: list.Query}.With("attempts", "all").String(),
		Timeline: messageTimeline(s.Clock, m), Live: underWay(m.Tasks)}
	last := len(m.AttemptLog) // of calls that are not authentic only the first attempts are kept
	if last == shown {
		last = max(m.Attempts, last)
		p.Hidden = max(0, min(last, store.MaxLimit)-shown)
	}
	p.Restarts, p.RestartsMore = ownRestarts(s.Clock, m.Restarts), m.RestartsMore
	p.Gone = m.Status != store.MessageRejected && len(m.AttemptLog) < min(shown, m.Attempts)
	for i, a := range m.AttemptLog {
		one := attempt(s.Clock, a, last-i)
		one.Why = whyRepeated(m.MessageRow, a.Disposition)
		one.Restart = restartOfAttempt(p.Restarts, a)
		p.Attempts = append(p.Attempts, one)
	}
	if len(p.Attempts) > 0 {
		p.Attempts[0].Open = true
		p.Diagnosis = p.Attempts[0].Diagnosis
	}
	if clock, ok := m.RetryClock(s.Clock.Now); ok {
		p.Retry = view.RetryOf(s.Clock, clock)
		p.Retry.Claimed, p.Retry.IfLicense = m.Status == store.MessageRejected, m.IfLicense
	}
	tells := slices.ContainsFunc(m.Tasks, func(t store.TaskRow) bool {
		return t.Kind == outbox.Deliver || t.Kind == outbox.Notice
	})
	if tells && s.May(staff.MessagesRestart) && restart.MaySend(s.Operator.Role) {
		p.Tell = newRestartURL(list).With("mode", store.RestartDelivery, "ids", strconv.FormatInt(m.ID, 10), "from", fromMessage).String()
	}
	if l := m.OvertakenBy; l.MessageID != 0 {
		p.Overtaken = view.Fact{Text: view.Say("activity." + l.Activity), Value: "#" + strconv.FormatInt(l.MessageID, 10), URL: messageURL(l.MessageID)}
	}
	return p
}

// whyRepeated tells why a call that came again did what it did.
func whyRepeated(m store.MessageRow, disposition string) view.Text {
	switch disposition {
	case store.Repeat:
		if m.Activity == market.NewInstance && m.InstanceID != "" {
			return view.Say("quarantine.why.purchase", "order", orElse(m.OrderLineID, m.OrderID), "instance", m.InstanceID)
		}
		if market.SetsState(m.Activity) || m.Activity == market.QueryInstance || m.Activity == market.ChangeInstanceCheck {
			return view.Say("quarantine.why.same") // its content is not compared: the key says all that it asks
		}
		return view.Say("quarantine.why.repeat")
	case store.Applied:
		return view.Say("quarantine.why.applied")
	case store.Conflict:
		return view.Say("quarantine.why.conflict")
	}
	return view.Text{}
}

// whyNoRestart tells why a message cannot be restarted now.
func whyNoRestart(m *store.MessageDetail) view.Text {
	if m.Status == store.MessageRejected {
		return view.Say("why.message_rejected")
	}
	open, parked := 0, 0
	for _, t := range m.Tasks {
		switch {
		case t.Status == outbox.Running:
			return view.Say("why.message_running")
		case t.Parked:
			parked++
		case t.Status == outbox.Pending || t.Status == outbox.Failed:
			open++
		}
	}
	if parked > 0 && open == 0 {
		return view.Say("why.message_waiting")
	}
	return view.Text{}
}

// underWay tells whether tasks are going to change by themselves soon.
func underWay(tasks []store.TaskRow) bool {
	for _, t := range tasks {
		if t.Status == outbox.Running || t.Status == outbox.Pending && !t.Parked {
			return true
		}
	}
	return false
}

// instancesFact names the instance that a call is about, or all of them.
func instancesFact(m *store.MessageDetail) view.Fact {
	var all []view.Fact
	for _, id := range m.InstanceIDs {
		f := view.Fact{Value: id, Mono: true, Copy: len(all) == 0}
		if slices.Contains(m.Known, id) {
			f.URL = instanceURL(id)
			if m.TimelineInstance() == id {
				f.URL = callURL(id, m.ID)
			}
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		return view.Fact{Label: view.Say("fact.instance")}
	}
	out := all[0]
	out.Label, out.More = view.Say("fact.instance"), all[1:]
	if len(out.More) > 0 {
		out.Label = view.Say("fact.instances", "n", len(all))
	}
	return out
}

func messageFacts(clock view.Clock, m *store.MessageDetail) []view.Fact {
	instance := instancesFact(m)
	order := view.Fact{Label: view.Say("fact.order_line"), Value: m.OrderLineID, Mono: true, Copy: true}
	if m.OrderLineID == "" {
		order.Label, order.Value = view.Say("fact.order"), m.OrderID
	}
	switch {
	case m.OrderPK != 0:
		order.URL = orderURL(m.OrderPK)
	case m.OrderID != "":
		order.URL = "/messages?order_id=" + url.QueryEscape(m.OrderID)
	}
	attempts := view.Fact{Label: view.Say("fact.attempts"), Text: view.Say("fact.times", "n", m.Attempts)}
	if m.Conflicts > 0 {
		attempts.Note, attempts.Tone = view.Say("fact.conflicts", "n", m.Conflicts), "warn"
	}
	channel := view.Fact{Label: view.Say("fact.channel"), Value: m.Channel}
	switch market.Protocol(m.Protocol) {
	case market.V1:
		channel.Note = view.Say("fact.protocol_v1")
	case market.V2:
		channel.Note = view.Say("fact.protocol_v2")
	case market.KitV1, market.KitV2:
		channel.Note = view.Say("key_class.kit")
	}
	return []view.Fact{order, instance,
		{Label: view.Say("fact.business"), Value: m.BusinessID, Mono: true, Copy: true},
		channel,
		{Label: view.Say("fact.result"), Value: m.ResultCode, Mono: true},
		attempts,
		{Label: view.Say("fact.first"), Time: clock.Time(m.FirstReceivedAt)},
		{Label: view.Say("fact.last"), Time: clock.Time(m.LastReceivedAt)},
	}
}

func attempt(clock view.Clock, a store.AttemptRow, n int) view.Attempt {
	out := view.Attempt{N: n, At: clock.Time(a.At), Source: a.Source, Disposition: a.Disposition, By: by(a.Actor), Reason: a.Reason,
		ResultCode: a.ResultCode, Duration: a.Duration, Fault: a.Error, Request: request(a), Response: view.Payload{Body: a.Response.Body, Kept: a.KeptDays}}
	if a.Actor == market.OwnAgent {
		out.Source, out.By = "own", ""
	}
	if out.Response.Body != "" {
		out.Response.Line = "HTTP 200"
	}
	if a.Disposition == store.Rejected {
		out.Diagnosis = &view.Diagnosis{Clock: clock, Found: a.Diagnosis, Pending: a.Diagnosis == nil && clock.Now.Sub(a.At) < diagnosisTakes}
	}
	return out
}

// diagnosisTakes is after what time a missing diagnosis will not come any more.
const diagnosisTakes = time.Minute

// request is what came in: the parameters of the address one by one, the values
// as they were masked, and the body.
func request(a store.AttemptRow) view.Payload {
	p := view.Payload{Line: a.Request.Method, Body: a.Request.Body, Kept: a.KeptDays}
	for pair := range strings.SplitSeq(a.Request.Query, "&") {
		name, v, _ := strings.Cut(pair, "=")
		if name == "" {
			continue
		}
		if plain, err := url.QueryUnescape(v); err == nil {
			v = plain
		}
		p.Headers = append(p.Headers, view.Pair{Name: name, Value: v})
	}
	if a.RemoteIP != "" {
		p.Headers = append(p.Headers, view.Pair{Name: "IP", Value: a.RemoteIP})
	}
	return p
}

// by is a person as pages name them; the program itself is nobody.
func by(actor string) string {
	switch {
	case actor == "system":
		return ""
	case strings.HasPrefix(actor, "operator:"):
		return strings.TrimPrefix(actor, "operator:")
	}
	return actor
}
