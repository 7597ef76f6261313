// Package failures is what people do about failure groups: a note, putting one
// off, giving it to somebody; and the work that keeps the groups true. It knows
// neither HTTP nor why something failed.
package failures

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Bounds of what people say about a group.
const (
	MaxNote   = 2000 // characters
	MaxSnooze = 90 * 24 * time.Hour
)

// Desk is the use case.
type Desk struct{ store *store.Store }

// New makes a desk.
func New(s *store.Store) *Desk { return &Desk{store: s} }

// Change is what a person changes of a group; nil leaves it as it is.
type Change struct {
	Note     *string
	Snooze   *time.Time // until when it is put off; zero: not any more
	Assignee *string    // address of an operator; "": nobody
}

// Change changes a group, with an entry of the audit for each thing. Faults:
// not_found "failure_group.unknown", "operator.unknown"; invalid
// "failure_group.note_too_long", "failure_group.snooze_range",
// "failure_group.assignee_disabled"; conflict "failure_group.resolved" for
// putting off what is resolved.
func (d *Desk) Change(ctx context.Context, id int64, c Change, by staff.Actor) error {
	return d.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockGroup(ctx, id); err != nil {
			return err
		}
		g, err := tx.Reader().Group(ctx, id)
		if err != nil {
			return err
		}
		change, audits, err := prepare(ctx, tx, g, c)
		if err != nil || len(audits) == 0 {
			return err
		}
		if err := tx.ChangeGroup(ctx, id, change); err != nil {
			return err
		}
		for _, a := range audits {
			a.Actor, a.Target, a.Reason, a.IP = by.Name, target(id), by.Reason, by.IP
			if err := tx.Audit(ctx, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close ends an open group whose members can't pass or need not: what was given up
// stays failed and asks for nobody any more; what is still tried stays in the group.
// The same failure opens it again. Faults: not_found "failure_group.unknown";
// invalid "failure_group.reason_missing"; conflict "failure_group.resolved", or
// "failure_group.still_tried" where nothing was given up.
func (d *Desk) Close(ctx context.Context, id int64, by staff.Actor) (resolved bool, err error) {
	if by.Reason == "" {
		return false, fault.New(fault.Invalid, "failure_group.reason_missing")
	}
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.HoldMembers(ctx, id); err != nil {
			return err
		}
		if err := tx.LockGroup(ctx, id); err != nil {
			return err
		}
		g, err := tx.Reader().Group(ctx, id)
		if err != nil {
			return err
		}
		if g.Status == store.GroupResolved {
			return fault.New(fault.Conflict, "failure_group.resolved")
		}
		if g.GivenUp.N == 0 {
			return fault.New(fault.Conflict, "failure_group.still_tried")
		}
		if resolved, err = tx.CloseGroup(ctx, id, by.Name, by.Reason); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: staff.ActCloseGroup, Target: target(id), Reason: by.Reason, IP: by.IP,
			Detail: map[string]string{"given_up": g.GivenUp.String()}})
	})
	return resolved, err
}

func target(id int64) string { return "failure_group/" + strconv.FormatInt(id, 10) }

// prepare checks a change and leaves out what is so already.
func prepare(ctx context.Context, tx *store.Tx, g store.GroupRow, c Change) (out store.GroupChange, audits []staff.Audit, err error) {
	if c.Note != nil {
		note := strings.TrimSpace(*c.Note)
		if utf8.RuneCountInString(note) > MaxNote {
			return out, nil, fault.New(fault.Invalid, "failure_group.note_too_long", "limit", strconv.Itoa(MaxNote))
		}
		if note != g.Note {
			out.Note = &note
			audits = append(audits, staff.Audit{Action: staff.ActNoteGroup, Detail: map[string]string{"note": note}})
		}
	}
	if c.Snooze != nil && !c.Snooze.Equal(g.SnoozedUntil) {
		if err := maySnooze(g, *c.Snooze, tx.Now); err != nil {
			return out, nil, err
		}
		out.Snooze = c.Snooze
		until := ""
		if !c.Snooze.IsZero() {
			until = c.Snooze.UTC().Format(time.RFC3339)
		}
		audits = append(audits, staff.Audit{Action: staff.ActSnoozeGroup, Detail: map[string]string{"until": until}})
	}
	if c.Assignee != nil && !strings.EqualFold(*c.Assignee, g.Assignee) {
		id, email, err := assignee(ctx, tx, *c.Assignee)
		if err != nil {
			return out, nil, err
		}
		out.Assignee = &id
		audits = append(audits, staff.Audit{Action: staff.ActAssignGroup, Detail: map[string]string{"assignee": email}})
	}
	return out, audits, nil
}

func maySnooze(g store.GroupRow, until, now time.Time) error {
	switch {
	case until.IsZero():
		return nil
	case g.Status == store.GroupResolved:
		return fault.New(fault.Conflict, "failure_group.resolved")
	case !until.After(now) || until.Sub(now) > MaxSnooze+time.Minute:
		return fault.New(fault.Invalid, "failure_group.snooze_range", "limit", strconv.Itoa(int(MaxSnooze/(24*time.Hour))))
	}
	return nil
}

func assignee(ctx context.Context, tx *store.Tx, email string) (id int64, known string, err error) {
	if email == "" {
		return 0, "", nil
	}
	o, err := tx.Reader().OperatorByEmail(ctx, email)
	if err != nil {
		return 0, "", err
	}
	if o.Disabled {
		return 0, "", fault.New(fault.Invalid, "failure_group.assignee_disabled", "email", o.Email)
	}
	return o.ID, o.Email, nil
}
