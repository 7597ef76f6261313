package intake

import (
	"context"
	"errors"
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Restarted says what a restart did, for the answer and the attempt.
type Restarted struct {
	MessageID int64
	TaskID    int64 // when a single task was restarted
	Status    string
	Code      market.ResultCode // of the call, when it was run again
	Given     int               // given-up tasks that run again
	Hurried   int               // tasks that waited for their next try and run now
	Ran       bool              // the call itself was run again
	Tells     []int64           // deliveries that are sent again
}

// RestartMessage runs a message again as an operator's or a token's act: its
// given-up and waiting tasks, or, when it has none, the stored call itself. What it
// is about is locked before (store.LockForMessages). It leaves an attempt row, which
// names the restart that it belongs to (0: none), and passes the idempotency guard,
// so it never makes a second instance. Whoever commits it wakes the relay. Faults:
// not_found "message.unknown"; conflict "restart.running" while a task is being
// worked on, "restart.under_way" when all that is not done of it is due already;
// conflict "restart.rejected" for a call that was never proved,
// "restart.call_again" for one that could not be read, "restart.nothing_stored" for
// one that is not kept, "restart.told_already" when nothing is left of it but what
// its customer has got another way, or may have got, "restart.overtaken" for one that
// would undo a later one.
func (in *Intake) RestartMessage(ctx context.Context, tx *store.Tx, id int64, by staff.Actor, restart int64) (Restarted, error) {
	out := Restarted{MessageID: id}
	m, err := tx.LockMessage(ctx, id)
	if err != nil {
		return out, err
	}
	switch {
	case m.Status == store.MessageRejected:
		return out, fault.New(fault.Conflict, "restart.rejected", "restart", m.RestartThere())
	case market.Misunderstood(m.Key):
		// It was not taken over under its own key, so there is nothing to go on with.
		return out, fault.New(fault.Conflict, "restart.call_again", "restart", m.RestartThere())
	}
	ids, err := tx.TaskIDs(ctx, id)
	if err != nil {
		return out, err
	}
	r, err := tx.RestartTasks(ctx, ids, by.Name)
	if err != nil {
		return out, err
	}
	if r.Running > 0 || r.Touched() == 0 {
		if err := r.Refused(); err != nil {
			return out, err
		}
	}
	out.Given, out.Hurried, out.Tells = r.Given, r.Hurried, r.Tells
	if r.Touched() > 0 {
		err = in.restartedTasks(ctx, tx, m, by, restart, r, &out)
		return out, err
	}
	if m.Status == store.MessageSucceeded { // all that is left of it may be what its customer was told
		if err := notToldTwice(ctx, tx, id, 0); err != nil {
			return out, err
		}
	}
	if err := tx.TaskOvertaken(ctx, m, 0); err != nil {
		return out, err
	}
	err = in.rerun(ctx, tx, m, by, restart, &out)
	return out, err
}

// notToldTwice refuses to tell a customer again among other things: a person has one
// delivery sent again, and says so.
func notToldTwice(ctx context.Context, tx *store.Tx, message, task int64) error {
	told, err := tx.ToldAlready(ctx, message, task)
	if err == nil && told {
		err = fault.New(fault.Conflict, "restart.told_already")
	}
	return err
}

func (in *Intake) restartedTasks(ctx context.Context, tx *store.Tx, m store.StoredMessage, by staff.Actor, restart int64, r store.Restarted, out *Restarted) error {
	out.Code = m.ResultCode
	if err := NoteRestart(ctx, tx, m, by, restart, 0); err != nil {
		return err
	}
	if err := tx.ReopenDeliveriesOf(ctx, m.ID); err != nil {
		return err
	}
	if err := tx.ReopenEventsOf(ctx, m.ID, 0); err != nil {
		return err
	}
	if err := settleBy(ctx, tx, r, m.ID); err != nil {
		return err
	}
	return in.ended(ctx, tx, by, out)
}

// settleBy brings a message in line with its tasks if it stands by those that were
// restarted. What its customer is told again leaves it as it was: also failed, by a call
// that was refused though earlier work of it is done.
func settleBy(ctx context.Context, tx *store.Tx, r store.Restarted, message int64) error {
	if !r.Settles {
		return nil
	}
	return tx.SettleMessage(ctx, message)
}

// ended ends the restart of a message, and tells how it leaves it.
func (in *Intake) ended(ctx context.Context, tx *store.Tx, by staff.Actor, out *Restarted) (err error) {
	if out.Status, err = tx.MessageStatus(ctx, out.MessageID); err != nil {
		return err
	}
	return in.audit(ctx, tx, by, staff.ActRestartMessage, "message/"+strconv.FormatInt(out.MessageID, 10))
}

// NoteRestart writes the attempt of a restart that does not run the call itself
// again: who, in which restart, and which task if it is that of one; 0 is none.
func NoteRestart(ctx context.Context, tx *store.Tx, m store.StoredMessage, by staff.Actor, restart, task int64) error {
	return tx.CloseMessage(ctx, m.ID, store.Arrival{ReceivedAt: tx.Now, IP: by.IP}, store.Outcome{Status: m.Status, Code: m.ResultCode,
		Disposition: store.Restart, Source: by.Source, Actor: by.Name, Restart: restart, Task: task})
}

// rerun runs the stored call again, as if it had just come in.
func (in *Intake) rerun(ctx context.Context, tx *store.Tx, m store.StoredMessage, by staff.Actor, restart int64, out *Restarted) error {
	call, decodeErr := in.storedCall(m, m.Request)
	if errors.Is(decodeErr, errNothingStored) {
		return decodeErr
	}
	ch, err := tx.Reader().ChannelByID(ctx, m.ChannelID)
	if err != nil {
		return err
	}
	a := Arrived{Channel: ch, Call: call, ReceivedAt: time.Now(), IP: by.IP, Request: store.Unpack(m.Request)}
	e := effect{answer: market.Answer{Code: market.InvalidParameter}, err: decodeErr}
	switch {
	case decodeErr != nil:
		e.answer.Msg = in.dialects[m.Protocol].Message(decodeErr)
	case m.Status == store.MessageSucceeded && market.SetsState(m.Activity):
		// Long done: the instance's state has its own, newer history.
		e = effect{answer: market.Answer{Code: m.ResultCode}, repeat: true}
	case m.Activity == market.NewInstance && m.Protocol == market.V1 && !m.Test:
		if e, err = in.bought(ctx, tx, a, m.InstanceID); err != nil {
			return err
		}
	case m.Activity == market.NewInstance:
		if e, err = in.boughtV2(ctx, tx, m); err != nil {
			return err
		}
	default:
		if e, err = in.callAgain(ctx, tx, a, m); err != nil {
			return err
		}
	}
	out.Ran, out.Code = true, e.answer.Code
	arr := store.Arrival{ReceivedAt: tx.Now, Call: call, IP: by.IP, Elapsed: 0}
	err = tx.CloseMessage(ctx, m.ID, arr, store.Outcome{Status: e.status(), Code: e.answer.Code, Disposition: store.Restart,
		Response: in.encode(a, m.Activity, e.answer), Secret: e.secret(), Err: e.err, Source: by.Source, Actor: by.Name, Restart: restart, Lacks: e.lacks, Content: e.content(a)})
	if err != nil {
		return err
	}
	if err := tx.SettleCall(ctx, m.ID, e.err != nil); err != nil {
		return err
	}
	return in.ended(ctx, tx, by, out)
}

var errNothingStored = fault.New(fault.Conflict, "restart.nothing_stored")

// storedCall reads the call that a stored request of a message is. Faults: conflict
// "restart.nothing_stored", which is errNothingStored, or the dialect's.
func (in *Intake) storedCall(m store.StoredMessage, request []byte) (market.Call, error) {
	call, err := in.decode(m.Protocol, store.Unpack(request))
	if errors.Is(err, errNothingStored) {
		err = fault.New(errNothingStored.Code, errNothingStored.Key, "restart", m.RestartThere())
	}
	return call, err
}

// decode reads a stored request of a generation; errNothingStored if it is empty.
func (in *Intake) decode(p market.Protocol, r store.Request) (market.Call, error) {
	d, ok := in.dialects[p]
	stored := r.Body
	if p.ByQuery() {
		stored = []byte(r.Query)
	}
	if !ok || len(stored) == 0 {
		return market.Call{}, errNothingStored
	}
	call, err := d.Decode(stored)
	call.Protocol = p
	return call, err
}

func (in *Intake) callAgain(ctx context.Context, tx *store.Tx, a Arrived, m store.StoredMessage) (effect, error) {
	// A purchase begins what later calls change: it undoes none. What was applied is only
	// answered again.
	if market.KindOf(m.Activity, m.Key) != market.PurchaseKind && (!m.ResultCode.OK() || market.SetsState(m.Activity)) {
		if err := overtaken(ctx, tx, m, m.CameAt, "restart.overtaken"); err != nil {
			return effect{}, err
		}
	}
	return in.effect(ctx, tx, a, store.OpenMessage{ID: m.ID, Status: m.Status, ResultCode: m.ResultCode, InstanceID: m.InstanceID})
}

// boughtV2 is the present answer to a purchase that was taken over.
func (in *Intake) boughtV2(ctx context.Context, tx *store.Tx, m store.StoredMessage) (effect, error) {
	e := effect{answer: market.Answer{Code: m.ResultCode, InstanceID: m.InstanceID}, repeat: true}
	if m.Test {
		return e, nil
	}
	found, err := tx.Reader().Instances(ctx, m.ChannelID, []string{m.InstanceID})
	if err == nil && len(found) == 1 {
		if d, ok := market.Decide(m.Protocol, found[0].Stage(), market.Purchased, false); ok {
			e.answer.Code = d.Code
		}
	}
	return e, err
}

// RestartTask runs one task again: at once when it waits, in a new round when it was
// given up. What it is about is locked before (store.LockForTasks). If it belongs to
// a message, that has an attempt row which names the task and the restart (0: none).
// Whoever commits it wakes the relay. Faults: not_found "task.unknown", conflict
// "restart.running", "restart.under_way" when it is due already, "restart.done", of a
// message to a customer "restart.told_already", or "restart.overtaken" for one that would
// undo later work, "restart.event_overtaken" if it is an event.
func (in *Intake) RestartTask(ctx context.Context, tx *store.Tx, id int64, by staff.Actor, restart int64) (Restarted, error) {
	out := Restarted{TaskID: id, Status: "pending"}
	m, err := tx.LockMessageOfTask(ctx, id)
	if err != nil {
		return out, err
	}
	r, err := in.restartTask(ctx, tx, m, id, by)
	if err != nil {
		return out, err
	}
	out.MessageID, out.Given, out.Hurried, out.Tells = m.ID, r.Given, r.Hurried, r.Tells
	if m.ID != 0 {
		if err := NoteRestart(ctx, tx, m, by, restart, id); err != nil {
			return out, err
		}
	}
	if err := tx.ReopenDeliveryOfTask(ctx, id); err != nil {
		return out, err
	}
	if err := tx.ReopenEventsOf(ctx, 0, id); err != nil {
		return out, err
	}
	if err := settleBy(ctx, tx, r, m.ID); err != nil {
		return out, err
	}
	return out, in.audit(ctx, tx, by, "task.restart", "task/"+strconv.FormatInt(id, 10))
}

// restartTask begins a new round of a task of a message, if it has one, unless it may
// not be.
func (in *Intake) restartTask(ctx context.Context, tx *store.Tx, m store.StoredMessage, id int64, by staff.Actor) (store.Restarted, error) {
	r, overtaken, err := tx.RestartTask(ctx, m, id, by.Name)
	switch {
	case err != nil:
		return r, err
	case r.Already() > 0:
		return r, r.Refused()
	case r.Touched() == 0:
		return r, fault.New(fault.Conflict, "restart.done")
	case r.Given == 0:
		return r, nil
	}
	if err := notToldTwice(ctx, tx, 0, id); err != nil {
		return r, err
	}
	return r, overtaken
}

func (in *Intake) audit(ctx context.Context, tx *store.Tx, by staff.Actor, action, target string) error {
	return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: action, Target: target, Reason: by.Reason, IP: by.IP})
}
