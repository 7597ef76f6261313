package api

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/intake"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
)

// restarted is what a restart did.
type restarted struct {
	ID          string `json:"id"`
	Status      string `json:"status"`
	ResultCode  string `json:"result_code"`
	Restarted   int    `json:"restarted"` // given-up tasks that run again
	Hurried     int    `json:"hurried"`   // waiting tasks that run now
	CallRun     bool   `json:"call_run"`  // the call itself was run again
	Explanation string `json:"explanation"`
}

func explain(z *i18n.Localizer, n int64, r intake.Restarted) restarted {
	out := restarted{ID: id(n), Status: r.Status, ResultCode: string(r.Code), Restarted: r.Given, Hurried: r.Hurried, CallRun: r.Ran}
	switch {
	case r.Ran:
		out.Explanation = z.T("api.restart.call", "code", string(r.Code))
	case r.Given > 0 && r.Hurried > 0:
		out.Explanation = sentence(z, z.TN("api.restart.given", r.Given), z.TN("api.restart.hurried", r.Hurried))
	case r.Given > 0:
		out.Explanation = z.TN("api.restart.given", r.Given)
	case r.Hurried > 0:
		out.Explanation = z.TN("api.restart.hurried", r.Hurried)
	default:
		out.Explanation = z.T("api.restart.nothing")
	}
	return out
}

// explainTold is explain of a restart that only told the customer again.
func explainTold(z *i18n.Localizer, n int64, r intake.Restarted) restarted {
	out := explain(z, n, r)
	out.Explanation = z.TN("api.restart.told", r.Given)
	return out
}

// because is the body of an act that needs nothing else: why, in the caller's
// own words, for the audit.
type because struct {
	Reason string `json:"reason"`
}

// maxReason is how long a reason may be, in characters.
const maxReason = 500

// actor is who acts, and why. Fault: invalid, naming reason.
func actor(c *fiber.Ctx, reason string) (staff.Actor, error) {
	by := session.Of(c).Actor
	by.Reason = strings.TrimSpace(reason)
	if utf8.RuneCountInString(by.Reason) > maxReason || strings.ContainsFunc(by.Reason, unicode.IsControl) {
		return by, refuse(wrong{in: "body", name: "reason", key: "reason", args: []any{"max", maxReason}})
	}
	return by, nil
}

// act reads a call that acts on what the path names.
func act(c *fiber.Ctx, unknown string) (id int64, by staff.Actor, err error) {
	var in because
	if id, err = idOf(c, unknown); err == nil {
		err = body(c, &in)
	}
	if err != nil {
		return 0, by, err
	}
	by, err = actor(c, in.Reason)
	return id, by, err
}

// restartOne is the body of POST /messages/{id}/restart.
type restartOne struct {
	because
	Mode string `json:"mode"`
}

// RestartMessage answers POST /messages/{id}/restart.
func (a *API) RestartMessage(c *fiber.Ctx) error {
	var in restartOne
	n, err := idOf(c, "message.unknown")
	if err == nil {
		err = body(c, &in)
	}
	if err == nil {
		err = modeIsKnown(in.Mode)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	by, err := actor(c, in.Reason)
	if err != nil {
		return a.Problem(c, err)
	}
	mode := cmp.Or(in.Mode, store.RestartAll)
	r, err := a.o.Restarts.RestartOne(c.UserContext(), store.RestartMessages, mode, n, by)
	if err != nil {
		return a.Problem(c, err)
	}
	if mode == store.RestartDelivery {
		return answer(c, fiber.StatusOK, explainTold(localizer(c), n, r))
	}
	return answer(c, fiber.StatusOK, explain(localizer(c), n, r))
}

// messageFilter is the filter of POST /messages/restart: the parameters of
// GET /messages.
type messageFilter struct {
	Channel    string     `json:"channel"`
	Protocol   string     `json:"protocol"`
	Activity   string     `json:"activity"`
	Status     string     `json:"status"`
	OrderID    string     `json:"order_id"`
	InstanceID string     `json:"instance_id"`
	Test       *bool      `json:"test"`
	Group      string     `json:"group"`
	Q          string     `json:"q"`
	Since      *time.Time `json:"since"`
	Until      *time.Time `json:"until"`
}

// restartAll names messages, or has its filter under "filter", or the filter's
// fields directly.
type restartAll struct {
	messageFilter
	IDs       []string      `json:"ids"`
	Filter    messageFilter `json:"filter"`
	Reason    string        `json:"reason"`
	Mode      string        `json:"mode"`
	PerSecond int           `json:"per_second"`
}

func (r restartAll) which() messageFilter {
	if r.Filter != (messageFilter{}) {
		return r.Filter
	}
	return r.messageFilter
}

// beside refuses what stands directly in a body that has a filter of its own: left
// out, it would make the filter match more.
func (r restartAll) beside() error {
	if r.Filter == (messageFilter{}) {
		return nil
	}
	var all []wrong
	for name, v := range fieldsOf(reflect.ValueOf(r.messageFilter)) {
		if !v.IsZero() {
			all = append(all, wrong{in: "body", name: name, key: "either", args: []any{"other", "filter"}})
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b wrong) int { return strings.Compare(a.name, b.name) })
	return refuse(all...)
}

func (f messageFilter) filter() (store.MessageFilter, error) {
	out := store.MessageFilter{Channel: f.Channel, Protocol: f.Protocol, Activity: f.Activity, Status: f.Status, OrderID: f.OrderID,
		InstanceID: f.InstanceID, Test: f.Test, Q: f.Q}
	if f.Since != nil {
		out.Since = f.Since.UTC()
	}
	if f.Until != nil {
		out.Until = f.Until.UTC()
	}
	if f == (messageFilter{}) {
		return out, fault.New(fault.Invalid, "restart.filter_empty")
	}
	q := &query{values: map[string][]string{}}
	if f.Status != "" {
		q.values["filter.status"] = []string{f.Status}
		q.one("filter.status", store.MessageStatuses())
	}
	if f.Group != "" {
		q.values["filter.group"] = []string{f.Group}
		out.Group = q.number("filter.group")
	}
	for i := range q.wrong {
		q.wrong[i].in = "body"
	}
	return out, q.err()
}
