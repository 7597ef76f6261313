package store

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

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

// PreviewRest is what a preview does not list: the rarest sorts, and their items.
type PreviewRest struct{ Kinds, N, Refused int }

// PreviewSample is one item of a set.
type PreviewSample struct {
	ID         int64
	What       string
	OrderLine  string
	InstanceID string
	Error      *fault.Record
}

// SideEffects counts what a restart sends, asks and hurries. Mails and SMS may go
// to customers at once; Customers are the most who may be told besides, by one of the
// two, of what follows from it: a call that takes effect, or an instance that is ready.
type SideEffects struct {
	Mails     int `db:"mails"`
	SMS       int `db:"sms"`
	Customers int `db:"customers"`
	Hurried   int `db:"hurried"` // tasks that wait, such as for their next automatic try
	Calls     int `db:"calls"`   // webhooks: of products, suppliers and subscribers
	Asks      int `db:"asks"`    // of the marketplace's open API
	Alerts    int `db:"alerts"`  // to operators
	Reruns    int `db:"reruns"`  // calls, but for polls, that are done anew, with whatever follows from them
}

// RestartPreview is what a restart would find now.
type RestartPreview struct {
	SideEffects
	Total   int
	Groups  []PreviewGroup // the most frequent fifty
	Rest    PreviewRest
	Refused map[string]int     // by the key of the fault
	Which   map[string][]int64 // of the refused, ten of each fault
	Samples []PreviewSample
}

// RestartPreview looks at what a set holds, without changing anything. What was
// ticked and is not there is refused.
func (r *Reader) RestartPreview(ctx context.Context, s RestartSet) (*RestartPreview, error) {
	facts, c, err := r.restartFacts(ctx, s, s.broken())
	if err != nil {
		return nil, err
	}
	var raw []byte
	query := facts + strings.ReplaceAll(previewTail, "{ids}", c.arg(pq.Array(s.IDs)))
	if err := sqlx.GetContext(ctx, r.q, &raw, query, c.args...); err != nil {
		return nil, toFault(err)
	}
	return parsePreview(raw, s)
}

// ItemPreview is what restarting one item alone would do.
type ItemPreview struct {
	SideEffects
	Why string `db:"why"` // the fault that it would be refused with; "" if none
}

// RestartEffects tells for each item of a set what restarting it alone would do.
func (r *Reader) RestartEffects(ctx context.Context, s RestartSet) (map[int64]ItemPreview, error) {
	facts, c, err := r.restartFacts(ctx, s, false)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID int64 `db:"id"`
		ItemPreview
	}
	err = sqlx.SelectContext(ctx, r.q, &rows, facts+`
SELECT id, why, mails, sms, tells::int AS customers, waiting AS hurried, calls, asks, alerts, reruns
  FROM facts`, c.args...)
	out := make(map[int64]ItemPreview, len(rows))
	for _, row := range rows {
		out[row.ID] = row.ItemPreview
	}
	return out, toFault(err)
}

// restartFacts is what is looked at of a set's items, as a WITH; broken is for those
// that are passed over once they have come right.
func (r *Reader) restartFacts(ctx context.Context, s RestartSet, broken bool) (string, *clause, error) {
	from, c, err := r.restartFrom(ctx, s)
	if err != nil {
		return "", nil, err
	}
	facts := messageFacts
	if s.Thing == RestartTasks {
		facts = taskFacts
	}
	return strings.NewReplacer("{from}", from, "{mode}", c.arg(s.Mode), "{overtaken}", restartOvertaken("x"), "{broken}", strconv.FormatBool(broken)).Replace(facts), c, nil
}

// What a task does to others when it runs: it is t, and its instance i.
const (
	callsOut = `(t.kind = 'event' OR t.kind = 'provision' AND i.driver IS NOT DISTINCT FROM 'webhook'
            OR t.kind = 'license' AND (SELECT l.supplier FROM licenses l WHERE l.id = t.license_id) IS NOT DISTINCT FROM 'webhook')`
	// Of a purchase, a change, a conversion or a License the customer hears once it is done.
	leadsToCustomer = `(t.kind IN ('order_query', 'license', 'license_upload') OR t.kind = 'provision' AND t.purpose IN ('purchase', 'upgrade'))`
	asksMarket      = `t.kind IN ('order_query', 'order_notice', 'reconcile', 'license_activate', 'license_query', 'license_refresh', 'license_usage', 'license_upload')`
)

// What the preview looks at, one row per item.
var (
	messageFacts = `
WITH facts AS MATERIALIZED (
    SELECT x.id, x.activity AS what, COALESCE(i.product_id, '') AS product, COALESCE(t.step, '') AS step,
           CASE WHEN {mode} = 'delivery' AND d.n = 0 THEN CASE WHEN d.due > 0 THEN 'restart.under_way' WHEN d.told > 0 THEN 'restart.told_already' ELSE 'restart.nothing_told' END
                WHEN {mode} = 'delivery' AND d.busy THEN 'delivery.running'
                WHEN {mode} = 'delivery' THEN ''
                WHEN {broken} AND x.status = 'succeeded' THEN 'restart.done'
                WHEN x.status = 'rejected' THEN 'restart.rejected'
                WHEN starts_with(x.idem_key, 'invalid/') THEN 'restart.call_again'
                WHEN t.running THEN 'restart.running'
                WHEN t.n > 0 THEN ''
                WHEN t.due > 0 THEN 'restart.under_way'
                WHEN x.status = 'succeeded' AND EXISTS (SELECT 1 FROM tasks t WHERE t.message_id = x.id AND ` + toldAlready + `) THEN 'restart.told_already'
                WHEN EXISTS (SELECT 1 FROM tasks t WHERE t.message_id = x.id AND ` + overtakenTask + `) THEN 'restart.overtaken'
                WHEN (SELECT a.id
                        FROM attempts a
                       WHERE a.message_id = x.id
                         AND a.request_sealed IS NOT NULL
                         AND a.disposition <> 'conflict'
                       LIMIT 1) IS NULL THEN 'restart.nothing_stored'
                WHEN {overtaken} THEN 'restart.overtaken' ELSE '' END AS why,
           x.order_line_id AS line, x.instance_id AS instance, x.last_error AS error,
           CASE WHEN {mode} = 'delivery' THEN d.mails ELSE d.open_mails END AS mails,
           CASE WHEN {mode} = 'delivery' THEN d.sms ELSE d.open_sms END AS sms,
           {mode} = 'all' AND (COALESCE(t.tells, false) OR t.n = 0 AND NOT x.test AND x.activity NOT IN ('queryInstance', 'changeInstanceCheck')
               AND (x.result_code NOT IN ('000000', '000004') OR x.status <> 'succeeded')) AS tells,
           CASE WHEN {mode} = 'all' THEN t.waiting ELSE 0 END AS waiting,
           CASE WHEN {mode} = 'all' THEN t.calls ELSE 0 END AS calls,
           CASE WHEN {mode} = 'all' THEN t.asks ELSE 0 END AS asks, 0 AS alerts,
           ({mode} = 'all' AND t.n = 0 AND x.activity <> 'queryInstance'
               AND NOT (x.status = 'succeeded' AND x.activity = ANY(` + textArray(setting) + `)))::int AS reruns
      FROM {from}
      LEFT JOIN LATERAL (
           SELECT i.product_id, i.driver
             FROM instances i
            WHERE i.instance_id = x.instance_id
              AND i.channel_id = x.channel_id
              AND x.instance_id <> ''
              AND NOT x.test
            LIMIT 1) i ON TRUE
     CROSS JOIN LATERAL (
           SELECT min(t.kind) FILTER (WHERE t.status <> 'running' AND NOT t.due) AS step, bool_or(t.status = 'running') AS running,
                  bool_or(NOT t.due AND ` + leadsToCustomer + `) AS tells,
                  count(*) FILTER (WHERE t.status = 'pending' AND NOT t.due) AS waiting,
                  count(*) FILTER (WHERE NOT t.due) AS n, count(*) FILTER (WHERE t.due) AS due,
                  count(*) FILTER (WHERE NOT t.due AND ` + callsOut + `) AS calls, count(*) FILTER (WHERE NOT t.due AND ` + asksMarket + `) AS asks
             FROM (SELECT t.*, ` + taskDue + ` AS due FROM tasks t) t
            WHERE t.message_id = x.id
              AND t.status IN ('pending', 'running', 'failed')
              AND NOT ` + toldAlready + `
              AND NOT ` + overtakenTask + `) t
     CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE NOT d.told AND NOT d.due) AS n, count(*) FILTER (WHERE d.told) AS told, count(*) FILTER (WHERE d.due AND NOT d.told) AS due,
                  bool_or(NOT d.told AND NOT d.due AND d.busy) AS busy,
                  count(*) FILTER (WHERE d.medium = 'email' AND NOT d.told AND NOT d.due) AS mails,
                  count(*) FILTER (WHERE d.medium = 'sms' AND NOT d.told AND NOT d.due) AS sms,
                  count(*) FILTER (WHERE d.medium = 'email' AND NOT d.due AND (d.status = 'pending' OR d.status = 'failed' AND NOT d.told)) AS open_mails,
                  count(*) FILTER (WHERE d.medium = 'sms' AND NOT d.due AND (d.status = 'pending' OR d.status = 'failed' AND NOT d.told)) AS open_sms
             FROM (SELECT d.medium, d.status, ` + told + ` AS told, ` + deliveryDue + ` AS due, ` + deliveryBusy + ` AS busy
                     FROM deliveries d
                    WHERE d.message_id = x.id
                      AND d.status <> 'cancelled'
                      AND ` + sayable + `) d) d)`
	taskFacts = `
WITH facts AS MATERIALIZED (
    SELECT t.id, t.purpose AS what, COALESCE(i.product_id, '') AS product, t.kind AS step,
           CASE WHEN t.status = 'running' THEN 'restart.running' WHEN ` + taskDue + ` THEN 'restart.under_way' WHEN t.status IN ('succeeded', 'cancelled') THEN 'restart.done'
                WHEN t.status = 'failed' AND d.told THEN 'restart.told_already'
                WHEN ` + overtakenTask + ` THEN CASE t.kind WHEN 'event' THEN 'restart.event_overtaken' ELSE 'restart.overtaken' END ELSE '' END AS why,
           t.order_line_id AS line, COALESCE(i.instance_id, '') AS instance, t.last_error AS error,
           COALESCE((d.medium = 'email')::int, 0) AS mails, COALESCE((d.medium = 'sms')::int, 0) AS sms,
           {mode} = 'all' AND ` + leadsToCustomer + ` AS tells,
           (t.status = 'pending')::int AS waiting,
           ` + callsOut + `::int AS calls, (` + asksMarket + `)::int AS asks, (t.kind = 'alert')::int AS alerts, 0 AS reruns
      FROM (SELECT x.* FROM {from}) t
      LEFT JOIN LATERAL (SELECT instance_id, product_id, driver FROM instances WHERE id = t.instance_pk LIMIT 1) i ON TRUE
      LEFT JOIN LATERAL (SELECT d.medium, ` + told + ` AS told FROM deliveries d WHERE d.id = t.delivery_id LIMIT 1) d ON TRUE)`
	previewTail = `, kinds AS (
    SELECT what, product, step, count(*) AS n, count(*) FILTER (WHERE why <> '') AS refused,
           row_number() OVER (ORDER BY count(*) DESC, what, product, step) AS place
      FROM facts
     GROUP BY what, product, step)
SELECT json_build_object(
       'total', (SELECT count(*) FROM facts),
       'mails', (SELECT COALESCE(sum(mails), 0) FROM facts WHERE why = ''),
       'sms', (SELECT COALESCE(sum(sms), 0) FROM facts WHERE why = ''),
       'customers', (SELECT count(*) FROM facts WHERE why = '' AND tells),
       'hurried', (SELECT COALESCE(sum(waiting), 0) FROM facts WHERE why = ''),
       'calls', (SELECT COALESCE(sum(calls), 0) FROM facts WHERE why = ''),
       'asks', (SELECT COALESCE(sum(asks), 0) FROM facts WHERE why = ''),
       'alerts', (SELECT COALESCE(sum(alerts), 0) FROM facts WHERE why = ''),
       'reruns', (SELECT COALESCE(sum(reruns), 0) FROM facts WHERE why = ''),
       'missing', (SELECT COALESCE(json_agg(u.id ORDER BY u.id), '[]') FROM unnest({ids}::bigint[]) u (id) WHERE u.id NOT IN (SELECT id FROM facts)),
       'which', (SELECT COALESCE(json_object_agg(w.why, (SELECT json_agg(f.id) FROM (SELECT id FROM facts WHERE why = w.why ORDER BY id DESC LIMIT 10) f)), '{}')
                   FROM (SELECT DISTINCT why FROM facts WHERE why <> '') w),
       'refused', (SELECT COALESCE(json_object_agg(why, n), '{}') FROM (SELECT why, count(*) AS n FROM facts WHERE why <> '' GROUP BY why) w),
       'groups', (SELECT COALESCE(json_agg(k ORDER BY place), '[]') FROM kinds k WHERE place <= 50),
       'rest', (SELECT json_build_object('kinds', count(*), 'n', COALESCE(sum(n), 0), 'refused', COALESCE(sum(refused), 0)) FROM kinds WHERE place > 50),
       'samples', (SELECT COALESCE(json_agg(s), '[]') FROM (SELECT id, what, line, instance, error FROM facts ORDER BY (why <> ''), id DESC LIMIT 5) s))`
)

func parsePreview(raw []byte, set RestartSet) (*RestartPreview, error) {
	var in struct {
		SideEffects
		Total   int
		Refused map[string]int
		Which   map[string][]int64
		Missing []int64
		Groups  []PreviewGroup
		Rest    PreviewRest
		Samples []struct {
			ID                   int64
			What, Line, Instance string
			Error                json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	p := &RestartPreview{SideEffects: in.SideEffects, Total: in.Total, Refused: in.Refused, Which: in.Which, Groups: in.Groups, Rest: in.Rest}
	if n := len(in.Missing); n > 0 {
		key := "message.unknown"
		if set.Thing == RestartTasks {
			key = "task.unknown"
		}
		p.Total, p.Refused[key], p.Which[key] = p.Total+n, n, in.Missing[:min(n, 10)]
	}
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
