package store

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
)

// PreviewGroup is how many items of a set are of one sort.
type PreviewGroup struct {
	What    string `db:"what"` // activity of messages, purpose of tasks
	Product string `db:"product"`
	Step    string `db:"step"` // kind of the task that is next; "" is the call itself
	N       int    `db:"n"`
	Refused int    `db:"refused"`
}

// PreviewSample is one item of a set.
type PreviewSample struct {
	ID         int64
	What       string
	OrderLine  string
	InstanceID string
	Error      *fault.Record
}

// RestartPreview is what a restart would find now. Messages and Mails count what
// may go to customers; Customers are those who may be told by one of the two
// once their instance is ready.
type RestartPreview struct {
	Total     int
	Groups    []PreviewGroup
	Refused   map[string]int // by the key of the fault
	Samples   []PreviewSample
	Mails     int
	SMS       int
	Customers int
	Hurried   int // tasks that wait for their next automatic try
}

// RestartPreview looks at what a set holds, without changing anything.
func (r *Reader) RestartPreview(ctx context.Context, s RestartSet) (*RestartPreview, error) {
	from, c, err := r.restartFrom(ctx, s)
	if err != nil {
		return nil, err
	}
	facts := messageFacts
	if s.Thing == RestartTasks {
		facts = taskFacts
	}
	mode := c.arg(s.Mode)
	var raw []byte
	query := strings.NewReplacer("{from}", from, "{mode}", mode, "{overtaken}", restartOvertaken("x")).Replace(facts + previewTail)
	if err := sqlx.GetContext(ctx, r.q, &raw, query, c.args...); err != nil {
		return nil, toFault(err)
	}
	return parsePreview(raw)
}

// What the preview looks at, one row per item.
const (
	messageFacts = `
WITH facts AS MATERIALIZED (
    SELECT x.id, x.activity AS what, COALESCE(i.product_id, '') AS product, COALESCE(t.step, '') AS step,
           CASE WHEN x.status = 'rejected' THEN 'restart.rejected'
                WHEN {mode} = 'delivery' AND d.n = 0 THEN 'restart.nothing_told'
                WHEN t.running AND {mode} = 'all' THEN 'restart.running'
                WHEN {mode} = 'all' AND t.step IS NULL AND {overtaken} THEN 'restart.overtaken' ELSE '' END AS why,
           x.order_line_id AS line, x.instance_id AS instance, x.last_error AS error,
           CASE WHEN {mode} = 'delivery' THEN d.mails ELSE d.open_mails END AS mails,
           CASE WHEN {mode} = 'delivery' THEN d.sms ELSE d.open_sms END AS sms,
           {mode} = 'all' AND COALESCE(t.tells, false) AS tells,
           CASE WHEN {mode} = 'all' THEN COALESCE(t.waiting, 0) ELSE 0 END AS waiting
      FROM {from}
      LEFT JOIN LATERAL (
           SELECT i.product_id
             FROM instances i
            WHERE i.instance_id = x.instance_id
              AND i.channel_id = x.channel_id
              AND x.instance_id <> ''
              AND NOT x.test
            LIMIT 1) i ON TRUE
     CROSS JOIN LATERAL (
           SELECT min(t.kind) FILTER (WHERE t.status <> 'running') AS step, bool_or(t.status = 'running') AS running,
                  bool_or(t.kind IN ('order_query', 'provision') AND t.purpose IN ('purchase', 'upgrade')) AS tells,
                  count(*) FILTER (WHERE t.status = 'pending' AND t.parked_at IS NULL) AS waiting
             FROM tasks t
            WHERE t.message_id = x.id
              AND t.status IN ('pending', 'running', 'failed')) t
     CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE NOT d.replaced) AS n,
                  count(*) FILTER (WHERE d.medium = 'email' AND NOT d.replaced) AS mails,
                  count(*) FILTER (WHERE d.medium = 'sms' AND NOT d.replaced) AS sms,
                  count(*) FILTER (WHERE d.medium = 'email' AND d.status IN ('pending', 'failed')) AS open_mails,
                  count(*) FILTER (WHERE d.medium = 'sms' AND d.status IN ('pending', 'failed')) AS open_sms
             FROM (SELECT d.medium, d.status, ` + replaced + ` AS replaced
                     FROM deliveries d
                    WHERE d.message_id = x.id
                      AND d.status <> 'cancelled') d) d)`
	taskFacts = `
WITH facts AS MATERIALIZED (
    SELECT x.id, x.purpose AS what, COALESCE(i.product_id, '') AS product, x.kind AS step,
           CASE x.status WHEN 'running' THEN 'restart.running' WHEN 'succeeded' THEN 'restart.done' WHEN 'cancelled' THEN 'restart.done' ELSE '' END AS why,
           x.order_line_id AS line, COALESCE(i.instance_id, '') AS instance, x.last_error AS error,
           (d.medium = 'email')::int AS mails, (d.medium = 'sms')::int AS sms,
           {mode} = 'all' AND x.kind IN ('order_query', 'provision') AND x.purpose IN ('purchase', 'upgrade') AS tells,
           (x.status = 'pending' AND x.parked_at IS NULL)::int AS waiting
      FROM {from}
      LEFT JOIN LATERAL (SELECT instance_id, product_id FROM instances WHERE id = x.instance_pk LIMIT 1) i ON TRUE
      LEFT JOIN LATERAL (SELECT medium FROM deliveries WHERE id = x.delivery_id LIMIT 1) d ON TRUE)`
	previewTail = `
SELECT json_build_object(
       'total', (SELECT count(*) FROM facts),
       'mails', (SELECT COALESCE(sum(mails), 0) FROM facts WHERE why = ''),
       'sms', (SELECT COALESCE(sum(sms), 0) FROM facts WHERE why = ''),
       'customers', (SELECT count(*) FROM facts WHERE why = '' AND tells),
       'hurried', (SELECT COALESCE(sum(waiting), 0) FROM facts WHERE why = ''),
       'refused', (SELECT COALESCE(json_object_agg(why, n), '{}') FROM (SELECT why, count(*) AS n FROM facts WHERE why <> '' GROUP BY why) w),
       'groups', (SELECT COALESCE(json_agg(g), '[]')
                    FROM (SELECT what, product, step, count(*) AS n, count(*) FILTER (WHERE why <> '') AS refused
                            FROM facts GROUP BY what, product, step ORDER BY count(*) DESC, what, product, step LIMIT 50) g),
       'samples', (SELECT COALESCE(json_agg(s), '[]') FROM (SELECT id, what, line, instance, error FROM facts ORDER BY (why <> ''), id DESC LIMIT 5) s))`
)

func parsePreview(raw []byte) (*RestartPreview, error) {
	var in struct {
		Total, Mails, SMS, Customers, Hurried int
		Refused                               map[string]int
		Groups                                []PreviewGroup
		Samples                               []struct {
			ID                   int64
			What, Line, Instance string
			Error                json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	p := &RestartPreview{Total: in.Total, Mails: in.Mails, SMS: in.SMS, Customers: in.Customers, Hurried: in.Hurried, Refused: in.Refused, Groups: in.Groups}
	for _, s := range in.Samples {
		var err error
		var rec *fault.Record
		if string(s.Error) != "null" {
			if rec, err = fault.ParseRecord(s.Error); err != nil {
				return nil, err
			}
		}
		p.Samples = append(p.Samples, PreviewSample{ID: s.ID, What: s.What, OrderLine: s.Line, InstanceID: s.Instance, Error: rec})
	}
	return p, nil
}
