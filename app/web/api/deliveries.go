package api

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/deliver"
	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/store"
)

type delivery struct {
	ID         string  `json:"id"`
	Channel    string  `json:"channel"`
	InstanceID string  `json:"instance_id"`
	MessageID  *string `json:"message_id"`
	Kind       string  `json:"kind"`
	Medium     string  `json:"medium"`
	Language   string  `json:"language"`
	To         string  `json:"to"`
	Status     string  `json:"status"`
	Transport  string  `json:"transport"`
	Outcome    string  `json:"outcome"`
	OutcomeAt  moment  `json:"outcome_at"`
	Code       string  `json:"outcome_code"`
	FallbackOf *string `json:"fallback_of"`
	Attempts   int     `json:"attempts"`
	Resends    int     `json:"resends"`
	LastError  *shown  `json:"last_error"`
	CreatedAt  moment  `json:"created_at"`
	SentAt     moment  `json:"sent_at"`
	Days       *int    `json:"days"`
	HeldUntil  moment  `json:"held_until"`
	HeldWhy    string  `json:"held_why"`
}

type deliveryDetail struct {
	delivery
	Subject     string       `json:"subject"`
	Text        *string      `json:"text"`
	Filled      *filled      `json:"filled"`
	MessageRef  string       `json:"message_ref"`
	ProviderRef string       `json:"provider_ref"`
	Fallback    *string      `json:"fallback"`
	FallbackIs  string       `json:"fallback_status"`
	Receipts    []receipt    `json:"receipts"`
	Tasks       []taskDetail `json:"tasks"`
}

// filled is the service's own text that left instead of ours.
type filled struct {
	Template string   `json:"template"`
	Values   []string `json:"values"`
}

// receipt is what a service said of one sending, or of one part of it.
type receipt struct {
	At          moment `json:"at"`
	ReceivedAt  moment `json:"received_at"`
	Source      string `json:"source"`
	Outcome     string `json:"outcome"`
	Code        string `json:"code"`
	Note        string `json:"note"`
	Remark      string `json:"remark"`
	ProviderRef string `json:"provider_ref"`
	Part        int    `json:"part"`
	Parts       int    `json:"parts"`
	Current     bool   `json:"current"`
}

func showReceipts(d *store.DeliveryDetail) []receipt {
	out := make([]receipt, 0, len(d.Receipts))
	for _, r := range d.Receipts {
		out = append(out, receipt{At: moment(r.At), ReceivedAt: moment(r.ReceivedAt), Source: r.Source, Outcome: r.Outcome, Code: r.Code, Note: r.Note, Remark: r.Remark,
			ProviderRef: r.ProviderRef, Part: r.Part, Parts: r.Parts, Current: r.MessageRef == d.MessageRef})
	}
	return out
}

func showDelivery(z *i18n.Localizer, d store.DeliveryRow) delivery {
	return delivery{
		ID: id(d.ID), Channel: d.Channel, InstanceID: d.InstanceID, MessageID: idOrNull(d.MessageID), Kind: d.Kind, Medium: d.Medium,
		Language: d.Language, To: d.To, Status: d.Status, Transport: d.Transport, Attempts: d.Attempts,
		Outcome: d.Outcome, OutcomeAt: moment(d.OutcomeAt), Code: d.OutcomeCode, FallbackOf: idOrNull(d.FallbackOf),
		Resends: d.Resends, LastError: show(z, d.LastError), CreatedAt: moment(d.CreatedAt), SentAt: moment(d.SentAt),
		Days: d.Days, HeldUntil: moment(d.HeldUntil), HeldWhy: d.HeldWhy,
	}
}

// Deliveries answers GET /deliveries.
func (a *API) Deliveries(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.DeliveryFilter{Medium: q.one("medium", media), Kind: q.one("kind", deliveryKinds),
		Status: q.one("status", store.TaskStatuses()), Outcome: q.one("outcome", deliver.Outcomes()), InstanceID: q.text("instance_id"),
		Waiting: q.yes("waiting_for_person")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().DeliveryList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showDelivery))
}

// Delivery answers GET /deliveries/{id}.
func (a *API) Delivery(c *fiber.Ctx) error {
	n, err := idOf(c, "delivery.unknown")
	if err == nil {
		err = queryOf(c).err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.delivery(c, n)
}

func (a *API) delivery(c *fiber.Ctx, n int64) error {
	d, err := a.store.Reader().DeliveryDetail(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	z := localizer(c)
	out := deliveryDetail{delivery: showDelivery(z, d.DeliveryRow), Subject: d.Subject, MessageRef: d.MessageRef, ProviderRef: d.ProviderRef,
		Fallback: idOrNull(d.Fallback), FallbackIs: d.FallbackStatus, Receipts: showReceipts(d), Tasks: tasks(z, d.Tasks)}
	if d.Rendered {
		out.Text = &d.Text
	}
	if f := d.Filled; f != nil && d.Left {
		out.Filled = &filled{Template: f.Template, Values: f.Values}
	}
	return answer(c, fiber.StatusOK, out)
}

// resend is the body of POST /deliveries/{id}/resend.
type resend struct {
	To     string `json:"to"`
	Reason string `json:"reason"`
}

// ResendDelivery answers POST /deliveries/{id}/resend.
func (a *API) ResendDelivery(c *fiber.Ctx) error {
	n, err := idOf(c, "delivery.unknown")
	var in resend
	if err == nil {
		err = body(c, &in)
	}
	var by staff.Actor
	if err == nil {
		by, err = actor(c, in.Reason)
	}
	if err == nil {
		err = a.o.Resend.Resend(c.UserContext(), n, in.To, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.delivery(c, n)
}

// reportInput is the body of POST /deliveries/{id}/receipt.
type reportInput struct {
	Outcome string `json:"outcome"`
	Code    string `json:"code"`
	Note    string `json:"note"`
	Reason  string `json:"reason"`
}

// reportable are the outcomes that somebody may report.
var reportable = []string{string(deliver.HandedOver), string(deliver.Delivered), string(deliver.Refused), string(deliver.Bounced), string(deliver.Unknown)}

// ReportDelivery answers POST /deliveries/{id}/receipt.
func (a *API) ReportDelivery(c *fiber.Ctx) error {
	n, err := idOf(c, "delivery.unknown")
	var in reportInput
	if err == nil {
		err = body(c, &in)
	}
	if err == nil {
		err = in.check()
	}
	var by staff.Actor
	if err == nil {
		by, err = actor(c, in.Reason)
	}
	if err == nil {
		err = a.o.Report.Report(c.UserContext(), n, deliver.Report{Outcome: deliver.Outcome(in.Outcome), Code: in.Code, Note: in.Note}, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.delivery(c, n)
}

func (in reportInput) check() error {
	if !slices.Contains(reportable, in.Outcome) {
		return refuse(wrong{in: "body", name: "outcome", key: "choice", args: []any{"choices", strings.Join(reportable, ", ")}})
	}
	for name, most := range map[string]int{"code": 32, "note": 200} {
		text := map[string]string{"code": in.Code, "note": in.Note}[name]
		if utf8.RuneCountInString(text) > most || strings.ContainsFunc(text, unicode.IsControl) {
			return refuse(wrong{in: "body", name: name, key: "reason", args: []any{"max", most}})
		}
	}
	return nil
}
