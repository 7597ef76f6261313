package store

import (
	"context"
	"database/sql"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
)

// AlertSaidFilter says which messages to operators a list holds. Zero fields do
// not filter.
type AlertSaidFilter struct {
	Status string
	Medium string
	Alert  int64 // those that tell of it
	Target int64
}

// AlertSaid is a message to an operator as it may be shown. Times are UTC; a zero
// time means "none".
type AlertSaid struct {
	ID          int64
	Operator    string
	Target      string // its name
	Medium      string
	Mask        string // of the address
	Title       string
	Says        int // of how many turns it tells
	Test        bool
	Status      outbox.Status
	Transport   string // what took it; none or log: it never left the machine
	ProviderRef string
	Attempts    int
	Error       *fault.Record
	CreatedAt   time.Time
	SentAt      time.Time
}

type alertSaidRow struct {
	ID          int64          `db:"id"`
	Operator    string         `db:"email"`
	Target      string         `db:"name"`
	Medium      string         `db:"medium"`
	Mask        string         `db:"address_mask"`
	Title       string         `db:"title"`
	Says        int            `db:"says"`
	Test        bool           `db:"test"`
	Status      string         `db:"status"`
	Transport   string         `db:"transport"`
	ProviderRef string         `db:"provider_ref"`
	Attempts    int            `db:"attempts"`
	Error       sql.NullString `db:"last_error"`
	Created     time.Time      `db:"created_at"`
	Sent        sql.NullTime   `db:"sent_at"`
}

var alertSaidList = source{
	list: list{letter: 'y', id: "m.id"},
	columns: `m.id, o.email, t.name, t.medium, t.address_mask, m.title, m.says, m.test, m.status, m.transport, m.provider_ref, m.attempts,
       m.last_error, m.created_at, m.sent_at`,
	table: "alert_messages",
	alias: "m JOIN alert_targets t ON t.id = m.target_id JOIN operators o ON o.id = t.operator_id",
}

func (a *alertSaidRow) show() (AlertSaid, error) {
	out := AlertSaid{ID: a.ID, Operator: a.Operator, Target: a.Target, Medium: a.Medium, Mask: a.Mask, Title: a.Title, Says: a.Says, Test: a.Test,
		Status: outbox.Status(a.Status), Transport: a.Transport, ProviderRef: a.ProviderRef, Attempts: a.Attempts,
		CreatedAt: a.Created.UTC(), SentAt: utc(a.Sent)}
	var err error
	out.Error, err = recordOf(a.Error)
	return out, err
}

// AlertSaidStatuses lists the statuses of a message to an operator.
func AlertSaidStatuses() []string {
	return []string{string(outbox.Pending), string(outbox.Running), string(outbox.Succeeded), string(outbox.Failed), string(outbox.Cancelled)}
}

func (f AlertSaidFilter) clause() *clause {
	c := &clause{}
	c.equal("m.status", f.Status)
	c.equal("t.medium", f.Medium)
	if f.Target != 0 {
		c.and("m.target_id = ?", f.Target)
	}
	if f.Alert != 0 {
		c.and(`m.id IN (SELECT s.message_id FROM alert_changes c JOIN alert_sayings s ON s.change_id = c.id WHERE c.alert_id = ? AND s.message_id IS NOT NULL)`, f.Alert)
	}
	return c
}

// AlertSaidList reads a page of what operators were told, the newest first. Fault:
// invalid "cursor.invalid".
func (r *Reader) AlertSaidList(ctx context.Context, f AlertSaidFilter, p Paging) (Page[AlertSaid], error) {
	return page(ctx, r, alertSaidList, f.clause(), p, func(a *alertSaidRow) position { return position{id: a.ID} }, (*alertSaidRow).show)
}

// AlertSaidCounts counts the messages of a filter by status; the filter's own
// status does not count.
func (r *Reader) AlertSaidCounts(ctx context.Context, f AlertSaidFilter) (Counts, error) {
	f.Status = ""
	return r.statusCounts(ctx, alertSaidList, "m.status", f.clause(), AlertSaidStatuses())
}

// NeedListing is what puts the place on the marketplace at risk: products whose
// probes fail, and those with too many failed orders in this month. The label is which
// of the two is worst; the key is the channel's slug.
func (r *Reader) NeedListing(ctx context.Context) (Need, error) {
	now := time.Now()
	probes, err := r.Probes(ctx, now)
	if err != nil {
		return Need{}, err
	}
	orders, err := r.FailedOrders(ctx, market.ProbeMonth(now), now)
	if err != nil {
		return Need{}, err
	}
	return listingNeed(probes, orders, now), nil
}

func listingNeed(probes []ProbedProduct, orders []FailedOrders, now time.Time) Need {
	var n Need
	worst, count := 0, 0
	for _, p := range probes {
		if p.Failing == 0 {
			continue
		}
		if count++; p.Failing > worst {
			worst, n.Key, n.Label, n.Until = p.Failing, p.Slug, "probes", market.FreezeAt(now, p.Failing)
		}
	}
	for _, o := range orders {
		if o.Lost+o.AtRisk <= market.FailedOrderLimit {
			continue
		}
		if count++; n.Label == "" {
			n.Key, n.Label = o.Channel, "orders"
		}
	}
	n.Count = countOf(count)
	return n
}
