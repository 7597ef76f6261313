package view

import "slices"

// Quarantine is a content that came under a message's key and is not the
// message's own, beside that.
type Quarantine struct {
	ID       int64
	Status   string // open, accepted, refused
	Arrivals int
	First    Time
	Last     Time
	By       string // who decided
	Decided  Time
	Reason   string
	Fields   []FieldPair
	Shell    Shell
	Accept   Action
	Refuse   Action
}

// Same tells that both say the same and are only written differently, which was told
// apart once.
func (q Quarantine) Same() bool {
	return len(q.Fields) > 0 && !slices.ContainsFunc(q.Fields, func(f FieldPair) bool { return f.Differ })
}

// FieldPair is a field of a call beside the same of another.
type FieldPair struct {
	Name   string
	Own    string
	Other  string
	Differ bool
}

// Alike tells that the two differ, which their masks hide.
func (f FieldPair) Alike() bool { return f.Differ && f.Own == f.Other }

// AcceptEffects are what applying it does and does not.
func (Quarantine) AcceptEffects() []Effect {
	return []Effect{{Will: true, Text: Say("quarantine.effect.accept")}, {Will: true, Text: Say("quarantine.effect.repeats")}, {Text: Say("quarantine.effect.no_second")}}
}

// RefuseEffects are what refusing it does and does not.
func (Quarantine) RefuseEffects() []Effect {
	return []Effect{{Text: Say("quarantine.effect.refuse")}, {Text: Say("quarantine.effect.again")}}
}
