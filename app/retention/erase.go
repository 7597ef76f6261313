package retention

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// personalBatch is how many instances one transaction erases.
const personalBatch = 50

// personal erases the personal data of instances that were released long enough
// ago.
func (k *Keeper) personal(ctx context.Context) error {
	if k.o.Days.Personal == 0 {
		return nil
	}
	before := k.before(k.o.Days.Personal)
	for range rounds {
		n := 0
		err := k.o.Store.Write(ctx, func(tx *store.Tx) error {
			pks, err := tx.Erasable(ctx, before, personalBatch)
			n = len(pks)
			if err != nil || n == 0 {
				return err
			}
			counts, err := tx.EraseInstances(ctx, pks)
			if err != nil {
				return err
			}
			detail := details(counts)
			detail["days"] = strconv.Itoa(k.o.Days.Personal)
			return tx.Audit(ctx, staff.Audit{Actor: "system", Action: staff.ActErasePersonal, Target: "instances", Detail: detail})
		})
		if err != nil || n < personalBatch {
			return err
		}
	}
	return nil
}

// Request is what somebody asks for in a customer's name.
type Request struct {
	Channel  string // slug
	Customer string // KooGallery's customerId
	Force    bool   // also while instances of his are in use; those stay as they are
	DryRun   bool   // only say what would be erased
}

// Result says what was erased, or would be.
type Result struct {
	Record int64     // 0: nothing was there to erase, now or ever, or a dry run
	At     time.Time // of the record
	Counts store.ErasedCounts
	InUse  int  // instances that stay, because KooGallery goes on asking for them
	Before bool // it had been done before: record and time are those of then
}

// errDry ends a transaction that only counts.
var errDry = errors.New("a dry run")

// EraseCustomer erases one customer's personal data, and keeps a record of it
// that names nobody. Done again, it finds nothing and answers with the record.
//
// Faults: invalid "erasure.reason_missing"; invalid "erasure.customer_missing";
// not_found "erasure.customer_unknown" or "channel.unknown"; conflict
// "erasure.in_use" while an instance is not released and it is not forced.
func (k *Keeper) EraseCustomer(ctx context.Context, q Request, by staff.Actor) (out Result, err error) {
	q.Customer, by.Reason = strings.TrimSpace(q.Customer), strings.TrimSpace(by.Reason)
	if q.Customer == "" {
		return out, fault.New(fault.Invalid, "erasure.customer_missing")
	}
	if by.Reason == "" && !q.DryRun {
		return out, fault.New(fault.Invalid, "erasure.reason_missing")
	}
	err = k.o.Store.Write(ctx, func(tx *store.Tx) error {
		out, err = erase(ctx, tx, q, by)
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
	rows, err := tx.OfCustomer(ctx, ch.ID, q.Customer)
	if err != nil {
		return out, err
	}
	if !rows.Known {
		return out, fault.New(fault.NotFound, "erasure.customer_unknown")
	}
	out.InUse = rows.InUse
	if rows.InUse > 0 && !q.Force && !q.DryRun {
		return out, fault.New(fault.Conflict, "erasure.in_use", "n", strconv.Itoa(rows.InUse))
	}
	if rows.Empty() {
		last, err := tx.Reader().LastErasure(ctx, ch.ID, q.Customer)
		if fault.Is(err, fault.NotFound) { // the rule was there before
			return out, nil
		}
		out.Record, out.At, out.Before = last.ID, last.At, err == nil
		return out, err
	}
	if out.Counts, err = tx.EraseCustomer(ctx, rows); err != nil {
		return out, err
	}
	if q.DryRun {
		return out, errDry
	}
	out.At = tx.Now
	out.Record, err = tx.RecordErasure(ctx, ch.ID, q.Customer, store.Erasure{Actor: by.Name, Reason: by.Reason, Forced: rows.InUse > 0, Counts: out.Counts})
	if err != nil {
		return out, err
	}
	return out, tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: staff.ActEraseCustomer, Target: "erasure/" + strconv.FormatInt(out.Record, 10),
		Reason: by.Reason, IP: by.IP, Detail: details(out.Counts)})
}

func details(c store.ErasedCounts) map[string]string {
	return map[string]string{"instances": strconv.Itoa(c.Instances), "orders": strconv.Itoa(c.Orders), "deliveries": strconv.Itoa(c.Deliveries),
		"attempts": strconv.Itoa(c.Attempts), "events": strconv.Itoa(c.Events), "licenses": strconv.Itoa(c.Licenses), "license_codes": strconv.Itoa(c.Codes)}
}
