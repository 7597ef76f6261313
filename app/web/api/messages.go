package api

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/i18n"
	"koodesk/app/store"
)

// list is a page of anything.
type list[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor"`
}

// pageOf turns a page of the store into what is answered.
func pageOf[S, T any](z *i18n.Localizer, p store.Page[S], show func(*i18n.Localizer, S) T) list[T] {
	out := list[T]{Items: make([]T, 0, len(p.Items))}
	for _, item := range p.Items {
		out.Items = append(out.Items, show(z, item))
	}
	if p.Older != "" {
		out.NextCursor = &p.Older
	}
	return out
}

// id writes a row's number as text: browsers round big numbers.
func id(n int64) string { return strconv.FormatInt(n, 10) }

// idOrNull is null for none.
func idOrNull(n int64) *string {
	if n == 0 {
		return nil
	}
	s := id(n)
	return &s
}

// moment writes a time: RFC 3339, UTC, to the microsecond where it has any.
type moment time.Time

// MarshalJSON writes the time; a zero time is null.
func (m moment) MarshalJSON() ([]byte, error) {
	t := time.Time(m)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano) + `"`), nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

type message struct {
	ID              string   `json:"id"`
	Channel         string   `json:"channel"`
	Protocol        string   `json:"protocol"`
	Activity        string   `json:"activity"`
	Scene           string   `json:"scene"`
	Status          string   `json:"status"`
	ResultCode      string   `json:"result_code"`
	OrderID         string   `json:"order_id"`
	OrderLineID     string   `json:"order_line_id"`
	InstanceID      string   `json:"instance_id"`
	InstanceIDs     []string `json:"instance_ids"`
	Test            bool     `json:"test"`
	Attempts        int      `json:"attempts"`
	Conflicts       int      `json:"conflicts"`
	FirstReceivedAt moment   `json:"first_received_at"`
	LastReceivedAt  moment   `json:"last_received_at"`
	LastError       *shown   `json:"last_error"`
	RetryUntil      moment   `json:"retry_until"`
}

type messageDetail struct {
	message
	BusinessID string        `json:"business_id"`
	AttemptLog []attempt     `json:"attempt_log"`
	Tasks      []taskDetail  `json:"tasks"`
	Quarantine []quarantined `json:"quarantine"`
	Restarts   []ownRestart  `json:"restarts"`
	Retry      *retry        `json:"retry"`

	OvertakenBy *string `json:"overtaken_by"`
}

type attempt struct {
	At          moment   `json:"at"`
	Source      string   `json:"source"`
	Actor       string   `json:"actor"`
	Disposition string   `json:"disposition"`
	ResultCode  string   `json:"result_code"`
	DurationMS  float64  `json:"duration_ms"`
	Error       *shown   `json:"error"`
	BusinessID  string   `json:"business_id"`
	RemoteIP    string   `json:"remote_ip"`
	Request     request  `json:"request"`
	Response    response `json:"response"`

	Diagnosis *diagnosis `json:"diagnosis"`
	RestartID *string    `json:"restart_id"`
	TaskID    *string    `json:"task_id"`
	Reason    string     `json:"reason"`
}

type request struct {
	Method string `json:"method"`
	Query  string `json:"query"`
	Body   string `json:"body"`
}

type response struct {
	Body string `json:"body"`
}

func showMessage(z *i18n.Localizer, m store.MessageRow) message {
	return message{
		ID: id(m.ID), Channel: m.Channel, Protocol: m.Protocol, Activity: m.Activity, Scene: m.Scene, Status: m.Status,
		ResultCode: m.ResultCode, OrderID: m.OrderID, OrderLineID: m.OrderLineID, InstanceID: m.InstanceID, InstanceIDs: m.InstanceIDs, Test: m.Test,
		Attempts: m.Attempts, Conflicts: m.Conflicts, FirstReceivedAt: moment(m.FirstReceivedAt),
		LastReceivedAt: moment(m.LastReceivedAt), LastError: show(z, m.LastError), RetryUntil: moment(m.RetryUntil),
	}
}

func showAttempt(z *i18n.Localizer, a store.AttemptRow) attempt {
	return attempt{
		At: moment(a.At), Source: a.Source, Actor: a.Actor, Disposition: a.Disposition, ResultCode: a.ResultCode,
		DurationMS: milliseconds(a.Duration), Error: show(z, a.Error), BusinessID: a.BusinessID, RemoteIP: a.RemoteIP,
		Request:  request{Method: a.Request.Method, Query: a.Request.Query, Body: a.Request.Body},
		Response: response{Body: a.Response.Body}, Diagnosis: showDiagnosis(z, a.Diagnosis),
		RestartID: idOrNull(a.RestartID), TaskID: idOrNull(a.TaskID), Reason: a.Reason,
	}
}

// Messages answers GET /messages.
func (a *API) Messages(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.MessageFilter{
		Channel: q.text("channel"), Protocol: q.text("protocol"), Activity: q.text("activity"),
		Status: q.one("status", store.MessageStatuses()), OrderID: q.text("order_id"), InstanceID: q.text("instance_id"),
		Test: q.flag("test"), Quarantined: q.yes("quarantined"), Q: q.text("q"), Group: q.number("group"), Since: q.time("since"), Until: q.time("until"),
	}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().MessageList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showMessage))
}

// attemptsShown is how many attempts a message's detail has; the others are
// behind GET /messages/{id}/attempts.
const attemptsShown = 50

// Message answers GET /messages/{id}.
func (a *API) Message(c *fiber.Ctx) error {
	n, err := idOf(c, "message.unknown")
	if err == nil {
		err = queryOf(c).err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	m, err := a.store.Reader().MessageDetail(c.UserContext(), n, attemptsShown)
	if err != nil {
		return a.Problem(c, err)
	}
	z := localizer(c)
	out := messageDetail{message: showMessage(z, m.MessageRow), BusinessID: m.BusinessID, AttemptLog: []attempt{}, Tasks: tasks(z, m.Tasks), Quarantine: []quarantined{},
		Restarts: ownRestarts(z, m.Restarts), Retry: showRetry(z, m, time.Now()), OvertakenBy: idOrNull(m.OvertakenBy.MessageID)}
	for _, t := range m.AttemptLog {
		out.AttemptLog = append(out.AttemptLog, showAttempt(z, t))
	}
	contents, err := a.o.Contents.QuarantineOf(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	for _, q := range contents {
		out.Quarantine = append(out.Quarantine, showQuarantined(q))
	}
	return answer(c, fiber.StatusOK, out)
}

// Attempts answers GET /messages/{id}/attempts.
func (a *API) Attempts(c *fiber.Ctx) error {
	n, err := idOf(c, "message.unknown")
	if err != nil {
		return a.Problem(c, err)
	}
	q := queryOf(c)
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	r := a.store.Reader()
	if err := r.MessageExists(c.UserContext(), n); err != nil {
		return a.Problem(c, err)
	}
	page, err := r.AttemptList(c.UserContext(), n, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showAttempt))
}
