package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// Instance is an instance whole, its personal data and password opened. It
// stays inside the process; screens and the API get masked forms.
type Instance struct {
	PK        int64
	ChannelID int64
	market.Instance
	OrderID     string
	OrderLineID string
	BusinessID  string
	SkuCode     string
	ProductName string
	LinearValue int64
	market.Size
	OrderType       string
	PeriodType      string
	PeriodNumber    int
	CustomerID      string
	CustomerName    string
	RealName        string
	Email           string
	Phone           string
	Driver          string
	App             market.AppInfo
	AccessVersion   int
	CreatedAt       time.Time
	OrderKnownAt    time.Time
	Protocol        market.Protocol   // by which it was bought
	Params          map[string]string // what the buyer gave while ordering, by name; may be personal data
	LinkGeneration  int               // of the buyer's access page
	PasswordGivenAt time.Time         // when the customer first got the present password; zero: never, as far as is known
	PasswordWipedAt time.Time         // since when there is no password any more that there once was
	URLSeenAt       time.Time         // when an answer first gave the marketplace the front-end address; zero: none has
	Usage           market.UsageReport
}

const instanceColumns = `id, channel_id, instance_id, order_id, order_line_id, business_id, status, product_id, sku_code,
       product_name, linear_value, amount, disk_size, band_width, order_type, charging_mode, period_type, period_number, expires_at, expiry_set_by,
       customer_id, customer_name, real_name_sealed, email_sealed, phone_sealed, driver, front_end_url, admin_url,
       user_name, password_sealed, memo, access_version, created_at, order_known_at, provisioned_at, frozen_at, released_at, protocol, frozen_by,
       access_sealed, params_sealed, told_expires_at, told_product_id, told_after, ordered_product_id, ordered_at, ordered_task, ordered_expires_at,
       ordered_expiry_at, link_generation, password_given_at, password_wiped_at, url_seen_at, usage_sealed`

// Bought is what the instance is of now.
func (i *Instance) Bought() market.ProductInfo {
	return market.ProductInfo{ProductID: i.ProductID, SkuCode: i.SkuCode, LinearValue: i.LinearValue, ProductName: i.ProductName, Size: i.Size}
}

type scanner interface{ Scan(...any) error }

func (r *Reader) scanInstance(row scanner) (*Instance, error) {
	var i Instance
	var expires, orderKnown, provisioned, frozen, released, told, ordered, orderedExpires, orderedExpiry, given, wiped, seen sql.NullTime
	var realName, email, phone, password, access, params, usage []byte
	err := row.Scan(&i.PK, &i.ChannelID, &i.InstanceID, &i.OrderID, &i.OrderLineID, &i.BusinessID, &i.Status, &i.ProductID, &i.SkuCode,
		&i.ProductName, &i.LinearValue, &i.Amount, &i.DiskSize, &i.BandWidth, &i.OrderType, &i.ChargingMode, &i.PeriodType, &i.PeriodNumber, &expires, &i.ExpirySetBy,
		&i.CustomerID, &i.CustomerName, &realName, &email, &phone, &i.Driver, &i.App.FrontEndURL, &i.App.AdminURL,
		&i.App.UserName, &password, &i.App.Memo, &i.AccessVersion, &i.CreatedAt, &orderKnown, &provisioned, &frozen, &released,
		&i.Protocol, &i.FrozenBy, &access, &params, &told, &i.Told.ProductID, &i.Told.After, &i.Ordered.ProductID, &ordered, &i.Ordered.Task,
		&orderedExpires, &orderedExpiry, &i.LinkGeneration, &given, &wiped, &seen, &usage)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "instance.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	i.ExpiresAt, i.OrderKnownAt, i.ProvisionedAt = utc(expires), orderKnown.Time, provisioned.Time
	i.FrozenAt, i.ReleasedAt = frozen.Time, released.Time
	i.PasswordGivenAt, i.PasswordWipedAt, i.URLSeenAt = utc(given), utc(wiped), utc(seen)
	i.Told.ExpiresAt, i.Ordered.At, i.Ordered.ExpiresAt, i.Ordered.ExpiryAt = utc(told), utc(ordered), utc(orderedExpires), utc(orderedExpiry)
	for _, f := range []struct {
		p    seal.Purpose
		from []byte
		to   *string
	}{{seal.Customer, realName, &i.RealName}, {seal.Customer, email, &i.Email}, {seal.Customer, phone, &i.Phone}, {seal.Access, password, &i.App.Password}} {
		if *f.to, err = r.open(f.p, f.from); err != nil {
			return nil, err
		}
	}
	if i.Params, err = r.openParams(params); err != nil {
		return nil, err
	}
	if i.Usage, err = r.openUsage(usage); err != nil {
		return nil, err
	}
	return &i, r.openApp(&i.App, access)
}

// LockInstance locks a real instance of a channel by KooGallery's id. Fault:
// not_found "instance.unknown", also for an instance of another channel.
func (t *Tx) LockInstance(ctx context.Context, channel int64, instanceID string) (*Instance, error) {
	return t.Reader().scanInstance(t.tx.QueryRowxContext(ctx, `
SELECT `+instanceColumns+`
  FROM instances
 WHERE instance_id = $1
   AND channel_id = $2
   FOR NO KEY UPDATE`, instanceID, channel))
}

// LockInstanceID locks an instance by KooGallery's id alone, for people who look
// after every channel. Fault: not_found "instance.unknown".
func (t *Tx) LockInstanceID(ctx context.Context, instanceID string) (*Instance, error) {
	return t.Reader().scanInstance(t.tx.QueryRowxContext(ctx, `
SELECT `+instanceColumns+`
  FROM instances
 WHERE instance_id = $1
   FOR NO KEY UPDATE`, instanceID))
}

// LockInstancePK locks an instance by its row id.
func (t *Tx) LockInstancePK(ctx context.Context, pk int64) (*Instance, error) {
	return t.Reader().scanInstance(t.tx.QueryRowxContext(ctx, `
SELECT `+instanceColumns+`
  FROM instances
 WHERE id = $1
   FOR NO KEY UPDATE`, pk))
}

// InstancePK loads an instance by its row id.
func (r *Reader) InstancePK(ctx context.Context, pk int64) (*Instance, error) {
	return r.scanInstance(r.q.QueryRowxContext(ctx, `
SELECT `+instanceColumns+`
  FROM instances
 WHERE id = $1`, pk))
}

// Instances loads the instances of a channel that queryInstance asks for, in
// the order asked; unknown ids are left out.
func (r *Reader) Instances(ctx context.Context, channel int64, ids []string) ([]*Instance, error) {
	rows, err := r.q.QueryxContext(ctx, `
SELECT `+instanceColumns+`
  FROM instances
 WHERE instance_id = ANY($1)
   AND channel_id = $2`, pq.Array(ids), channel)
	if err != nil {
		return nil, toFault(err)
	}
	defer rows.Close()
	byID := make(map[string]*Instance, len(ids))
	for rows.Next() {
		i, err := r.scanInstance(rows)
		if err != nil {
			return nil, err
		}
		byID[i.InstanceID] = i
	}
	if err := rows.Err(); err != nil {
		return nil, toFault(err)
	}
	out := make([]*Instance, 0, len(byID))
	for _, id := range ids {
		if i := byID[id]; i != nil {
			out = append(out, i)
			delete(byID, id)
		}
	}
	return out, nil
}

// Origin says what changed an instance, for its history. Zero parts are left out.
type Origin struct {
	MessageID int64
	TaskID    int64
	Actor     string
}

// SaveState writes the life-cycle part of an instance and its history entries, of
// which there may be none: who set an expiry can change while the date stays.
func (t *Tx) SaveState(ctx context.Context, i *Instance, changes []market.Change, o Origin) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE instances
   SET status = $2,
       expires_at = $3,
       expiry_set_by = $4,
       product_id = $5,
       provisioned_at = $6,
       frozen_at = $7,
       released_at = $8,
       frozen_by = $9,
       told_expires_at = $10,
       told_product_id = $11,
       told_after = $12,
       ordered_product_id = $13,
       ordered_at = $14,
       ordered_task = $15,
       ordered_expires_at = $16,
       ordered_expiry_at = $17,
       expiry_since = CASE WHEN expires_at IS DISTINCT FROM $3 THEN now() ELSE expiry_since END,
       notice_at = CASE WHEN $8::timestamptz IS NOT NULL OR $3::timestamptz IS NULL THEN NULL
                        WHEN expires_at IS DISTINCT FROM $3 OR status <> $2 THEN '-infinity'
                        ELSE notice_at END,
       updated_at = now()
 WHERE id = $1`, i.PK, string(i.Status), nullTime(i.ExpiresAt), i.ExpirySetBy, i.ProductID,
		nullTime(i.ProvisionedAt), nullTime(i.FrozenAt), nullTime(i.ReleasedAt), i.FrozenBy,
		nullTime(i.Told.ExpiresAt), i.Told.ProductID, i.Told.After,
		i.Ordered.ProductID, nullTime(i.Ordered.At), i.Ordered.Task, nullTime(i.Ordered.ExpiresAt), nullTime(i.Ordered.ExpiryAt))
	if err != nil {
		return toFault(err)
	}
	if err := t.dropStaleNotices(ctx, i, changes); err != nil {
		return err
	}
	if slices.ContainsFunc(changes, func(c market.Change) bool { return c.Kind == market.ProductChanged && c.Old != "" }) {
		if err := t.replan(ctx, i.PK); err != nil {
			return err
		}
	}
	return t.record(ctx, i.PK, changes, market.Noticed(changes, !i.ProvisionedAt.IsZero()), o)
}

// Record adds entries to an instance's history that its state has no part in, and
// notes of each what its customer is to be told.
func (t *Tx) Record(ctx context.Context, pk int64, changes []market.Change, o Origin) error {
	return t.record(ctx, pk, changes, market.Noticed(changes, true), o)
}

func (t *Tx) record(ctx context.Context, pk int64, changes []market.Change, notices []string, o Origin) error {
	for n, c := range changes {
		_, err := t.tx.ExecContext(ctx, `
INSERT INTO instance_events (instance_pk, kind, old_value, new_value, message_id, task_id, actor, notice)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, pk, string(c.Kind), c.Old, c.New, nullID(o.MessageID), nullID(o.TaskID), o.Actor, nullText(notices[n]))
		if err != nil {
			return toFault(err)
		}
	}
	return nil
}

// SaveOrder writes what the order query told of an instance: the fields of i
// that an order fills, and the answer whole.
func (t *Tx) SaveOrder(ctx context.Context, i *Instance, raw []byte) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE instances
   SET product_id = $2,
       sku_code = $3,
       product_name = $4,
       linear_value = $5,
       order_type = $6,
       charging_mode = $7,
       period_type = $8,
       period_number = $9,
       customer_id = $10,
       customer_name = $11,
       real_name_sealed = $12,
       email_sealed = $13,
       email_bidx = $14,
       phone_sealed = $15,
       phone_bidx = $16,
       order_sealed = $17,
       amount = $18,
       disk_size = $19,
       band_width = $20,
       order_known_at = COALESCE(order_known_at, now()),
       erased_at = NULL,
       updated_at = now()
 WHERE id = $1`,
		i.PK, i.ProductID, i.SkuCode, i.ProductName, i.LinearValue, i.OrderType, string(i.ChargingMode), i.PeriodType, i.PeriodNumber,
		i.CustomerID, i.CustomerName, nullBytes(t.keys.SealString(seal.Customer, i.RealName)),
		nullBytes(t.keys.SealString(seal.Customer, i.Email)), nullBytes(t.keys.Index(market.FoldEmail(i.Email))),
		nullBytes(t.keys.SealString(seal.Customer, i.Phone)), nullBytes(t.keys.Index(market.FoldPhone(i.Phone))),
		nullBytes(t.keys.Seal(seal.Customer, raw)), i.Amount, i.DiskSize, i.BandWidth)
	if err != nil {
		return toFault(err)
	}
	return t.licenseTimes(ctx, i)
}

// SaveAccess writes the access data of an instance and counts its version up.
func (t *Tx) SaveAccess(ctx context.Context, i *Instance) error {
	i.AccessVersion++
	shown, sealed, err := t.sealApp(i)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE instances
   SET driver = $2,
       front_end_url = $3,
       admin_url = $4,
       user_name = $5,
       password_sealed = $6,
       memo = $7,
       access_version = $8,
       access_sealed = $9,
       password_given_at = NULL,
       wipe_password_at = NULL,
       password_wiped_at = CASE WHEN $6::bytea IS NULL THEN password_wiped_at END,
       erased_at = NULL,
       updated_at = now()
 WHERE id = $1`,
		i.PK, i.Driver, shown.FrontEndURL, shown.AdminURL, shown.UserName,
		nullBytes(t.keys.SealString(seal.Access, i.App.Password)), shown.Memo, i.AccessVersion, nullBytes(sealed))
	return toFault(err)
}

// SetDriver notes by which driver an instance is being made, before there is
// access data: what waits for a person is found by it, and so is who may have to
// undo what was begun. The origin may be left out.
func (t *Tx) SetDriver(ctx context.Context, pk int64, driver string, by ...Origin) error {
	var o Origin
	if len(by) > 0 {
		o = by[0]
	}
	_, err := t.tx.ExecContext(ctx, `
WITH old AS (
    SELECT id, driver
      FROM instances
     WHERE id = $1
       AND driver <> $2
       FOR NO KEY UPDATE
), changed AS (
    UPDATE instances i
       SET driver = $2,
           updated_at = now()
      FROM old
     WHERE i.id = old.id
)
INSERT INTO instance_events (instance_pk, kind, old_value, new_value, message_id, task_id, actor)
SELECT id, $3, driver, $2, $4, $5, $6
  FROM old`, pk, driver, string(market.DriverChanged), nullID(o.MessageID), nullID(o.TaskID), o.Actor)
	return toFault(err)
}

// LastTask is the newest task of an instance, 0 if there is none. Under the
// instance's lock it separates what was asked before from what is asked later.
func (t *Tx) LastTask(ctx context.Context, pk int64) (int64, error) {
	var id int64
	err := t.tx.GetContext(ctx, &id, `
SELECT COALESCE(max(id), 0)
  FROM tasks
 WHERE instance_pk = $1`, pk)
	return id, toFault(err)
}

// OrderAnswer is the stored answer of the order query, whole; nil before it is known.
func (r *Reader) OrderAnswer(ctx context.Context, pk int64) (json.RawMessage, error) {
	var sealed []byte
	err := r.q.QueryRowxContext(ctx, `
SELECT order_sealed
  FROM instances
 WHERE id = $1`, pk).Scan(&sealed)
	if err != nil {
		return nil, toFault(err)
	}
	plain, err := r.keys.Open(seal.Customer, sealed)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	return plain, nil
}
