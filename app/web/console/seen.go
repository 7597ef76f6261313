package console

import (
	"context"

	"koodesk/app/fault"
	"koodesk/app/web/view"
)

// seen is what the marketplace would see of an instance now.
func (k *Console) seen(ctx context.Context, id string) (view.Seen, error) {
	got, err := k.o.Intake.Seen(ctx, id)
	if fault.Is(err, fault.Conflict) { // it never asks
		return view.Seen{}, nil
	}
	out := view.Seen{Code: string(got.Code)}
	for _, f := range got.Fields {
		out.Fields = append(out.Fields, view.SeenField{Name: f.Name, Value: f.Value, Length: f.Length, Limit: f.Limit, TooLong: f.TooLong()})
	}
	return out, err
}
