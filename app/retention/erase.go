package retention

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// personalBatch is of how much one transaction takes the personal data out.
const personalBatch = 50

// lateCall is how old a call is before it is looked at: what arrived at the same
// moment is committed by then.
const lateCall = 10 * time.Minute

var begins = []string{store.EraseInstances, store.EraseOrders, store.EraseCodes, store.EraseCalls}

// personal finishes the erasures that left something, or to which something has come
// since, and erases by rule what ended long enough ago.
func (k *Keeper) personal(ctx context.Context) error {
	if err := k.late(ctx); err != nil {
		return err
	}
	for _, kind := range begins {
		err := k.erases(ctx, kind, nil, func(tx *store.Tx) ([]int64, bool, error) {
			ids, err := tx.LeftToErase(ctx, kind, personalBatch)
			return ids, len(ids) == personalBatch, err
		})
		if err != nil {
			return err
		}
	}
	if k.o.Days.Personal == 0 {
		return nil
	}
	days, before := map[string]string{"days": strconv.Itoa(k.o.Days.Personal)}, k.before(k.o.Days.Personal)
	for _, kind := range []string{store.EraseInstances, store.EraseOrders, store.EraseCodes} {
		err := k.erases(ctx, kind, days, func(tx *store.Tx) ([]int64, bool, error) { return tx.Erasable(ctx, kind, before, personalBatch) })
		if err != nil {
			return err
		}
	}
	return nil
}

// late notes what has come to the erased since the last run.
func (k *Keeper) late(ctx context.Context) error {
	for range rounds {
		n := 0
		err := k.o.Store.Write(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.NoteLateCalls(ctx, k.o.Now().Add(-lateCall), batch)
			return err
		})
		if err != nil || n < batch {
			return err
		}
	}
	return nil
}

// erases erases what next gives until there is no more. What was erased stands in the
// audit, with why.
func (k *Keeper) erases(ctx context.Context, kind string, why map[string]string, next func(*store.Tx) (ids []int64, more bool, err error)) error {
	for range rounds {
		more := false
		err := k.o.Store.Write(ctx, func(tx *store.Tx) (err error) {
			var ids []int64
			if ids, more, err = next(tx); err != nil || len(ids) == 0 {
				return err
			}
			counts, _, err := tx.Erase(ctx, kind, ids)
			if err != nil || counts == (store.ErasedCounts{}) {
				return err
			}
			detail := details(counts)
			maps.Copy(detail, why)
			return tx.Audit(ctx, staff.Audit{Actor: "system", Action: staff.ActErasePersonal, Target: strings.TrimPrefix(kind, "erase/"), Detail: detail})
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// Request is what somebody asks for in a customer's name.
type Request struct {
	Channel string // slug
	store.Whose
	Force  bool // also while instances of his are in use; those stay as they are
	DryRun bool // only say what would be erased
}

// Result says what was erased, or would be.
type Result struct {
	Record int64     // 0: nothing was there to erase, now or ever, or a dry run of what is
	At     time.Time // of the record
	Counts store.ErasedCounts
	Left   store.ErasureLeft // what is under way: the hourly run erases it when that has ended
	InUse  int               // instances and authorization codes that stay, because KooGallery goes on asking for them
	Before bool              // nothing was there any more: record and time are those of then
}

// errDry ends a transaction that only counts.
var errDry = errors.New("a dry run")

// EraseCustomer erases one customer's personal data, or what hangs on one order, and
// keeps a record of it that names nobody, also where all of it is still under way. Done
// again, it erases what has come since; when that is nothing, it answers with the record.
//
// Faults: invalid "erasure.reason_missing"; invalid "erasure.customer_missing", also
// when both are named; not_found "erasure.customer_unknown" or "channel.unknown";
// conflict "erasure.in_use" while an instance or an authorization code is not released
// and it is not forced.
func (k *Keeper) EraseCustomer(ctx context.Context, q Request, by staff.Actor) (out Result, err error) {
	q.Customer, q.Order, by.Reason = strings.TrimSpace(q.Customer), strings.TrimSpace(q.Order), strings.TrimSpace(by.Reason)
	if (q.Customer == "") == (q.Order == "") {
		return out, fault.New(fault.Invalid, "erasure.customer_missing")
	}
	if by.Reason == "" && !q.DryRun {
		return out, fault.New(fault.Invalid, "erasure.reason_missing")
	}
	err = k.o.Store.Write(ctx, func(tx *store.Tx) error {
		if out, err = erase(ctx, tx, q, by); err == nil && q.DryRun {
			return errDry
		}
		return err
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	return out, err
}

func erase(ctx context.Context, tx *store.Tx, q Request, by staff.Actor) (out Result, err error) {
	ch, err := tx.Reader().ChannelBySlug(ctx, q.Channel)
	if err != nil {
		return out, err
	}
	held, err := tx.HeldOf(ctx, ch.ID, q.Whose)
	if err != nil {
		return out, err
	}
	if !held.Known {
		return out, fault.New(fault.NotFound, "erasure.customer_unknown")
	}
	out.InUse = held.InUse
	if held.InUse > 0 && !q.Force && !q.DryRun {
		return out, fault.New(fault.Conflict, "erasure.in_use", "n", strconv.Itoa(held.InUse))
	}
	if out.Counts, out.Left, err = tx.EraseHeld(ctx, held); err != nil {
		return out, err
	}
	if out.Counts == (store.ErasedCounts{}) && out.Left == (store.ErasureLeft{}) {
		last, err := tx.Reader().LastErasure(ctx, ch.ID, q.Whose)
		if fault.Is(err, fault.NotFound) { // the rule was there before
			return out, nil
		}
		out.Record, out.At, out.Before = last.ID, last.At, err == nil
		return out, err
	}
	if q.DryRun {
		return out, nil
	}
	out.At = tx.Now
	out.Record, err = tx.RecordErasure(ctx, ch.ID, q.Whose, store.Erasure{Actor: by.Name, Reason: by.Reason, Forced: held.InUse > 0, Counts: out.Counts})
	if err != nil {
		return out, err
	}
	return out, tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: staff.ActEraseCustomer, Target: "erasure/" + strconv.FormatInt(out.Record, 10),
		Reason: by.Reason, IP: by.IP, Detail: details(out.Counts)})
}

func details(c store.ErasedCounts) map[string]string {
	return map[string]string{"instances": strconv.Itoa(c.Instances), "orders": strconv.Itoa(c.Orders), "deliveries": strconv.Itoa(c.Deliveries),
		"attempts": strconv.Itoa(c.Attempts), "events": strconv.Itoa(c.Events), "licenses": strconv.Itoa(c.Licenses), "license_codes": strconv.Itoa(c.Codes),
		"errors": strconv.Itoa(c.Errors)}
}
