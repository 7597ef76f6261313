package api

import (
	"encoding/json"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/web/session"
)

type instanceUsage struct {
	InstanceID string       `json:"instance_id"`
	ReportedAt moment       `json:"reported_at"`
	Usage      []usageEntry `json:"usage"`
}

type usageEntry struct {
	Related       string      `json:"related_instance_id"`
	Value         json.Number `json:"usage_value"`
	StatisticalAt moment      `json:"statistical_time"`
	Dashboard     string      `json:"dashboard_url"`
}

// InstanceUsage answers GET /instances/{instance_id}/usage.
func (a *API) InstanceUsage(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	return a.usage(c, part(c, "instance_id"))
}

func (a *API) usage(c *fiber.Ctx, instanceID string) error {
	i, err := a.store.Reader().InstanceByID(c.UserContext(), instanceID)
	if err != nil {
		return a.Problem(c, err)
	}
	shown := store.MaskUsage(i.Usage)
	out := instanceUsage{InstanceID: instanceID, ReportedAt: moment(shown.At), Usage: []usageEntry{}}
	for _, u := range shown.Entries {
		out.Usage = append(out.Usage, usageEntry{Related: u.Related, Value: json.Number(u.Value), StatisticalAt: moment(u.At), Dashboard: u.Dashboard})
	}
	return answer(c, fiber.StatusOK, out)
}

// reportBody is the body of PUT /instances/{instance_id}/usage.
type reportBody struct {
	Usage []reportEntry `json:"usage"`
}

type reportEntry struct {
	Related       string      `json:"related_instance_id"`
	Value         json.Number `json:"usage_value"`
	StatisticalAt string      `json:"statistical_time"`
	Dashboard     string      `json:"dashboard_url"`
}

// entries reads a report. What must be there and is not is named: an empty list
// is a report, none is a mistake.
func (b reportBody) entries() ([]market.Usage, error) {
	if b.Usage == nil {
		return nil, refuse(wrong{in: "body", name: "usage", key: "missing"})
	}
	var bad []wrong
	list := make([]market.Usage, 0, len(b.Usage))
	for n, e := range b.Usage {
		at, err := parseTime(e.StatisticalAt)
		if err != nil && len(bad) < maxWrong {
			bad = append(bad, wrong{in: "body", name: fmt.Sprintf("usage[%d].statistical_time", n), key: "time"})
		}
		value, ok := market.UsageValue(e.Value.String())
		if !ok {
			value = e.Value.String() // refused with the rest of the rules
		}
		list = append(list, market.Usage{Related: e.Related, Value: value, At: at, Dashboard: e.Dashboard})
	}
	if len(bad) > 0 {
		return nil, refuse(bad...)
	}
	return list, nil
}

// ReportInstanceUsage answers PUT /instances/{instance_id}/usage.
func (a *API) ReportInstanceUsage(c *fiber.Ctx) error {
	var in reportBody
	err := body(c, &in)
	instanceID := part(c, "instance_id")
	var list []market.Usage
	if err == nil {
		list, err = in.entries()
	}
	if err == nil {
		err = a.o.Access.ReportUsage(c.UserContext(), instanceID, list, session.Of(c).Actor)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.usage(c, instanceID)
}
