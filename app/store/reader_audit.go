package store

import (
	"context"
	"encoding/json"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
)

// AuditFilter says which entries of the audit trail a list holds. Zero fields do
// not filter.
type AuditFilter struct {
	Actor  string // "operator:ann@example.com", "token:ci", …
	Action string
	Target string // "message/17", "instance/87b9…"
}

type auditRow struct {
	ID     int64     `db:"id"`
	At     time.Time `db:"at"`
	Actor  string    `db:"actor"`
	Action string    `db:"action"`
	Target string    `db:"target"`
	Reason string    `db:"reason"`
	Detail []byte    `db:"detail"`
	IP     string    `db:"remote_ip"`
}

var auditList = source{
	list:    list{letter: 'u', id: "a.id"},
	columns: `a.id, a.at, a.actor, a.action, a.target, a.reason, a.detail, COALESCE(host(a.remote_ip), '') AS remote_ip`,
	table:   "audit",
	alias:   "a",
}

func (a *auditRow) show() (staff.Audit, error) {
	out := staff.Audit{ID: a.ID, At: a.At.UTC(), Actor: a.Actor, Action: a.Action, Target: a.Target, Reason: a.Reason, IP: a.IP}
	if err := json.Unmarshal(a.Detail, &out.Detail); err != nil {
		return out, fault.Wrap(err, fault.Internal, "internal")
	}
	return out, nil
}

// AuditList reads a page of the audit trail, newest first. Fault: invalid
// "cursor.invalid".
func (r *Reader) AuditList(ctx context.Context, f AuditFilter, p Paging) (Page[staff.Audit], error) {
	c := &clause{}
	c.equal("a.actor", f.Actor)
	c.equal("a.action", f.Action)
	c.equal("a.target", f.Target)
	key := func(a *auditRow) position { return position{id: a.ID} }
	return page(ctx, r, auditList, c, p, key, (*auditRow).show)
}
