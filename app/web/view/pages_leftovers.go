package view

import "koodesk/app/fault"

// LeftoverRow is something that may still be at a driver without an order.
type LeftoverRow struct {
	ID          int64
	Status      string // open, undoing, kept, gone
	Reason      string // why it is shown: undo_failed, by_hand, driver_unknown, driver_changed, order_failed
	Driver      string
	Channel     string
	InstanceID  string
	InstanceURL string
	Life        string // status of the instance
	OrderID     string
	Fault       *fault.Record
	Events      string // of the instance, where its product has not heard of the end
	Found       Time
	Decided     Time
	By          string // who decided
	Note        string // and why
	Undo        Action
	Release     Action // of the instance of a purchase that was given up
	Gone        Action
	Keep        Action
}

// LeftoversPage is what may still be at drivers without an order.
type LeftoversPage struct {
	Shell
	List
	Days     []Day[LeftoverRow]
	Channels bool // there are several
}
