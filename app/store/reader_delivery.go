package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
	"koodesk/app/seal"
)

// DeliveryFilter says which deliveries a list holds. Zero fields do not filter.
type DeliveryFilter struct {
	Medium     string // email, sms
	Kind       string
	Status     string
	Waiting    bool // only those that somebody must decide about
	Outcome    string
	InstanceID string // KooGallery's
	Q          string // see Reader.DeliveryList
}

// DeliveryRow is one SMS or e-mail to a customer. Times are UTC; a zero time
// means "none".
type DeliveryRow struct {
	ID          int64
	Channel     string // slug
	InstanceID  string
	MessageID   int64 // 0: none
	Kind        string
	Medium      string
	Language    string
	To          string // masked
	Status      string
	Transport   string // what took it: smtp, huawei, webhook, log, none
	Outcome     string // what became of it, see deliver.Outcome
	OutcomeCode string // the service's word for it
	OutcomeAt   time.Time
	FallbackOf  int64  // the refused delivery that it takes the place of, 0: none
	MessageRef  string // Message-ID
	ProviderRef string
	Attempts    int
	Resends     int
	LastError   *fault.Record
	CreatedAt   time.Time
	SentAt      time.Time
	Days        *int      // of an expiry notice: how many days before
	HeldUntil   time.Time // it waits until then, because of HeldWhy
	HeldWhy     string    // quiet_hours, daily_cap
	WasHeld     string    // the same, of one that was held before it went out
	KeptDays    int       // of one whose text was taken out: after how many days; else 0
}

// DeliveryDetail is one delivery with its text, secrets masked, and the tasks
// that hand it over.
type DeliveryDetail struct {
	DeliveryRow
	Rendered       bool // there is a text; false before the first try
	Subject        string
	Text           string
	Filled         *Filled   // what leaves instead of Text, nil: Text does
	Left           bool      // it has left, as far as is known
	WipedAt        time.Time // since when the text has no password any more
	Tasks          []TaskRow // oldest first, with their tries
	Receipts       []Receipt // oldest first
	Fallback       int64     // the delivery that takes the place of this refused one, or was to, 0: none
	FallbackStatus string    // of that delivery: it may have failed too
}

type deliveryRow struct {
	ID          int64          `db:"id"`
	Channel     string         `db:"channel"`
	InstanceID  string         `db:"instance_id"`
	InstancePK  int64          `db:"instance_pk"`
	MessageID   int64          `db:"message_id"`
	Kind        string         `db:"kind"`
	Medium      string         `db:"medium"`
	Language    string         `db:"language"`
	ToMask      string         `db:"to_mask"`
	Status      string         `db:"status"`
	Transport   string         `db:"transport"`
	Outcome     string         `db:"outcome"`
	OutcomeCode string         `db:"outcome_code"`
	OutcomeAt   sql.NullTime   `db:"outcome_at"`
	FallbackOf  int64          `db:"fallback_of"`
	MessageRef  string         `db:"message_ref"`
	ProviderRef string         `db:"provider_ref"`
	Attempts    int            `db:"attempts"`
	Resends     int            `db:"resends"`
	LastError   sql.NullString `db:"last_error"`
	Created     time.Time      `db:"created_at"`
	Sent        sql.NullTime   `db:"sent_at"`
	Days        *int           `db:"days"`
	HeldUntil   sql.NullTime   `db:"held_until"`
	HeldWhy     string         `db:"held_why"`
	WasHeld     string         `db:"was_held"`
	Emptied     sql.NullTime   `db:"emptied_at"`
}

var deliveryList = source{
	list: list{letter: 'd', id: "d.id"},
	columns: `d.id, (SELECT c.slug FROM channels c WHERE c.id = d.channel_id) AS channel,
       (SELECT i.instance_id FROM instances i WHERE i.id = d.instance_pk) AS instance_id, d.instance_pk,
       COALESCE(d.message_id, 0) AS message_id, d.kind, d.medium, d.language, d.to_mask, d.status, d.transport,
       d.outcome, d.outcome_code, d.outcome_at, COALESCE(d.fallback_of, 0) AS fallback_of, d.message_ref, d.provider_ref, d.attempts, d.resends, d.last_error, d.created_at, d.sent_at, d.days,
       CASE WHEN d.status = 'pending' THEN d.held_until END AS held_until, CASE WHEN d.status = 'pending' THEN d.held_why ELSE '' END AS held_why, d.was_held, d.emptied_at`,
	table: "deliveries",
	alias: "d",
}

func (d *deliveryRow) show() (DeliveryRow, error) {
	last, err := recordOf(d.LastError)
	return DeliveryRow{
		ID: d.ID, Channel: d.Channel, InstanceID: d.InstanceID, MessageID: d.MessageID, Kind: d.Kind, Medium: d.Medium,
		Language: d.Language, To: d.ToMask, Status: d.Status, Transport: d.Transport, MessageRef: d.MessageRef,
		Outcome: d.Outcome, OutcomeCode: d.OutcomeCode, OutcomeAt: utc(d.OutcomeAt), FallbackOf: d.FallbackOf,
		ProviderRef: d.ProviderRef, Attempts: d.Attempts, Resends: d.Resends, LastError: last,
		CreatedAt: d.Created.UTC(), SentAt: utc(d.Sent), Days: d.Days, HeldUntil: utc(d.HeldUntil), HeldWhy: d.HeldWhy, WasHeld: d.WasHeld, KeptDays: keptDays(d.Created, d.Emptied),
	}, err
}

func (f DeliveryFilter) clause() *clause {
	c := &clause{}
	c.equal("d.medium", f.Medium)
	c.equal("d.kind", f.Kind)
	c.equal("d.status", f.Status)
	c.equal("d.outcome", f.Outcome)
	if f.Waiting {
		c.and(undecided)
	}
	if f.InstanceID != "" {
		c.and("d.instance_pk = (SELECT id FROM instances WHERE instance_id = ?)", f.InstanceID)
	}
	return c
}

func (r *Reader) deliveryClause(ctx context.Context, f DeliveryFilter) (*clause, error) {
	c := f.clause()
	return c, r.followersOf(ctx, c, f.Q, "deliveries", maxFound)
}

// DeliveryList reads a page of deliveries, newest first. Q finds a delivery by
// its id and those of the instances that it finds as in InstanceList: by any of
// their ids, or by the customer's present address. Fault: invalid
// "cursor.invalid".
func (r *Reader) DeliveryList(ctx context.Context, f DeliveryFilter, p Paging) (Page[DeliveryRow], error) {
	c, err := r.deliveryClause(ctx, f)
	if err != nil {
		return Page[DeliveryRow]{}, err
	}
	key := func(d *deliveryRow) position { return position{id: d.ID} }
	return page(ctx, r, deliveryList, c, p, key, (*deliveryRow).show)
}

// DeliveryCounts counts the deliveries of a filter by status; the filter's own
// status does not count.
func (r *Reader) DeliveryCounts(ctx context.Context, f DeliveryFilter) (Counts, error) {
	f.Status = ""
	c, err := r.deliveryClause(ctx, f)
	if err != nil {
		return nil, err
	}
	return r.statusCounts(ctx, deliveryList, "d.status", c, TaskStatuses())
}

// DeliveryNeighbours gives the deliveries before and after one in a filtered
// list; 0 at the ends.
func (r *Reader) DeliveryNeighbours(ctx context.Context, f DeliveryFilter, id int64) (newer, older int64, err error) {
	c, err := r.deliveryClause(ctx, f)
	if err != nil {
		return 0, 0, err
	}
	n, o, err := r.neighbours(ctx, deliveryList, c, time.Time{}, id, "d.id")
	return idOf(n), idOf(o), err
}

// DeliveryDetail loads a delivery with its masked text and its tasks. Fault:
// not_found "delivery.unknown".
func (r *Reader) DeliveryDetail(ctx context.Context, id int64) (*DeliveryDetail, error) {
	var row deliveryRow
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT `+deliveryList.columns+`
  FROM deliveries d
 WHERE d.id = $1`, id)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "delivery.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	shown, err := row.show()
	if err != nil {
		return nil, err
	}
	d := &DeliveryDetail{DeliveryRow: shown}
	if err := r.deliveryText(ctx, d, row.InstancePK); err != nil {
		return nil, err
	}
	c := &clause{}
	c.and("t.delivery_id = ?", id)
	if d.Tasks, err = r.tasksWithTries(ctx, c); err != nil {
		return nil, err
	}
	if d.Receipts, err = r.ReceiptsOf(ctx, id); err != nil {
		return nil, err
	}
	d.Fallback, d.FallbackStatus, err = r.fallbackOf(ctx, id)
	return d, err
}

// deliveryText puts the text of a delivery into d without what is secret or
// personal in it: the secrets that the renderer named, the instance's present
// password, and the customer's name and addresses.
func (r *Reader) deliveryText(ctx context.Context, d *DeliveryDetail, instancePK int64) error {
	full, err := r.Delivery(ctx, d.ID)
	if err != nil || full.Content == nil {
		return err
	}
	i, err := r.InstancePK(ctx, instancePK)
	if err != nil {
		return err
	}
	hide := append(personal(full, i), i.App.Password, masked)
	for _, s := range full.Content.Secrets {
		hide = append(hide, s, masked)
	}
	d.Rendered, d.Left = true, full.Outcome != "queued" || full.Handing
	if at := full.Content.WipedAt; at != nil {
		d.WipedAt = at.UTC()
	}
	d.Subject = hidden(full.Content.Subject, hide)
	d.Text = MaskBody([]byte(hidden(full.Content.Text, hide)))
	if f := full.Content.Filled; f != nil {
		d.Filled = &Filled{Template: f.Template, Values: make([]string, len(f.Values))}
		for n, v := range f.Values {
			d.Filled.Values[n] = MaskBody([]byte(hidden(v, hide)))
		}
	}
	return nil
}

// personal are the texts that tell who a delivery's customer is, each before what
// stands for it.
func personal(d *Delivery, i *Instance) []string {
	name := i.RealName
	if utf8.RuneCountInString(name) < 2 { // it would be found in every word
		name = ""
	}
	return []string{name, MaskName(name), i.Email, MaskEmail(i.Email), i.Phone, MaskPhone(i.Phone), d.To, d.ToMask}
}

// Impersonal is a text about a delivery without its customer's name and addresses.
func Impersonal(s string, d *Delivery, i *Instance) string { return hidden(s, personal(d, i)) }

// hidden replaces texts in s: pairs of what must not be seen and what stands for
// it, the longer ones first, so that one within another uncovers nothing.
func hidden(s string, pairs []string) string {
	type pair struct{ old, new string }
	var all []pair
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] != "" {
			all = append(all, pair{pairs[i], pairs[i+1]})
		}
	}
	slices.SortStableFunc(all, func(a, b pair) int { return len(b.old) - len(a.old) })
	for _, p := range all {
		s = strings.ReplaceAll(s, p.old, p.new)
	}
	return s
}

// password opens an instance's password, "" if there is none.
func (r *Reader) password(ctx context.Context, pk int64) (string, error) {
	var sealed []byte
	err := sqlx.GetContext(ctx, r.q, &sealed, `
SELECT password_sealed
  FROM instances
 WHERE id = $1`, pk)
	if fault.Is(toFault(err), fault.NotFound) {
		return "", fault.New(fault.NotFound, "instance.unknown")
	}
	if err != nil {
		return "", toFault(err)
	}
	return r.open(seal.Access, sealed)
}
