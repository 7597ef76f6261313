package store

import (
	"context"

	"github.com/lib/pq"

	"koodesk/app/market"
)

// licensed is whether an instance belongs to a product whose Licenses are supplied:
// an online License.
func licensed(channel, instance string) string {
	return `EXISTS (SELECT 1
                 FROM instances i
                CROSS JOIN LATERAL (SELECT settings->>'license' AS supplier
                                      FROM products` + entryOf("i.channel_id", "i.product_id", "i.sku_code") + `) p
                WHERE i.channel_id = ` + channel + `
                  AND i.instance_id = ` + instance + `
                  AND i.product_id <> ''
                  AND p.supplier <> '')`
}

// licenseTimes gives the messages of an instance the times of an online License,
// if its order has told that it is one. Only V2.0's interfaces call for those.
func (t *Tx) licenseTimes(ctx context.Context, i *Instance) error {
	if i.Protocol != market.V2 {
		return nil
	}
	var activities []string
	var windows, shifts []float64
	for _, r := range market.RetryRules() {
		if of := market.OnlineLicenseRule(market.V2, r.Activity); r.Protocol == market.V2 && of != nil {
			activities, windows, shifts = append(activities, r.Activity), append(windows, of.Window.Seconds()), append(shifts, (of.Window-r.Window).Seconds())
		}
	}
	_, err := t.tx.ExecContext(ctx, `
UPDATE messages m
   SET online_license = TRUE,
       retry_until = CASE WHEN w.seconds > 0 THEN m.retry_until + make_interval(secs => w.shift) END
  FROM unnest($3::text[], $4::float8[], $5::float8[]) AS w (activity, seconds, shift)
 WHERE m.channel_id = $1
   AND m.instance_id = $2
   AND m.instance_id <> ''
   AND m.protocol = 'v2'
   AND m.activity = w.activity
   AND NOT m.test
   AND NOT m.online_license
   AND (SELECT `+licensed("$1", "$2")+`)`, i.ChannelID, i.InstanceID, pq.Array(activities), pq.Array(windows), pq.Array(shifts))
	return toFault(err)
}
