package pool

import (
	"context"

	"koodesk/app/fault"
	"koodesk/app/store"
)

// Preview is what an import would do.
type Preview struct {
	Rows    int        // accounts in the file
	Good    int        // how many of them could be added as they are
	Refused []RowFault // what is wrong, by line
}

// Preview looks at a CSV file as ReadCSV and Add would, names everything that is
// wrong with it at once, and adds nothing. What follows a broken quotation mark
// is not looked at. Faults: those of ReadCSV and Add but for *Refused.
func (k *Keeper) Preview(ctx context.Context, pool string, file []byte) (Preview, error) {
	if err := CheckName(pool); err != nil {
		return Preview{}, err
	}
	rows, refused, err := readCSV(file)
	if err != nil {
		return Preview{}, err
	}
	if len(rows)+len(refused.Rows) == 0 {
		return Preview{}, fault.New(fault.Invalid, "pool.nothing_to_add")
	}
	bad := linesOf(refused)
	readable := make([]Row, 0, len(rows))
	for _, r := range rows {
		if !bad[r.Line] {
			readable = append(readable, r)
		}
	}
	accounts, wrong := checkRows(readable)
	refused.Rows = append(refused.Rows, wrong.Rows...)
	bad = linesOf(refused)
	err = k.store.Write(ctx, func(tx *store.Tx) error {
		known, err := tx.KnownAccounts(ctx, pool, accounts)
		for _, at := range known {
			if line := readable[at].Line; !bad[line] {
				refused.add(line, "", fault.New(fault.Conflict, "pool.account_known"))
			}
		}
		return err
	})
	if err != nil {
		return Preview{}, err
	}
	refused.sort()
	p := Preview{Rows: len(rows), Good: len(rows), Refused: refused.Rows}
	bad = linesOf(refused)
	for _, r := range rows {
		if bad[r.Line] {
			p.Good--
		}
	}
	return p, nil
}

func linesOf(r *Refused) map[int]bool {
	lines := make(map[int]bool, len(r.Rows))
	for _, f := range r.Rows {
		lines[f.Line] = true
	}
	return lines
}
