package alert

import (
	"context"
	"encoding/json"
	"time"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// letter is a message on its way.
type letter struct {
	message *store.AlertMessage
	target  store.AlertTarget
	content Content
}

// Deliver does an alert task: it hands one message over. One whose target was
// removed or switched off meanwhile is not sent.
//
// Faults: those of the senders and of webhook.Client.Post; refused
// "alert.robot_refused" (service, code), given up; unavailable "alert.robot_busy"
// (service, code); unavailable "delivery.outcome_unknown", given up, where an
// earlier try, or this one, may have handed it to a service that would take it
// twice; conflict "task.lease_lost".
func (d *Desk) Deliver(ctx context.Context, task outbox.Task) error {
	var l *letter
	err := d.o.Store.Write(ctx, func(tx *store.Tx) (err error) {
		if l, err = d.begin(ctx, tx, task); err == nil && l == nil {
			return tx.Complete(ctx, task)
		}
		return err
	})
	if err != nil || l == nil {
		return err
	}
	if err := d.hand(ctx, task, l); err != nil {
		return err
	}
	d.o.Log.InfoContext(ctx, "an operator was alerted", "message", l.message.ID, "medium", l.target.Medium, "to", l.target.Mask)
	return nil
}

// begin locks the message and counts the try. nil means that there is nothing to
// send.
func (d *Desk) begin(ctx context.Context, tx *store.Tx, task outbox.Task) (*letter, error) {
	m, err := tx.LockAlertMessageOfTask(ctx, task.ID)
	if fault.Is(err, fault.NotFound) || err == nil && (m.Status == outbox.Succeeded || m.Status == outbox.Cancelled) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t, err := tx.Reader().AlertTarget(ctx, m.TargetID)
	if fault.Is(err, fault.NotFound) || err == nil && !t.Enabled {
		return nil, tx.SettleAlert(ctx, m.ID, outbox.Cancelled, fault.New(fault.Conflict, "alert_target.gone"))
	}
	if err != nil {
		return nil, err
	}
	if s := d.senders[t.Medium]; s != nil && m.Status == outbox.Running {
		if err := deliver.Interrupted(s); err != nil {
			return nil, err
		}
	}
	l := &letter{message: m, target: t}
	if err := json.Unmarshal(m.Content, &l.content); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	return l, tx.BeginAlertTry(ctx, m.ID)
}

// hand gives the message to whoever takes it onward, and writes that it was taken.
func (d *Desk) hand(ctx context.Context, task outbox.Task, l *letter) error {
	s := d.senders[l.target.Medium]
	if s == nil {
		if err := d.post(ctx, l); err != nil {
			return err
		}
		return d.taken(ctx, task, l, l.target.Medium, "")
	}
	p, err := d.parcel(l.target, l.message, l.content)
	if err != nil {
		return err
	}
	p.Leave = func(ctx context.Context) error {
		return d.o.Store.Write(ctx, func(tx *store.Tx) error { return tx.LeaveAlert(ctx, l.message.ID, task) })
	}
	return deliver.HandOver(ctx, s, p, func(r deliver.Receipt) error { return d.taken(ctx, task, l, s.Transport(), r.ProviderRef) })
}

// taken writes by what the message was taken, and with which words.
func (d *Desk) taken(ctx context.Context, task outbox.Task, l *letter, transport, words string) error {
	return d.o.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.AlertTaken(ctx, l.message.ID, transport, words); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
}

func (d *Desk) post(ctx context.Context, l *letter) error {
	medium, now := l.target.Medium, time.Now()
	target, to := l.target.Address, webhook.Target{}
	var body any
	f, robot := forms[medium]
	if robot {
		var err error
		if target, body, err = f.write(l.content, target, l.target.Secret, now); err != nil {
			return err
		}
	} else {
		to.Secrets, body = []string{l.target.Secret}, ownBody(l.content, l.message.CreatedAt)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal")
	}
	to.URL = target
	answer, err := d.o.Webhook.Post(ctx, to, l.message.Ref, now, raw)
	switch {
	case err != nil && robot:
		return refusedStatus(medium, answer, err)
	case err != nil || !robot || f.judge == nil:
		return err
	}
	return f.judge(answer.Body).fault(medium)
}

// OnFail brings the message of a failed try up to date, in the transaction that
// ends the task's try.
func (d *Desk) OnFail(ctx context.Context, tx *store.Tx, task outbox.Task, cause error, final bool) error {
	m, err := tx.LockAlertMessageOfTask(ctx, task.ID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil || m.Status == outbox.Succeeded || m.Status == outbox.Cancelled {
		return err
	}
	status := outbox.Pending
	if final {
		status = outbox.Failed
	}
	return tx.SettleAlert(ctx, m.ID, status, cause)
}
