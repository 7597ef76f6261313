package store

import (
	"context"
	"database/sql"
	"time"

	"koodesk/app/fault"
)

// TemplateKey names a text of a message to customers and where it counts. A zero
// ChannelID is every channel, an empty ProductID every product.
type TemplateKey struct {
	Kind      string
	Medium    string
	Language  string
	ChannelID int64
	ProductID string
}

// TemplateVersion is a text as somebody saved it.
type TemplateVersion struct {
	TemplateKey
	Version      int
	Withdrawn    bool // there is no text here any more: the next wider one counts
	Subject      string
	Body         string
	RestoredFrom int // the version that it has the text of; 0: it was written
	By           string
	At           time.Time
	Reason       string
}

const templateColumns = `kind, medium, language, COALESCE(channel_id, 0), product_id, version, withdrawn, subject, body, COALESCE(restored_from, 0),
       created_by, created_at, reason`

func scanTemplate(row scanner) (TemplateVersion, error) {
	var v TemplateVersion
	err := row.Scan(&v.Kind, &v.Medium, &v.Language, &v.ChannelID, &v.ProductID, &v.Version, &v.Withdrawn, &v.Subject, &v.Body, &v.RestoredFrom,
		&v.By, &v.At, &v.Reason)
	return v, toFault(err)
}

// TemplatesFor gives the present texts that a message could be written from, the
// one that counts first: the product's, the channel's, everybody's. What was
// withdrawn is not among them.
func (r *Reader) TemplatesFor(ctx context.Context, k TemplateKey) ([]TemplateVersion, error) {
	return r.templates(ctx, `
SELECT `+templateColumns+`
  FROM (SELECT DISTINCT ON (COALESCE(channel_id, 0), product_id) *
          FROM message_templates
         WHERE kind = $1
           AND medium = $2
           AND language = $3
           AND (COALESCE(channel_id, 0), product_id) IN ((0::bigint, ''), ($4::bigint, ''), ($4::bigint, $5))
         ORDER BY COALESCE(channel_id, 0), product_id, version DESC) t
 WHERE NOT withdrawn
 ORDER BY product_id = '', COALESCE(channel_id, 0) = 0`, k.Kind, k.Medium, k.Language, k.ChannelID, k.ProductID)
}

// TemplateOverview gives the same for every kind, medium and language.
func (r *Reader) TemplateOverview(ctx context.Context, channel int64, productID string) ([]TemplateVersion, error) {
	return r.templates(ctx, `
SELECT `+templateColumns+`
  FROM (SELECT DISTINCT ON (kind, medium, language, COALESCE(channel_id, 0), product_id) *
          FROM message_templates
         WHERE (COALESCE(channel_id, 0), product_id) IN ((0::bigint, ''), ($1::bigint, ''), ($1::bigint, $2))
         ORDER BY kind, medium, language, COALESCE(channel_id, 0), product_id, version DESC) t
 WHERE NOT withdrawn
 ORDER BY kind, medium, language, product_id = '', COALESCE(channel_id, 0) = 0`, channel, productID)
}

// TemplateVersions lists the versions of a text before one (0: all), the newest
// first.
func (r *Reader) TemplateVersions(ctx context.Context, k TemplateKey, before, limit int) ([]TemplateVersion, error) {
	return r.templates(ctx, `
SELECT `+templateColumns+`
  FROM message_templates
 WHERE kind = $1
   AND medium = $2
   AND language = $3
   AND COALESCE(channel_id, 0) = $4
   AND product_id = $5
   AND ($6::integer = 0 OR version < $6)
 ORDER BY version DESC
 LIMIT $7`, k.Kind, k.Medium, k.Language, k.ChannelID, k.ProductID, before, limit)
}

// TemplatesBelow tells where else a text has versions of its own that count: of
// which channels and products. They do not change with the wider one.
func (r *Reader) TemplatesBelow(ctx context.Context, k TemplateKey) (int, error) {
	var n int
	err := r.q.QueryRowxContext(ctx, `
SELECT count(*)
  FROM (SELECT DISTINCT ON (COALESCE(channel_id, 0), product_id) withdrawn
          FROM message_templates
         WHERE kind = $1
           AND medium = $2
           AND language = $3
           AND ($4::bigint = 0 OR COALESCE(channel_id, 0) = $4)
           AND (COALESCE(channel_id, 0), product_id) <> ($4::bigint, $5)
         ORDER BY COALESCE(channel_id, 0), product_id, version DESC) t
 WHERE NOT withdrawn`, k.Kind, k.Medium, k.Language, k.ChannelID, k.ProductID).Scan(&n)
	return n, toFault(err)
}

func (r *Reader) templates(ctx context.Context, query string, args ...any) ([]TemplateVersion, error) {
	rows, err := r.q.QueryxContext(ctx, query, args...)
	if err != nil {
		return nil, toFault(err)
	}
	defer rows.Close()
	var out []TemplateVersion
	for rows.Next() {
		v, err := scanTemplate(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, toFault(rows.Err())
}

// TemplateAt gives one version. Fault: not_found "message_template.no_version".
func (r *Reader) TemplateAt(ctx context.Context, k TemplateKey, version int) (TemplateVersion, error) {
	v, err := scanTemplate(r.q.QueryRowxContext(ctx, `
SELECT `+templateColumns+`
  FROM message_templates
 WHERE kind = $1
   AND medium = $2
   AND language = $3
   AND COALESCE(channel_id, 0) = $4
   AND product_id = $5
   AND version = $6`, k.Kind, k.Medium, k.Language, k.ChannelID, k.ProductID, version))
	if fault.Is(err, fault.NotFound) {
		return v, fault.New(fault.NotFound, "message_template.no_version")
	}
	return v, err
}

// AddTemplate saves a version on top of base, the newest one that the writer has
// seen (0: none). Fault: conflict "message_template.changed" when there is a
// newer one, or none so new.
func (t *Tx) AddTemplate(ctx context.Context, v TemplateVersion, base int) (version int, err error) {
	err = t.tx.GetContext(ctx, &version, `
INSERT INTO message_templates (kind, medium, language, channel_id, product_id, version, withdrawn, subject, body, restored_from, created_by, reason)
SELECT $1, $2, $3, $4::bigint, $5, $6::integer + 1, $7, $8, $9, $10, $11, $12
 WHERE $6::integer = COALESCE((
       SELECT max(version)
         FROM message_templates
        WHERE kind = $1
          AND medium = $2
          AND language = $3
          AND COALESCE(channel_id, 0) = COALESCE($4::bigint, 0)
          AND product_id = $5), 0)
ON CONFLICT DO NOTHING
RETURNING version`, v.Kind, v.Medium, v.Language, nullID(v.ChannelID), v.ProductID, base, v.Withdrawn, v.Subject, v.Body,
		sql.NullInt64{Int64: int64(v.RestoredFrom), Valid: v.RestoredFrom > 0}, v.By, v.Reason)
	if fault.Is(toFault(err), fault.NotFound) {
		return 0, fault.New(fault.Conflict, "message_template.changed")
	}
	return version, toFault(err)
}
