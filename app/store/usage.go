package store

import (
	"context"
	"encoding/json"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// SaveUsage replaces what was reported of an instance's use; a report without
// entries takes it away.
func (t *Tx) SaveUsage(ctx context.Context, pk int64, r market.UsageReport) error {
	var sealed []byte
	if len(r.Entries) > 0 {
		b, err := json.Marshal(r)
		if err != nil {
			return fault.Wrap(err, fault.Internal, "internal")
		}
		sealed = t.keys.Seal(seal.Access, b)
	}
	_, err := t.tx.ExecContext(ctx, `
UPDATE instances
   SET usage_sealed = $2,
       updated_at = now()
 WHERE id = $1`, pk, nullBytes(sealed))
	return toFault(err)
}

// openUsage opens a report; what there is none of is empty.
func (r *Reader) openUsage(sealed []byte) (out market.UsageReport, err error) {
	if len(sealed) == 0 {
		return out, nil
	}
	plain, err := r.keys.Open(seal.Access, sealed)
	if err != nil {
		return out, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	if err := json.Unmarshal(plain, &out); err != nil {
		return out, fault.Wrap(err, fault.Internal, "internal")
	}
	return out, nil
}

// MaskUsage is a report as it may be shown: what opens something, or names a
// person, in the addresses of its dashboards is masked.
func MaskUsage(r market.UsageReport) market.UsageReport {
	shown := market.UsageReport{At: r.At}
	for _, u := range r.Entries {
		u.Dashboard = MaskBody([]byte(u.Dashboard))
		shown.Entries = append(shown.Entries, u)
	}
	return shown
}
