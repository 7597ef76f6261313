package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// Channel is one production address of the seller with its secrets opened. It
// stays inside the process: nothing writes it to a log or a page.
type Channel struct {
	ID          int64
	Slug        string
	Site        market.Site
	BodySign    bool
	EncryptType int
	V1Pending   string // PendingPage or PendingCode
	OpenAPIURL  string // "" means the site's published one
	AK, SK      string
	KitKey      string // PEM
	Keys        []ChannelKey
}

// What a V1.0 purchase is answered that is not ready in time.
const (
	PendingPage = "page"   // 000000 with the buyer's access page as frontEndUrl
	PendingCode = "000004" // so that the marketplace comes again
)

// ChannelKey is one key of an interface class.
type ChannelKey struct {
	ID        int64
	Class     market.KeyClass
	Secret    string
	CreatedAt time.Time
	RetiresAt time.Time // zero: the present key
}

// KeysOf lists the keys of a class that are valid at now, the present one first.
func (c *Channel) KeysOf(class market.KeyClass, now time.Time) []ChannelKey {
	var out []ChannelKey
	for _, k := range c.Keys {
		if k.Class == class && (k.RetiresAt.IsZero() || now.Before(k.RetiresAt)) {
			out = append(out, k)
		}
	}
	return out
}

// BaseURL is where the channel's open APIs are.
func (c *Channel) BaseURL() string { return baseURL(c.Site, c.OpenAPIURL) }

func baseURL(site market.Site, own string) string {
	if own != "" {
		return own
	}
	return site.OpenAPIURL()
}

type channelRow struct {
	ID          int64  `db:"id"`
	Slug        string `db:"slug"`
	Site        string `db:"site"`
	BodySign    bool   `db:"body_sign"`
	EncryptType int    `db:"encrypt_type"`
	V1Pending   string `db:"v1_pending"`
	OpenAPIURL  string `db:"open_api_url"`
	AK          []byte `db:"ak_sealed"`
	SK          []byte `db:"sk_sealed"`
	KitKey      []byte `db:"kit_key_sealed"`
}

const channelColumns = `id, slug, site, body_sign, encrypt_type, v1_pending, open_api_url, ak_sealed, sk_sealed, kit_key_sealed`

// ChannelBySlug loads a channel with its keys. Fault: not_found "channel.unknown".
func (r *Reader) ChannelBySlug(ctx context.Context, slug string) (*Channel, error) {
	return r.channel(ctx, `
SELECT `+channelColumns+`
  FROM channels
 WHERE slug = $1`, slug)
}

// ChannelByID loads a channel with its keys.
func (r *Reader) ChannelByID(ctx context.Context, id int64) (*Channel, error) {
	return r.channel(ctx, `
SELECT `+channelColumns+`
  FROM channels
 WHERE id = $1`, id)
}

// ChannelForUpdate loads a channel with its keys and locks its row; nil if there
// is none.
func (t *Tx) ChannelForUpdate(ctx context.Context, slug string) (*Channel, error) {
	c, err := t.Reader().channel(ctx, `
SELECT `+channelColumns+`
  FROM channels
 WHERE slug = $1
   FOR NO KEY UPDATE`, slug)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return c, err
}

func (r *Reader) channel(ctx context.Context, query string, arg any) (*Channel, error) {
	var row channelRow
	if err := r.q.QueryRowxContext(ctx, query, arg).StructScan(&row); err != nil {
		if fault.Is(toFault(err), fault.NotFound) {
			return nil, fault.New(fault.NotFound, "channel.unknown")
		}
		return nil, toFault(err)
	}
	c := &Channel{ID: row.ID, Slug: row.Slug, Site: market.Site(row.Site), BodySign: row.BodySign,
		EncryptType: row.EncryptType, V1Pending: row.V1Pending, OpenAPIURL: row.OpenAPIURL}
	for _, f := range []struct {
		to   *string
		from []byte
	}{{&c.AK, row.AK}, {&c.SK, row.SK}, {&c.KitKey, row.KitKey}} {
		s, err := r.open(seal.ChannelSecret, f.from)
		if err != nil {
			return nil, err
		}
		*f.to = s
	}
	var err error
	c.Keys, err = r.channelKeys(ctx, c.ID)
	return c, err
}

func (r *Reader) channelKeys(ctx context.Context, channel int64) ([]ChannelKey, error) {
	rows, err := r.q.QueryxContext(ctx, `
SELECT id, class, key_sealed, created_at, retires_at
  FROM channel_keys
 WHERE channel_id = $1
   AND (retires_at IS NULL OR retires_at > now())
 ORDER BY retires_at DESC NULLS FIRST, id DESC`, channel)
	if err != nil {
		return nil, toFault(err)
	}
	defer rows.Close()
	var out []ChannelKey
	for rows.Next() {
		var k ChannelKey
		var sealed []byte
		var retires sql.NullTime
		if err := rows.Scan(&k.ID, &k.Class, &sealed, &k.CreatedAt, &retires); err != nil {
			return nil, toFault(err)
		}
		k.RetiresAt = retires.Time
		if k.Secret, err = r.open(seal.ChannelSecret, sealed); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, toFault(rows.Err())
}

// open opens a sealed text; a value that cannot be opened is a fault that says
// which variable to look at.
func (r *Reader) open(p seal.Purpose, sealed []byte) (string, error) {
	s, err := r.keys.OpenString(p, sealed)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	return s, nil
}

// ChannelChange is what `channel set` may change; nil leaves a thing as it is.
type ChannelChange struct {
	Slug        string
	Site        *market.Site
	BodySign    *bool
	EncryptType *int
	OpenAPIURL  *string
	AK, SK      *string
	KitKey      *string
	V1Pending   *string // PendingPage or PendingCode
}

// SetChannel creates or changes a channel and returns its id. A new channel
// needs a site: fault invalid "channel.site_missing".
func (t *Tx) SetChannel(ctx context.Context, c ChannelChange) (id int64, created bool, err error) {
	err = t.tx.GetContext(ctx, &id, `
SELECT id
  FROM channels
 WHERE slug = $1
   FOR NO KEY UPDATE`, c.Slug)
	if fault.Is(toFault(err), fault.NotFound) {
		if c.Site == nil {
			return 0, false, fault.New(fault.Invalid, "channel.site_missing", "channel", c.Slug)
		}
		created = true
		err = t.tx.GetContext(ctx, &id, `
INSERT INTO channels (slug, site)
VALUES ($1, $2)
RETURNING id`, c.Slug, string(*c.Site))
	}
	if err != nil {
		return 0, false, toFault(err)
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE channels
   SET site = COALESCE($2, site),
       body_sign = COALESCE($3, body_sign),
       encrypt_type = COALESCE($4, encrypt_type),
       open_api_url = COALESCE($5, open_api_url),
       ak_sealed = COALESCE($6, ak_sealed),
       sk_sealed = COALESCE($7, sk_sealed),
       kit_key_sealed = COALESCE($8, kit_key_sealed),
       v1_pending = COALESCE($9, v1_pending),
       updated_at = now()
 WHERE id = $1`,
		id, (*string)(c.Site), c.BodySign, c.EncryptType, c.OpenAPIURL,
		t.sealPtr(seal.ChannelSecret, c.AK), t.sealPtr(seal.ChannelSecret, c.SK), t.sealPtr(seal.ChannelSecret, c.KitKey), c.V1Pending)
	return id, created, toFault(err)
}

func (t *Tx) sealPtr(p seal.Purpose, s *string) any {
	if s == nil {
		return nil
	}
	return nullBytes(t.keys.SealString(p, *s))
}

// SetChannelKey makes secret the present key of a class. The replaced one stays
// valid for overlap (0 ends it at once). Setting the present key again changes
// nothing and keeps whatever overlap runs.
func (t *Tx) SetChannelKey(ctx context.Context, channel int64, class market.KeyClass, secret string, overlap time.Duration) (changed bool, err error) {
	var same bool
	err = t.tx.GetContext(ctx, &same, `
SELECT EXISTS (
       SELECT 1
         FROM channel_keys
        WHERE channel_id = $1
          AND class = $2
          AND retires_at IS NULL
          AND key_bidx = ANY($3))`, channel, string(class), pq.ByteaArray(t.keys.Indexes(secret)))
	if err != nil || same {
		return false, toFault(err)
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE channel_keys
   SET retires_at = now() + make_interval(secs => $3)
 WHERE channel_id = $1
   AND class = $2
   AND retires_at IS NULL`, channel, string(class), overlap.Seconds())
	if err != nil {
		return false, toFault(err)
	}
	_, err = t.tx.ExecContext(ctx, `
INSERT INTO channel_keys (channel_id, class, key_sealed, key_bidx)
VALUES ($1, $2, $3, $4)`, channel, string(class), t.keys.SealString(seal.ChannelSecret, secret), t.keys.Index(secret))
	return true, toFault(err)
}

// RetireOldKeys ends the overlaps of these classes of the channel now.
func (t *Tx) RetireOldKeys(ctx context.Context, channel int64, classes []market.KeyClass) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE channel_keys
   SET retires_at = now()
 WHERE channel_id = $1
   AND class = ANY($2)
   AND retires_at > now()`, channel, pq.Array(classes))
	return toFault(err)
}

// TouchKey records that a key proved a call. The caller limits how often.
func (s *Store) TouchKey(ctx context.Context, key int64, at time.Time) error {
	_, err := s.db.ExecContext(ctx, `
UPDATE channel_keys
   SET last_used_at = GREATEST(last_used_at, $2)
 WHERE id = $1`, key, at)
	return toFault(err)
}
