package gallery

import (
	"time"

	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func (k look) quarantine() []view.Quarantine {
	open := view.Quarantine{ID: 7, Status: "open", Arrivals: 3, First: ago(20 * time.Minute), Last: ago(2 * time.Minute), Shell: k.shell(view.RoomMessages, "/messages/1042"),
		Accept: k.may(staff.MessagesDecide, "/messages/1042/quarantine/7/accept"), Refuse: k.may(staff.MessagesDecide, "/messages/1042/quarantine/7/refuse"),
		Fields: []view.FieldPair{
			{Name: "activity", Own: "refreshInstance", Other: "refreshInstance"},
			{Name: "expireTime", Own: "20300101000000000", Other: "20310101000000000", Differ: true},
			{Name: "license", Own: "••••••", Other: "••••••", Differ: true},
			{Name: "productId", Other: "OFFI846204237451911168", Differ: true},
		}}
	decided := open
	decided.ID, decided.Status, decided.Arrivals, decided.By, decided.Decided, decided.Reason = 6, "refused", 1, "li.wei@example.com", ago(time.Hour), "已与云商店确认，以首次为准"
	license := open
	license.ID, license.Accept = 8, k.not(staff.MessagesDecide, "", "why.quarantine_license")
	overtaken := open
	overtaken.ID, overtaken.Accept = 9, k.not(staff.MessagesDecide, "", "why.message_overtaken")
	written := open
	written.ID, written.Arrivals = 5, 1
	written.Fields = []view.FieldPair{{Name: "activity", Own: "refreshInstance", Other: "refreshInstance"}, {Name: "expireTime", Own: "20300101000000", Other: "20300101000000000"}}
	return []view.Quarantine{overtaken, license, open, decided, written}
}
