package pool

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Bounds of what people write.
const (
	maxLowWater = 1_000_000
	maxNote     = 500 // characters
)

// Options of NewKeeper. Wake, which may be nil, is called after purchases that
// waited were woken. Free, which may be nil, is told how many free accounts each
// pool has.
type Options struct {
	Store *store.Store
	Log   *slog.Logger
	Wake  func()
	Free  func(pool string, n int)
}

// Keeper is the use case: it fills pools, keeps their accounts and watches them.
type Keeper struct {
	store *store.Store
	log   *slog.Logger
	wake  func()
	free  func(string, int)
}

// NewKeeper makes the use case.
func NewKeeper(o Options) *Keeper {
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Free == nil {
		o.Free = func(string, int) {}
	}
	return &Keeper{store: o.Store, log: o.Log, wake: o.Wake, free: o.Free}
}

// Added says what adding accounts did.
type Added struct {
	Accounts int
	Batch    int64
	Woken    int // purchases that had found the pool empty and go on now
}

// Add puts accounts into a pool, all of them or none, and makes the pool if it
// is new. Purchases that found it empty go on, the oldest first.
//
// Faults: invalid "pool.bad_name", "pool.nothing_to_add", "pool.too_many"; else
// *Refused, which names every row that cannot be added.
func (k *Keeper) Add(ctx context.Context, pool string, rows []Row, by staff.Actor) (Added, error) {
	out := Added{Accounts: len(rows)}
	accounts, err := check(pool, rows)
	if err != nil {
		return Added{}, err
	}
	err = k.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPool(ctx, pool); err != nil {
			return err
		}
		if err := notKnown(ctx, tx, pool, rows, accounts); err != nil {
			return err
		}
		if out.Batch, err = tx.AddAccounts(ctx, pool, accounts, by.Name); err != nil {
			return err
		}
		if out.Woken, err = tx.WakePool(ctx, pool, by.Name); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "pool.add", Target: "pool/" + pool, Reason: by.Reason, IP: by.IP,
			Detail: map[string]string{"accounts": strconv.Itoa(len(rows)), "batch": strconv.FormatInt(out.Batch, 10), "woken": strconv.Itoa(out.Woken)}})
	})
	if err != nil {
		return Added{}, err
	}
	k.log.InfoContext(ctx, "accounts added to a pool", "pool", pool, "accounts", out.Accounts, "batch", out.Batch, "woken", out.Woken, "actor", by.Name)
	if out.Woken > 0 {
		k.wake()
	}
	return out, nil
}

// Check tells whether Add would take the rows, and adds nothing.
func (k *Keeper) Check(ctx context.Context, pool string, rows []Row) error {
	accounts, err := check(pool, rows)
	if err != nil {
		return err
	}
	return k.store.Write(ctx, func(tx *store.Tx) error { return notKnown(ctx, tx, pool, rows, accounts) })
}

// notKnown refuses the rows that the pool has already.
func notKnown(ctx context.Context, tx *store.Tx, pool string, rows []Row, accounts []market.AppInfo) error {
	known, err := tx.KnownAccounts(ctx, pool, accounts)
	if err != nil || len(known) == 0 {
		return err
	}
	r := &Refused{}
	for _, at := range known {
		r.add(rows[at].Line, "", fault.New(fault.Conflict, "pool.account_known"))
	}
	return r
}

// Retire takes a free account out of its pool for good. Faults: not_found
// "pool.account_unknown"; conflict "pool.account_not_free".
func (k *Keeper) Retire(ctx context.Context, pool string, id int64, by staff.Actor) error {
	return k.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.RetireAccount(ctx, pool, id); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "pool.retire", Target: target(pool, id), Reason: by.Reason, IP: by.IP})
	})
}

// Note writes people's remark on an account, at most 500 characters. Faults:
// not_found "pool.account_unknown"; invalid "pool.note_too_long".
func (k *Keeper) Note(ctx context.Context, pool string, id int64, note string, by staff.Actor) error {
	note = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(note, "\x00", ""), ""))
	if utf8.RuneCountInString(note) > maxNote {
		return fault.New(fault.Invalid, "pool.note_too_long", "max", strconv.Itoa(maxNote))
	}
	return k.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.NoteAccount(ctx, pool, id, note); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "pool.note", Target: target(pool, id), IP: by.IP})
	})
}

// SetLowWater says from how many free accounts on the pool counts as low; 0
// means only when it is empty and a product uses it. Faults: not_found
// "pool.unknown"; invalid "pool.low_water".
func (k *Keeper) SetLowWater(ctx context.Context, pool string, n int, by staff.Actor) error {
	if n < 0 || n > maxLowWater {
		return fault.New(fault.Invalid, "pool.low_water", "max", strconv.Itoa(maxLowWater))
	}
	return k.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.SetLowWater(ctx, pool, n); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "pool.low_water", Target: "pool/" + pool, IP: by.IP,
			Detail: map[string]string{"low_water": strconv.Itoa(n)}})
	})
}

func target(pool string, id int64) string { return "pool/" + pool + "/" + strconv.FormatInt(id, 10) }

// Measure tells how many free accounts each pool has.
func (k *Keeper) Measure(ctx context.Context) error {
	pools, err := k.store.Reader().Pools(ctx)
	for _, p := range pools {
		k.free(p.Name, p.Free)
	}
	return err
}

// Watch looks at every pool: it says when one becomes low and when it no longer
// is, and wakes purchases that wait although there are accounts, because they
// found the pool empty while it was being filled. Doing it twice does no harm.
func (k *Keeper) Watch(ctx context.Context) error {
	pools, err := k.store.Reader().Pools(ctx)
	if err != nil {
		return err
	}
	for _, p := range pools {
		if p.Low != p.Told {
			if err := k.turn(ctx, p); err != nil {
				return err
			}
		}
		if p.Free == 0 || p.Waiting == 0 {
			continue
		}
		woken := 0
		if err := k.store.Write(ctx, func(tx *store.Tx) (err error) { woken, err = tx.WakePool(ctx, p.Name, "system"); return err }); err != nil {
			return err
		}
		if woken > 0 {
			k.wake()
		}
	}
	return nil
}

// turn tells once, in the audit trail and the log, that a pool has become low or
// has been filled.
func (k *Keeper) turn(ctx context.Context, p store.PoolRow) error {
	turned := false
	err := k.store.Write(ctx, func(tx *store.Tx) (err error) {
		if turned, err = tx.TurnPool(ctx, p.Name, p.Low); err != nil || !turned {
			return err
		}
		entry := staff.Audit{Action: "pool.filled"}
		if p.Low {
			entry = staff.Audit{Action: "pool.low"}
		}
		entry.Actor, entry.Target = "system", "pool/"+p.Name
		entry.Detail = map[string]string{"free": strconv.Itoa(p.Free), "low_water": strconv.Itoa(p.LowWater)}
		return tx.Audit(ctx, entry)
	})
	switch {
	case err != nil || !turned:
	case p.Low:
		k.log.WarnContext(ctx, "a pool is low: add accounts", "pool", p.Name, "free", p.Free, "low_water", p.LowWater, "waiting", p.Waiting)
	default:
		k.log.InfoContext(ctx, "a pool is no longer low", "pool", p.Name, "free", p.Free)
	}
	return err
}
