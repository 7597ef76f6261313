package gallery

import (
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

// hold is who is at an instance: "nobody", "me", "other", "system".
func (k look) hold(who string, due time.Duration) view.Hold {
	const self = "/instances/10e758d0"
	h := view.Hold{Waits: true, Since: ago(58 * time.Minute), System: who == "system"}
	if due != 0 {
		h.Due = ago(-due)
	}
	switch who {
	case "me":
		h.By, h.At, h.Mine, h.GiveUp = "ann.zhang@example.com", ago(3*time.Minute), true, k.may(staff.InstancesAccess, self+"/unclaim")
	case "other":
		h.By, h.At, h.TakeOver = "li.wei@example.com", ago(40*time.Minute), k.may(staff.InstancesAccess, self+"/claim")
	default:
		h.Claim = k.may(staff.InstancesAccess, self+"/claim")
	}
	return h
}

func (k look) work(n int, who string, due time.Duration) view.WorkRow {
	i := instances()[n]
	i.NeedsAccess = true
	return view.WorkRow{Instance: i, Form: i.URL + "#access", Driver: "manual", Purpose: "purchase", Hold: k.hold(who, due)}
}

func (k look) provisioning(state view.ListState, from string) view.ProvisioningPage {
	at := address("/provisioning", "from", from)
	p := view.ProvisioningPage{Shell: k.shell(view.RoomProvisioning, at.String()), Channels: true, List: view.List{Filter: view.Filter{URL: at}, State: state,
		Tabs: []view.Tab{{Label: view.Say("provisioning.from.person"), URL: at.Without("from"), Count: 3, Active: from == ""},
			{Label: view.Say("provisioning.from.system"), URL: at.With("from", "system"), Count: 1, Active: from != ""}}}}
	switch {
	case state == view.ListError:
		p.Fault = &fault.Record{Code: fault.Unavailable, Key: "database.timeout"}
	case state == view.ListRows && from != "":
		p.Rows = []view.WorkRow{k.work(2, "system", 70*time.Minute)}
	case state == view.ListRows:
		upgrade := k.work(4, "other", 0)
		upgrade.Purpose = "upgrade"
		p.Rows = []view.WorkRow{k.work(0, "nobody", -25*time.Minute), k.work(2, "me", 50*time.Minute), upgrade}
	}
	p.Pager = view.Pager{Rows: 50, Shown: len(p.Rows)}
	return p
}

func provisioningSamples(op, ro look) []Sample {
	return []Sample{
		{"provisioning-full", view.PageProvisioning, op.provisioning(view.ListRows, "")},
		{"provisioning-system", view.PageProvisioning, op.provisioning(view.ListRows, "system")},
		{"provisioning-empty", view.PageProvisioning, op.provisioning(view.ListEmpty, "")},
		{"provisioning-past-end", view.PageProvisioning, op.provisioning(view.ListNoMatch, "")},
		{"provisioning-error", view.PageProvisioning, op.provisioning(view.ListError, "")},
		{"provisioning-read-only", view.PageProvisioning, ro.provisioning(view.ListRows, "")},
		{"instance-claimed", view.PageInstance, op.claimed("me")},
		{"instance-held", view.PageInstance, op.claimed("other")},
		{"instance-promised", view.PageInstance, op.claimed("system")},
	}
}

// claimed is an instance that waits for access data, and who is at it.
func (k look) claimed(who string) view.InstancePage {
	p := k.instance("due")
	p.Hold = k.hold(who, 50*time.Minute)
	if who == "other" {
		p.Access.Form.Action.Why = view.Say("why.claim_held", "by", p.Hold.By)
	}
	if who == "system" {
		p.Access.Form.Due, p.Access.Form.Open = false, false
	}
	return p
}
