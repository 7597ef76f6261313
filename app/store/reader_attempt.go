package store

import (
	"context"
	"database/sql"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// AttemptRow is one arrival of a message or one restart of it.
type AttemptRow struct {
	ID          int64
	At          time.Time // UTC
	Source      string    // marketplace, operator, api
	Actor       string    // who restarted it; "" for an arrival
	Disposition string    // what it did: new, repeat, applied, conflict, invalid, rejected, restart, accepted
	ResultCode  string
	Duration    time.Duration
	Error       *fault.Record
	BusinessID  string
	RemoteIP    string
	Request     Payload
	Response    Payload
	KeptDays    int               // of one whose request and answer were taken out: after how many days; else 0
	Diagnosis   *market.Diagnosis // of a rejected one: why; nil while that is not known
	RestartID   int64             // the restart that it belongs to; 0: none that is kept
	TaskID      int64             // the task that alone was restarted; 0: not one alone
	Reason      string            // why it was restarted
}

// Payload is one side of a call as it may be shown: secrets and personal data
// masked by the names of their fields, bytes that are no text written as \xNN.
type Payload struct {
	Method string // of a request
	Query  string // of a request: raw, without "?"
	Body   string
}

type attemptRow struct {
	ID             int64          `db:"id"`
	At             time.Time      `db:"at"`
	Source         string         `db:"source"`
	Actor          string         `db:"actor"`
	Disposition    string         `db:"disposition"`
	ResultCode     string         `db:"result_code"`
	DurationUS     int64          `db:"duration_us"`
	Error          sql.NullString `db:"error"`
	BusinessID     string         `db:"business_id"`
	RemoteIP       string         `db:"remote_ip"`
	RequestSealed  []byte         `db:"request_sealed"`
	Response       sql.NullString `db:"response"`
	ResponseSealed []byte         `db:"response_sealed"`
	Diagnosis      sql.NullString `db:"diagnosis"`
	Emptied        sql.NullTime   `db:"emptied_at"`
	RestartID      int64          `db:"restart_id"`
	TaskID         int64          `db:"task_id"`
	Reason         string         `db:"reason"`
}

var attemptList = source{
	list: list{letter: 'a', id: "a.id"},
	columns: `a.id, a.at, a.source, a.actor, a.disposition, a.result_code, a.duration_us, a.error, a.business_id,
       COALESCE(host(a.remote_ip), '') AS remote_ip, a.request_sealed, a.response, a.response_sealed, a.diagnosis, a.emptied_at,
       COALESCE(a.restart_id, 0) AS restart_id, COALESCE(a.task_id, 0) AS task_id, ` + restartedWhy + ` AS reason`,
	table: "attempts",
	alias: "a",
}

// restartedWhy is why the attempt a was made if it is a restart. Of a time when single
// ones were not kept the audit trail knows, written at the same moment.
const restartedWhy = `CASE WHEN a.disposition = 'restart' THEN
            COALESCE((SELECT b.reason FROM restart_batches b WHERE b.id = a.restart_id),
                     (SELECT u.reason
                        FROM audit u
                       WHERE a.restart_id IS NULL
                         AND u.target = 'message/' || a.message_id
                         AND u.action = 'message.restart'
                         AND u.at = a.at
                       ORDER BY u.id DESC
                       LIMIT 1), '')
            ELSE '' END`

// AttemptList reads a page of a message's attempts, newest first.
func (r *Reader) AttemptList(ctx context.Context, message int64, p Paging) (Page[AttemptRow], error) {
	c := &clause{}
	c.and("a.message_id = ?", message)
	key := func(a *attemptRow) position { return position{id: a.ID} }
	return page(ctx, r, attemptList, c, p, key, r.showAttempt)
}

func (r *Reader) showAttempt(a *attemptRow) (AttemptRow, error) {
	out := AttemptRow{ID: a.ID, At: a.At.UTC(), Source: a.Source, Actor: a.Actor, Disposition: a.Disposition, ResultCode: a.ResultCode,
		Duration: time.Duration(a.DurationUS) * time.Microsecond, BusinessID: a.BusinessID, RemoteIP: a.RemoteIP, KeptDays: keptDays(a.At, a.Emptied),
		RestartID: a.RestartID, TaskID: a.TaskID, Reason: a.Reason}
	var err error
	if out.Error, err = recordOf(a.Error); err != nil {
		return out, err
	}
	if out.Diagnosis, err = diagnosisOf(a.Diagnosis); err != nil {
		return out, err
	}
	request, err := r.keys.Open(seal.Payload, a.RequestSealed)
	if err != nil {
		return out, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	in := Unpack(request)
	out.Request = Payload{Method: visible(in.Method), Query: MaskQuery(in.Query), Body: MaskBody(in.Body)}
	response := []byte(a.Response.String)
	if len(a.ResponseSealed) > 0 {
		if response, err = r.keys.Open(seal.Payload, a.ResponseSealed); err != nil {
			return out, fault.Wrap(err, fault.Internal, "secret.cannot_open")
		}
	}
	out.Response = Payload{Body: MaskBody(response)}
	return out, nil
}
