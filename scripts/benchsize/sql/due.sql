-- The same selection as the program's, and nothing else: which instances have a notice due, for which day, and to whom
-- it would go. $1 are the days before the expiry, $2 is the zone.
SELECT count(*)
  FROM (SELECT i.id, i.channel_id, i.email_sealed, i.phone_sealed, n.days
          FROM instances i
          LEFT JOIN LATERAL (
               SELECT settings
                 FROM products
                WHERE channel_id = i.channel_id
                  AND (product_id = i.product_id AND sku_code = '' OR product_id = '' AND sku_code = i.sku_code OR product_id = '*')
                ORDER BY product_id = '*', product_id = ''
                LIMIT 1) p ON true
          LEFT JOIN customer_wishes w ON w.channel_id = i.channel_id AND w.customer = COALESCE(NULLIF(i.customer_id, ''), '#' || i.instance_id)
         CROSS JOIN LATERAL (
               SELECT d.days
                 FROM unnest(COALESCE((SELECT array_agg(v::int) FROM jsonb_array_elements_text(p.settings->'expiry_days') v), $1::int[])) d(days)
                CROSS JOIN LATERAL (
                      SELECT CASE WHEN d.days = 0 OR (i.expires_at AT TIME ZONE COALESCE(NULLIF(w.zone, ''), $2))::time >= '23:59'
                                  THEN (date_trunc('day', i.expires_at AT TIME ZONE COALESCE(NULLIF(w.zone, ''), $2)) - d.days * interval '1 day')
                                       AT TIME ZONE COALESCE(NULLIF(w.zone, ''), $2)
                                  ELSE i.expires_at - d.days * interval '24 hours' END AS at) m
                WHERE m.at <= now()
                  AND m.at > i.expiry_since
                ORDER BY m.at DESC, d.days
                LIMIT 1) n
         WHERE i.notice_at <= now()
           AND i.status = 'active'
           AND now() < i.expires_at + interval '24 hours'
           AND (i.email_bidx IS NOT NULL OR i.phone_bidx IS NOT NULL)
           AND NOT COALESCE(p.settings->'notices_off' ? 'expiry_notice', false)
           AND NOT COALESCE('expiry_notice' = ANY (w.off), false)
           AND NOT EXISTS (
               SELECT 1
                 FROM (SELECT kind, about_expiry, days, status, outcome, handing_since, resends
                         FROM deliveries
                        WHERE instance_pk = i.id
                       OFFSET 0) d
                WHERE d.kind = 'expiry_notice'
                  AND d.about_expiry = i.expires_at
                  AND d.days <= n.days
                  AND NOT (d.status = 'cancelled' AND d.outcome = 'queued' AND d.handing_since IS NULL AND d.resends = 0))
         ORDER BY i.notice_at, i.id) AS due
