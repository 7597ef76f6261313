package licensecode

import (
	"context"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Use is one report of the seller's software: an account, or how many are
// active, but not both (page CN 0000002290055385).
type Use struct {
	License   string
	Account   string
	ActiveNum *int64
}

// MaxUses is how many reports one call may bring.
const MaxUses = 1000

// Counted says what a call with reports did.
type Counted struct {
	Accepted int // will be reported
	Repeated int // were there already today
}

// usageWait is how long reports are gathered before they are sent as one.
const usageWait = time.Minute

// ReportUse takes reports of today's use, all or none of them. A code counts
// once a day per account. Reports of a minute are sent together.
//
// Faults: invalid "license_usage.bad_record" with the record's number;
// not_found "license_code.unknown" with it (a code must have been activated or
// checked before); those of find.
func (k *Codes) ReportUse(ctx context.Context, channel string, uses []Use, by staff.Actor) (Counted, error) {
	var out Counted
	if len(uses) == 0 || len(uses) > MaxUses {
		return out, fault.New(fault.Invalid, "license_usage.how_many", "field", "records", "limit", strconv.Itoa(MaxUses))
	}
	found := make([]*store.LicenseCode, len(uses))
	seen := map[string]*store.LicenseCode{}
	for i, u := range uses {
		if err := u.check(i); err != nil {
			return out, err
		}
		c, known := seen[u.License]
		if !known {
			var err error
			if _, c, err = k.find(ctx, channel, u.License); err != nil {
				return out, err
			}
			seen[u.License] = c
		}
		if c == nil {
			return out, fault.New(fault.NotFound, "license_usage.unknown_code", "record", strconv.Itoa(i+1))
		}
		found[i] = c
	}
	err := k.store.Write(ctx, func(tx *store.Tx) error {
		out = Counted{}
		return k.addUses(ctx, tx, uses, found, &out)
	})
	if err != nil {
		return Counted{}, err
	}
	for _, c := range seen {
		if err := k.store.UseLicenseCode(ctx, c.ID); err != nil {
			return out, err
		}
	}
	k.log.InfoContext(ctx, "use of codes reported", "accepted", out.Accepted, "repeated", out.Repeated, "actor", by.Name)
	return out, nil
}

func (u Use) check(i int) error {
	bad := func(why string) error {
		return fault.New(fault.Invalid, "license_usage.bad_record", "field", "records", "record", strconv.Itoa(i+1), "why", why)
	}
	switch {
	case (u.Account == "") == (u.ActiveNum == nil):
		return bad("id | active_num")
	case utf8.RuneCountInString(u.Account) > marketapi.MaxUsageAccount || !utf8.ValidString(u.Account):
		return bad("id ≤ " + strconv.Itoa(marketapi.MaxUsageAccount))
	case u.ActiveNum != nil && (*u.ActiveNum < 0 || *u.ActiveNum > marketapi.MaxActiveNum):
		return bad("0 ≤ active_num ≤ " + strconv.Itoa(marketapi.MaxActiveNum))
	}
	return nil
}

func (k *Codes) addUses(ctx context.Context, tx *store.Tx, uses []Use, found []*store.LicenseCode, out *Counted) error {
	day := market.ChinaDay(tx.Now)
	channels := map[int64]bool{}
	for i, u := range uses {
		r := store.UsageRecord{CodeID: found[i].ID, Account: u.Account}
		if u.ActiveNum != nil {
			r.ActiveNum = *u.ActiveNum
		}
		added, err := tx.AddLicenseUsage(ctx, found[i].ChannelID, r, day)
		if err != nil {
			return err
		}
		if !added {
			out.Repeated++
			continue
		}
		out.Accepted++
		channels[found[i].ChannelID] = true
	}
	// The task of a minute runs at its end, a little later so that calls which
	// began in that minute are through; what still comes late is picked up by
	// ScheduleLicenseWork.
	minute := tx.Now.Unix() / int64(usageWait.Seconds())
	for channel := range channels {
		_, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.LicenseUsage, Purpose: outbox.OnDemand, ChannelID: channel,
			RunAt:     time.Unix((minute+1)*int64(usageWait.Seconds()), 0).Add(5 * time.Second),
			UniqueKey: outbox.Key(outbox.LicenseUsage, outbox.OnDemand, channel, minute)})
		if err != nil {
			return err
		}
	}
	return nil
}

// Usage does a license_usage task: it reports one batch, and leaves a further
// one to the next task. What was taken for a batch stays with its task, so that a
// task that is run again reports the same; the marketplace may then hear of it
// twice, which counts once a day for it.
//
// Faults: refused "license_usage.refused" (given up) if KooGallery did not accept
// the reports of some codes: those, and only those, are reported again when the
// task is run again; those of Marketplace.ReportUsage.
func (k *Codes) Usage(ctx context.Context, task outbox.Task) error {
	var batch []store.UsageRecord
	err := k.store.Write(ctx, func(tx *store.Tx) (err error) {
		batch, err = tx.TakeLicenseUsage(ctx, task.ChannelID, task.ID, marketapi.MaxUsageCodes, marketapi.MaxUsageRecords)
		return err
	})
	if err != nil {
		return err
	}
	if len(batch) == 0 {
		return k.complete(ctx, task)
	}
	ch, err := k.store.Reader().ChannelByID(ctx, task.ChannelID)
	if err != nil {
		return err
	}
	cred, err := credentials(ch)
	if err != nil {
		return err
	}
	codes, err := k.market.ReportUsage(ctx, ch.BaseURL(), cred, reports(batch))
	if err != nil {
		return err
	}
	refused := []int64{}
	for _, u := range batch {
		if slices.Contains(codes, u.Code) {
			refused = append(refused, u.ID)
		}
	}
	err = k.store.WriteFor(ctx, task, func(tx *store.Tx) error { return reported(ctx, tx, task, refused) })
	if err != nil || len(refused) == 0 {
		return err
	}
	return fault.New(fault.Refused, "license_usage.refused", "refused", strconv.Itoa(len(refused)), "records", strconv.Itoa(len(batch))).Final()
}

// reported ends a task whose batch KooGallery has taken whole, and leaves what it
// has not taken yet to a further one.
func reported(ctx context.Context, tx *store.Tx, task outbox.Task, refused []int64) error {
	more, err := tx.LicenseUsageReported(ctx, task.ChannelID, task.ID, refused)
	if err != nil {
		return err
	}
	if more {
		_, err = tx.Enqueue(ctx, outbox.New{Kind: outbox.LicenseUsage, Purpose: outbox.OnDemand, ChannelID: task.ChannelID,
			UniqueKey: outbox.Key(outbox.LicenseUsage, "after", task.ID, int64(task.Round))})
		if err != nil {
			return err
		}
	}
	if len(refused) > 0 {
		return nil // the task fails
	}
	return tx.Complete(ctx, task)
}

// reports groups records by their code, in the order of the codes.
func reports(batch []store.UsageRecord) []marketapi.LicenseUsage {
	var out []marketapi.LicenseUsage
	for i, u := range batch {
		if i == 0 || u.CodeID != batch[i-1].CodeID {
			out = append(out, marketapi.LicenseUsage{License: u.Code})
		}
		r := marketapi.UsageRecord{ID: u.Account}
		if u.Account == "" {
			r.ActiveNum = &u.ActiveNum
		}
		last := &out[len(out)-1]
		last.Records = append(last.Records, r)
	}
	return out
}

// refreshPage is how many codes one transaction of a refresh looks at.
const refreshPage = 500

// Refresh does a license_refresh task: it writes the day's questions about every
// code of a channel that is in use.
func (k *Codes) Refresh(ctx context.Context, task outbox.Task) error {
	var after int64
	for {
		err := k.store.Write(ctx, func(tx *store.Tx) error {
			last, err := tx.RefreshLicenseCodes(ctx, task.ChannelID, after, market.ChinaDayStart(tx.Now), refreshPage)
			if err != nil {
				return err
			}
			after = last
			if last == 0 {
				return tx.Complete(ctx, task)
			}
			return nil
		})
		if err != nil || after == 0 {
			return err
		}
	}
}

// Schedule writes the tasks that come round by the clock. Their keys name the
// time, so any number of processes may call it as often as they like.
func (k *Codes) Schedule(ctx context.Context) error {
	n, err := k.store.ScheduleLicenseWork(ctx, k.now())
	if n > 0 {
		k.wake()
	}
	return err
}
