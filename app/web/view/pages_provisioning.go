package view

import "koodesk/app/fault"

// Hold is who sets an instance up that waits for access data, and what the
// reader may do about it. The zero Hold waits for nothing.
type Hold struct {
	Waits    bool
	System   bool // the seller's own system has promised the data
	Since    Time
	Due      Time   // KooGallery's own deadline; zero where none is published
	By       string // "" is nobody
	At       Time
	Mine     bool
	Claim    Action
	TakeOver Action
	GiveUp   Action
}

// Late tells whether KooGallery has stopped calling.
func (h Hold) Late() bool { return !h.Due.IsZero() && h.Due.Past() }

// WorkRow is an instance that waits for access data.
type WorkRow struct {
	Instance InstanceRow
	Form     string // the address of the form
	Driver   string
	Purpose  string // purchase or upgrade
	Fault    *fault.Record
	Hold     Hold
}

// ProvisioningPage is the work list: what waits for access data, the first due
// first.
type ProvisioningPage struct {
	Shell
	List
	Rows     []WorkRow
	Channels bool
}

// AnyTakeOver is an act that some row offers, if one does: the dialog stands on
// the page once.
func (p ProvisioningPage) AnyTakeOver() Action {
	return p.any(func(h Hold) Action { return h.TakeOver })
}

// AnyGiveUp is the same for giving up.
func (p ProvisioningPage) AnyGiveUp() Action {
	return p.any(func(h Hold) Action { return h.GiveUp })
}

func (p ProvisioningPage) any(of func(Hold) Action) Action {
	for _, r := range p.Rows {
		if a := of(r.Hold); a.On() {
			return a
		}
	}
	return Action{}
}
