package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"koodesk/app/market"
)

// examineInfo checks the list of queryInstance's answer (pages CN 0070649428,
// intl 0070649093): one element per instance, with the documented fields.
func (a *Answer) examineInfo(raw json.RawMessage, asked Fields) {
	ids := strings.Split(asked.Text("instanceId"), ",")
	if len(raw) == 0 || string(raw) == "null" {
		if a.Code == market.Success {
			a.find("field info is missing")
		}
		return
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		a.find("field info is not a list of objects")
		return
	}
	_ = json.Unmarshal(raw, &a.Info) // what does not fit is found below
	for i, item := range list {
		where := fmt.Sprintf("info[%d].", i)
		a.onlyFields(where, item, "instanceId", "appInfo", "usageInfo")
		id := a.text(item, where, "instanceId", 64, true)
		if id != "" && !slices.Contains(ids, id) {
			a.unfit("%sinstanceId %q was not asked for", where, id)
		}
		a.examineApp(item["appInfo"], where+"appInfo.")
		a.examineUsage(item["usageInfo"], where)
	}
	a.examineComplete(ids)
}

func (a *Answer) examineComplete(ids []string) {
	if a.Code != market.Success {
		return
	}
	for _, id := range ids {
		if !slices.ContainsFunc(a.Info, func(i Info) bool { return i.InstanceID == id }) {
			a.unfit("info has nothing on instance %q", id)
		}
	}
}

func (a *Answer) examineApp(raw json.RawMessage, where string) {
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	var app map[string]json.RawMessage
	if err := json.Unmarshal(raw, &app); err != nil {
		a.find("field %s is not an object", strings.TrimSuffix(where, "."))
		return
	}
	a.onlyFields(where, app, "frontEndUrl", "adminUrl", "userName", "password", "memo")
	a.text(app, where, "frontEndUrl", 512, true)
	a.text(app, where, "adminUrl", 512, false)
	a.text(app, where, "userName", 128, false)
	a.text(app, where, "password", 128, false)
	a.text(app, where, "memo", 1024, false)
}
