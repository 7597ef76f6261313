package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// License is one License that the marketplace asked for, opened. It stays inside
// the process; screens and the API get LicenseRow.
type License struct {
	ID          int64
	ChannelID   int64
	InstancePK  int64
	MessageID   int64
	Protocol    market.Protocol
	Key         string // idempotency key of the call
	EventID     string // of getLicenseAsync
	OrderID     string // of getLicense
	Device      string
	EffectiveAt time.Time
	ExpiresAt   time.Time
	PeriodEnd   time.Time // the order's expiry when it was asked for
	Status      market.LicenseStatus
	Supplier    string
	Pool        string
	SuppliedBy  string // who handed it in, when a person or a token did
	Content     market.LicenseContent
	Version     int
	Uploaded    int  // the version that the marketplace has
	JudgeLater  bool // whether it may be given at all is to be judged: its order was not known when it was asked for
	RequestedAt time.Time
}

// There tells whether the License is there.
func (l *License) There() bool { return l.Version > 0 }

const licenseColumns = `id, channel_id, instance_pk, COALESCE(message_id, 0), protocol, request_key, event_id, order_id, device_sealed,
       effective_at, expires_at, period_end, status, supplier, pool, supplied_by, file_name, content_sealed, version,
       uploaded_version, judge_later, requested_at`

func (r *Reader) scanLicense(row scanner) (*License, error) {
	var l License
	var effective, expires, period sql.NullTime
	var device, content []byte
	var name string
	err := row.Scan(&l.ID, &l.ChannelID, &l.InstancePK, &l.MessageID, &l.Protocol, &l.Key, &l.EventID, &l.OrderID, &device,
		&effective, &expires, &period, &l.Status, &l.Supplier, &l.Pool, &l.SuppliedBy, &name, &content, &l.Version,
		&l.Uploaded, &l.JudgeLater, &l.RequestedAt)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "license.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	l.EffectiveAt, l.ExpiresAt, l.PeriodEnd = utc(effective), utc(expires), utc(period)
	if l.Device, err = r.open(seal.Customer, device); err != nil {
		return nil, err
	}
	l.Content, err = r.openLicense(name, content)
	return &l, err
}

// openLicense opens a License's content.
func (r *Reader) openLicense(fileName string, sealed []byte) (market.LicenseContent, error) {
	plain, err := r.keys.Open(seal.License, sealed)
	if err != nil {
		return market.LicenseContent{}, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	if fileName != "" {
		return market.LicenseContent{FileName: fileName, File: plain}, nil
	}
	return market.LicenseContent{Text: string(plain)}, nil
}

// AddLicense writes a License that was asked for and fills in its id. One with
// the same key is left as it is and given instead; added is then false.
func (t *Tx) AddLicense(ctx context.Context, l *License) (added bool, err error) {
	err = t.tx.GetContext(ctx, &l.ID, `
INSERT INTO licenses (channel_id, instance_pk, message_id, protocol, request_key, event_id, order_id, device_sealed, device_bidx,
                      effective_at, expires_at, period_end, supplier, pool, judge_later)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (channel_id, request_key) DO NOTHING
RETURNING id`, l.ChannelID, l.InstancePK, nullID(l.MessageID), string(l.Protocol), l.Key, l.EventID, l.OrderID,
		nullBytes(t.keys.SealString(seal.Customer, l.Device)), nullBytes(t.keys.Index(l.Device)),
		nullTime(l.EffectiveAt), nullTime(l.ExpiresAt), nullTime(l.PeriodEnd), l.Supplier, l.Pool, l.JudgeLater)
	if err == nil {
		l.Status, l.RequestedAt = market.LicenseRequested, t.Now
		return true, nil
	}
	if !fault.Is(toFault(err), fault.NotFound) {
		return false, toFault(err)
	}
	found, err := t.LicenseByKey(ctx, l.ChannelID, l.Key)
	if err == nil {
		*l = *found
	}
	return false, err
}

// LicenseByKey locks the License of a call. Fault: not_found "license.unknown".
func (t *Tx) LicenseByKey(ctx context.Context, channel int64, key string) (*License, error) {
	return t.Reader().scanLicense(t.tx.QueryRowxContext(ctx, `
SELECT `+licenseColumns+`
  FROM licenses
 WHERE channel_id = $1
   AND request_key = $2
   FOR NO KEY UPDATE`, channel, key))
}

// LockLicense locks a License by its id. Fault: not_found "license.unknown".
func (t *Tx) LockLicense(ctx context.Context, id int64) (*License, error) {
	return t.Reader().scanLicense(t.tx.QueryRowxContext(ctx, `
SELECT `+licenseColumns+`
  FROM licenses
 WHERE id = $1
   FOR NO KEY UPDATE`, id))
}

// License loads a License by its id. Fault: not_found "license.unknown".
func (r *Reader) License(ctx context.Context, id int64) (*License, error) {
	return r.scanLicense(r.q.QueryRowxContext(ctx, `
SELECT `+licenseColumns+`
  FROM licenses
 WHERE id = $1`, id))
}

// LicenseAsk is what is known of a License and of the order that it is of, to be
// judged: of the order's Licenses those count that were given or promised already,
// and those before it that are to be judged as well. An id of 0 is a new one.
func (t *Tx) LicenseAsk(ctx context.Context, i *Instance, l *License, p *Product) (market.LicenseAsk, error) {
	ask := market.LicenseAsk{Effective: l.EffectiveAt, Expires: l.ExpiresAt, Device: l.Device, ChargingMode: i.ChargingMode,
		OrderExpires: i.ExpiresAt, Frozen: i.Status == market.Frozen, NeedsDevice: p.Settings.LicenseNeedsDevice}
	if i.LinearValue <= 0 || p.Settings.LicenseUnlimited {
		return ask, nil
	}
	ask.Quota = i.LinearValue
	return ask, toFault(t.tx.GetContext(ctx, &ask.Given, `
SELECT count(*)
  FROM licenses
 WHERE instance_pk = $1
   AND status NOT IN ('refused', 'cancelled')
   AND (period_end IS NULL OR period_end IS NOT DISTINCT FROM $2)
   AND id <> $3
   AND ($3 = 0 OR id < $3 OR NOT judge_later)`, i.PK, nullTime(i.ExpiresAt), l.ID))
}

// LicenseAllowed notes that a License was judged and may be given, in the order's
// present period: one that was refused is asked for anew.
func (t *Tx) LicenseAllowed(ctx context.Context, id int64, periodEnd time.Time) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE licenses
   SET judge_later = false,
       status = CASE status WHEN 'refused' THEN 'requested' ELSE status END,
       period_end = $2,
       updated_at = now()
 WHERE id = $1`, id, nullTime(periodEnd))
	return toFault(err)
}

// JudgeLicenses lets the supply of an instance's Licenses go on that could not be
// judged before its order was known.
func (t *Tx) JudgeLicenses(ctx context.Context, instancePK int64) error {
	var ids []int64
	err := t.tx.SelectContext(ctx, &ids, `
SELECT t.id
  FROM tasks t
  JOIN licenses l
         ON l.id = t.license_id
 WHERE l.instance_pk = $1
   AND l.judge_later
   AND t.kind = 'license'
   AND t.status IN ('failed', 'pending')
   AND t.last_error ->> 'key' = 'license.order_unknown'`, instancePK)
	if err != nil || len(ids) == 0 {
		return toFault(err)
	}
	if _, err := t.RestartTasks(ctx, ids, "system"); err != nil {
		return err
	}
	return t.SettleMessagesOf(ctx, ids)
}

// SaveLicense writes a License's content as its next version, given without being
// judged where a person was faster. status says where it stands now.
func (t *Tx) SaveLicense(ctx context.Context, l *License, status market.LicenseStatus) error {
	l.Version, l.Status = l.Version+1, status
	content := l.Content.Bytes()
	var sum []byte
	if l.Content.IsFile() {
		s := sha256.Sum256(content)
		sum = s[:]
	}
	_, err := t.tx.ExecContext(ctx, `
UPDATE licenses
   SET status = $2,
       supplier = $3,
       supplied_by = $4,
       judge_later = false,
       file_name = $5,
       content_sealed = $6,
       content_sha256 = $7,
       content_size = $8,
       version = $9,
       last_error = NULL,
       ready_at = now(),
       updated_at = now()
 WHERE id = $1`, l.ID, string(status), l.Supplier, l.SuppliedBy, l.Content.FileName,
		nullBytes(t.keys.Seal(seal.License, content)), nullBytes(sum), len(content), l.Version)
	return toFault(err)
}

// SetLicenseSupplier notes who is asked for a License.
func (t *Tx) SetLicenseSupplier(ctx context.Context, id int64, supplier, pool string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE licenses
   SET supplier = $2,
       pool = $3,
       updated_at = now()
 WHERE id = $1`, id, supplier, pool)
	return toFault(err)
}

// SetLicenseUploaded notes that the marketplace has this version. A newer one
// that was handed in meanwhile stays ready.
func (t *Tx) SetLicenseUploaded(ctx context.Context, id int64, version int) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE licenses
   SET status = CASE WHEN version = $2 AND status <> 'cancelled' THEN 'uploaded' ELSE status END,
       uploaded_version = GREATEST(uploaded_version, $2),
       last_error = NULL,
       uploaded_at = now(),
       updated_at = now()
 WHERE id = $1`, id, version)
	return toFault(err)
}

// SetLicenseTrouble notes why a try for a License failed; status "" leaves it
// where it is. What is done or over stays so.
func (t *Tx) SetLicenseTrouble(ctx context.Context, id int64, status market.LicenseStatus, cause error) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE licenses
   SET status = COALESCE($2, status),
       last_error = $3,
       updated_at = now()
 WHERE id = $1
   AND status NOT IN ('cancelled', 'answered')`, id, nullText(string(status)), nullBytes(fault.ToRecord(cause).JSON()))
	return toFault(err)
}

// cancelLicenses ends the Licenses of an instance that have not gone out, when it
// is released.
func (t *Tx) cancelLicenses(ctx context.Context, instancePK int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE licenses
   SET status = 'cancelled',
       updated_at = now()
 WHERE instance_pk = $1
   AND status IN ('requested', 'ready', 'failed', 'refused')`, instancePK)
	return toFault(err)
}

// EndLicenseTasks ends the waiting and given-up tasks of one kind of a License,
// since a person has done their work (succeeded) or made it pointless (cancelled),
// and settles the messages behind them.
func (t *Tx) EndLicenseTasks(ctx context.Context, license int64, kind, status, actor string) error {
	var messages []int64
	err := t.tx.SelectContext(ctx, &messages, `
WITH c AS (
    UPDATE tasks
       SET status = $3,
           finished_at = now(),
           enqueued_at = NULL,
           last_error = NULL
     WHERE license_id = $1
       AND kind = $2
       AND status IN ('pending', 'failed')
    RETURNING id, round, attempts, message_id
), a AS (
    INSERT INTO task_attempts (task_id, round, number, at, outcome, actor)
    SELECT id, round, attempts, now(), $3, $4
      FROM c
)
SELECT DISTINCT COALESCE(message_id, 0)
  FROM c
 ORDER BY 1`, license, kind, status, actor)
	if err != nil {
		return toFault(err)
	}
	for _, m := range messages {
		if err := t.SettleMessage(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// NewestUpload is the newest upload task of a License with its status; 0 if there
// is none.
func (t *Tx) NewestUpload(ctx context.Context, license int64) (id int64, status string, err error) {
	err = t.tx.QueryRowxContext(ctx, `
SELECT id, status
  FROM tasks
 WHERE license_id = $1
   AND kind = 'license_upload'
 ORDER BY id DESC
 LIMIT 1`, license).Scan(&id, &status)
	if fault.Is(toFault(err), fault.NotFound) {
		return 0, "", nil
	}
	return id, status, toFault(err)
}
