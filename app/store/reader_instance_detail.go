package store

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// InstanceDetail loads an instance by KooGallery's id. Fault: not_found
// "instance.unknown".
func (r *Reader) InstanceDetail(ctx context.Context, instanceID string) (*InstanceDetail, error) {
	return r.InstanceDetailWith(ctx, instanceID, 0)
}

// InstanceDetailWith is InstanceDetail with one message about the instance among the
// newest ones, however old it is.
func (r *Reader) InstanceDetailWith(ctx context.Context, instanceID string, message int64) (*InstanceDetail, error) {
	c := &clause{}
	c.and("i.instance_id = ?", instanceID)
	var row instanceDetailRow
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT `+instanceList.columns+`,
       i.business_id, i.linear_value, i.amount, i.disk_size, i.band_width, i.order_type, i.charging_mode, i.period_type, i.period_number, i.expiry_set_by,
       i.order_known_at, i.provisioned_at, i.frozen_at, i.released_at, i.erased_at, i.url_seen_at, i.order_sealed, i.usage_sealed,
       w.since AS work_since, w.run_at AS work_run_at, w.due AS work_due, w.claimed_by, w.claimed_at
  FROM instances i
  LEFT JOIN LATERAL (SELECT t.parked_at AS since, t.run_at, `+workDue+` AS due, p.claimed_by, p.claimed_at
                       FROM tasks t
                       LEFT JOIN provision_claims p ON p.instance_pk = t.instance_pk
                      WHERE t.instance_pk = i.id
                        AND `+parkedFor[""]+`
                      ORDER BY 3, t.id
                      LIMIT 1) w ON true`+c.where(), c.args...)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "instance.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	d := &InstanceDetail{
		BusinessID: row.BusinessID, LinearValue: row.LinearValue, Size: market.Size{Amount: row.Amount, DiskSize: row.DiskSize, BandWidth: row.BandWidth}, OrderType: row.OrderType, ChargingMode: row.ChargingMode,
		PeriodType: row.PeriodType, PeriodNumber: row.PeriodNumber, ExpirySetBy: row.ExpirySetBy, OrderKnownAt: utc(row.OrderKnown),
		ProvisionedAt: utc(row.Provisioned), FrozenAt: utc(row.Frozen), ReleasedAt: utc(row.Released), ErasedAt: utc(row.Erased),
		URLSeenAt: utc(row.Seen),
	}
	if d.InstanceRow, err = r.showInstance(&row.instanceRow); err != nil {
		return nil, err
	}
	if row.WorkSince.Valid {
		d.Work = Work{For: waitsFor(row.WorkRunAt.Time), Since: utc(row.WorkSince), Due: dueAt(row.WorkDue.Time),
			Claim: Claim{By: row.ClaimedBy.String, At: utc(row.ClaimedAt)}}
	}
	order, err := r.keys.Open(seal.Customer, row.Order)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	d.OrderAnswer = MaskBody(order)
	usage, err := r.openUsage(row.Usage)
	if err != nil {
		return nil, err
	}
	d.Usage = MaskUsage(usage)
	if d.Orders, err = r.instanceOrders(ctx, d.PK); err != nil {
		return nil, err
	}
	return d, r.life(ctx, d, row.ChannelID, message)
}

type instanceDetailRow struct {
	instanceRow
	BusinessID   string       `db:"business_id"`
	LinearValue  int64        `db:"linear_value"`
	Amount       int64        `db:"amount"`
	DiskSize     int64        `db:"disk_size"`
	BandWidth    int64        `db:"band_width"`
	OrderType    string       `db:"order_type"`
	ChargingMode string       `db:"charging_mode"`
	PeriodType   string       `db:"period_type"`
	PeriodNumber int          `db:"period_number"`
	ExpirySetBy  string       `db:"expiry_set_by"`
	OrderKnown   sql.NullTime `db:"order_known_at"`
	Provisioned  sql.NullTime `db:"provisioned_at"`
	Frozen       sql.NullTime `db:"frozen_at"`
	Released     sql.NullTime `db:"released_at"`
	Erased       sql.NullTime `db:"erased_at"`
	Seen         sql.NullTime `db:"url_seen_at"`
	Order        []byte       `db:"order_sealed"`
	Usage        []byte       `db:"usage_sealed"`

	WorkSince sql.NullTime   `db:"work_since"`
	WorkRunAt sql.NullTime   `db:"work_run_at"`
	WorkDue   sql.NullTime   `db:"work_due"`
	ClaimedBy sql.NullString `db:"claimed_by"`
	ClaimedAt sql.NullTime   `db:"claimed_at"`
}

// RevealPassword opens an instance's password. It is only for a use case that
// writes who looked, and why, into the audit trail. Fault: not_found
// "instance.unknown".
func (r *Reader) RevealPassword(ctx context.Context, pk int64) (string, error) {
	return r.password(ctx, pk)
}
