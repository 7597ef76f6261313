package provision

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// ReportUsage keeps what the seller's product says that an instance was used: it
// replaces what was said before, and queryInstance answers with it. An empty list
// takes it away. A report that says what is there already changes nothing.
//
// Faults: invalid as market.CheckUsage; not_found "instance.unknown"; conflict
// "usage.instance_released", "usage.not_metered" for what is not paid by use, and
// "usage.older" when the list was counted before the one that is there.
func (p *Provisioner) ReportUsage(ctx context.Context, instanceID string, list []market.Usage, by staff.Actor) error {
	for n := range list { // as precisely as it is told
		list[n].At = list[n].At.UTC().Truncate(time.Millisecond)
	}
	return p.store.Write(ctx, func(tx *store.Tx) error {
		if err := market.CheckUsage(list, tx.Now); err != nil {
			return err
		}
		i, err := tx.LockInstanceID(ctx, instanceID)
		if err != nil {
			return err
		}
		if err := meters(i, list); err != nil {
			return err
		}
		if len(list) == 0 && len(i.Usage.Entries) == 0 || reflect.DeepEqual(list, i.Usage.Entries) {
			return nil
		}
		if err := tx.SaveUsage(ctx, i.PK, market.UsageReport{At: tx.Now, Entries: list}); err != nil {
			return err
		}
		if slices.EqualFunc(list, i.Usage.Entries, func(a, b market.Usage) bool { return a.Related == b.Related && a.Dashboard == b.Dashboard }) {
			return nil // more was used: reports come by the minute, and the audit is kept for ever
		}
		// A target of its own: reports come by the minute, and what people did to the
		// instance is read from among the newest entries of its target.
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: staff.ActReportUsage, Target: "usage/" + i.InstanceID, IP: by.IP,
			Detail: map[string]string{"entries": strconv.Itoa(len(list))}})
	})
}

// meters tells whether an instance takes this report now.
func meters(i *store.Instance, list []market.Usage) error {
	if i.Status == market.Released {
		return fault.New(fault.Conflict, "usage.instance_released", "instance", i.InstanceID)
	}
	if i.ChargingMode != "" && !i.ChargingMode.Metered() { // before the order is known, nobody can tell
		return fault.New(fault.Conflict, "usage.not_metered", "instance", i.InstanceID, "mode", string(i.ChargingMode))
	}
	if given, known, behind := i.Usage.Behind(list); behind {
		return fault.New(fault.Conflict, "usage.older", "given", given.Format(time.RFC3339Nano), "known", known.Format(time.RFC3339Nano))
	}
	return nil
}
