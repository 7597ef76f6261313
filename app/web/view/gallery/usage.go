package gallery

import (
	"time"

	"koodesk/app/web/view"
)

// metered is an instance that is paid by use, or a package.
func (k look) metered(rows ...view.UsageRow) view.InstancePage {
	p := k.instance("active")
	p.Order[1].Text = view.Say("charging.ON_DEMAND_PKG")
	p.Usage = view.Usage{Show: true, Rows: rows, Call: "PUT /api/v1/instances/" + p.Instance.ID + "/usage"}
	if len(rows) > 0 {
		p.Usage.Reported = ago(3 * time.Minute)
	}
	return p
}

func usageRows() []view.UsageRow {
	return []view.UsageRow{
		{Related: "a1b2c3d4-0000-4000-8000-9223372036854", Value: "99999999.9999", At: ago(12 * time.Minute), Dashboard: "https://app.example.com/usage?instance=10e758d0&item=sms&token=••••••"},
		{Related: "5f0c1c2e-9a55-4f0b-8d0a-2e3c7a1b9d44", Value: "17", At: ago(12 * time.Minute)},
	}
}
