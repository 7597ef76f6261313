package console

import (
	"net/url"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// usageOf is what was used of an instance, where KooGallery is told of it.
func usageOf(clock view.Clock, i *store.InstanceDetail) view.Usage {
	out := view.Usage{Show: market.ChargingMode(i.ChargingMode).Metered(), Reported: clock.Time(i.Usage.At),
		Call: "PUT /api/v1/instances/" + url.PathEscape(i.InstanceID) + "/usage"}
	for _, u := range i.Usage.Entries {
		out.Rows = append(out.Rows, view.UsageRow{Related: u.Related, Value: u.Value, At: clock.Time(u.At), Dashboard: u.Dashboard})
	}
	return out
}
