package store

import (
	"context"
	"encoding/json"
	"maps"

	"koodesk/app/fault"
	"koodesk/app/seal"
)

// openParams opens the extension parameters of an instance; nil for none.
func (r *Reader) openParams(sealed []byte) (params map[string]string, err error) {
	plain, err := r.keys.Open(seal.Customer, sealed)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	if len(plain) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(plain, &params); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	return params, nil
}

// AddParams adds the extension parameters of one more order to an instance that
// is locked. Of a name that is there already the given value counts, unless it
// is of an older order.
func (t *Tx) AddParams(ctx context.Context, i *Instance, given map[string]string, older bool) error {
	if len(given) == 0 {
		return nil
	}
	first, then := i.Params, given
	if older {
		first, then = given, i.Params
	}
	i.Params = make(map[string]string, len(first)+len(then))
	maps.Copy(i.Params, first)
	maps.Copy(i.Params, then)
	b, err := json.Marshal(i.Params)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal")
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE instances
   SET params_sealed = $2
 WHERE id = $1`, i.PK, nullBytes(t.keys.Seal(seal.Customer, b)))
	return toFault(err)
}
