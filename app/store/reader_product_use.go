package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// ProductUse is what was sold of a productId or a skuCode. The channel's default
// has none: it is for whatever has no entry.
type ProductUse struct {
	Name      string    // of the newest instance's product
	Instances Count     // of this productId or skuCode
	Last      time.Time // the newest purchase, UTC; zero: none
}

// ProductUses gives the use of entries, by their ids.
func (r *Reader) ProductUses(ctx context.Context, ids ...int64) (map[int64]ProductUse, error) {
	var rows []struct {
		ID   int64          `db:"id"`
		N    int            `db:"n"`
		Name sql.NullString `db:"product_name"`
		Last sql.NullTime   `db:"created_at"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT p.id, u.n, newest.product_name, newest.created_at
  FROM products p
 CROSS JOIN LATERAL (
       SELECT count(*) AS n, max(id) AS newest
         FROM ((SELECT i.id
                  FROM instances i
                 WHERE i.product_id = p.product_id
                   AND i.channel_id = p.channel_id
                   AND p.product_id <> ''
                 ORDER BY i.id DESC
                 LIMIT 1001)
               UNION ALL
               (SELECT i.id
                  FROM instances i
                 WHERE i.sku_code = p.sku_code
                   AND i.sku_code <> ''
                   AND i.channel_id = p.channel_id
                 ORDER BY i.id DESC
                 LIMIT 1001)) found) u
  LEFT JOIN instances newest ON newest.id = u.newest
 WHERE p.id = ANY($1)
   AND p.product_id <> '*'`, pq.Array(ids))
	if err != nil {
		return nil, toFault(err)
	}
	out := make(map[int64]ProductUse, len(rows))
	for _, row := range rows {
		out[row.ID] = ProductUse{Name: row.Name.String, Instances: countOf(row.N), Last: utc(row.Last)}
	}
	return out, nil
}
