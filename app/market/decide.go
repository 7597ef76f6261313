package market

import (
	"slices"
	"time"
)

// Decision is what the life cycle says of one event.
type Decision struct {
	To   Stage
	Code ResultCode // "" for what is no call
	do   []Effect
}

// Does tells whether an effect follows.
func (d Decision) Does(e Effect) bool { return slices.Contains(d.do, e) }

// Effects lists what follows, in the order in which it is done.
func (d Decision) Effects() []Effect { return slices.Clone(d.do) }

// Decide finds the rule for an event. ahead says that the expiry which the event
// sets is not over yet; it matters to V1.0's renewals alone. An event that the
// generation does not have finds no rule; ok is then false.
func Decide(p Protocol, from Stage, e Event, ahead bool) (d Decision, ok bool) {
	r := rules[ruleKey{p, from, e, ahead}]
	if r == nil {
		return Decision{}, false
	}
	d = Decision{To: r.To, Code: r.Code, do: r.Do}
	if d.To == "" {
		d.To = from
	}
	return d, true
}

type ruleKey struct {
	by    Protocol
	from  Stage
	on    Event
	ahead bool
}

// rules is the life cycle by its keys. A rule that wants the expiry ahead is
// stronger than the one that does not ask.
var rules = func() map[ruleKey]*Rule {
	m := map[ruleKey]*Rule{}
	for _, wantAhead := range []bool{false, true} {
		for i := range Lifecycle {
			r := &Lifecycle[i]
			if r.Ahead != wantAhead {
				continue
			}
			for _, p := range []Protocol{V2, V1} {
				if r.By != "" && r.By != p || !r.On.Speaks(p) {
					continue
				}
				for _, from := range r.From {
					m[ruleKey{p, from, r.On, true}] = r
					if !r.Ahead {
						m[ruleKey{p, from, r.On, false}] = r
					}
				}
			}
		}
	}
	return m
}()

// EventOf is the event that a call is; ok is false for a call that concerns no
// instance's life, or is not known.
func EventOf(c Call) (e Event, ok bool) {
	switch c.Activity {
	case NewInstance, QueryInstance, ReleaseInstance, ExpireInstance, ChangeInstanceCheck:
		e = Event(c.Activity)
	case UpgradeInstance, Upgrade:
		e = UpgradeBought
	case RefreshInstance:
		e = Event(c.Scene)
	case UpdateInstanceStatus, ChangeInstanceStatus:
		e = Event(c.Target)
	}
	return e, e != "" && e.Speaks(c.Protocol)
}

// Take brings the instance to the stage that a decision names and tells what
// changed. Who is frozen early and made later, or frozen for another reason,
// stays frozen since when it was.
func (i *Instance) Take(to Stage, now time.Time) []Change {
	s, known := stages[to]
	if !known {
		return nil
	}
	if s.status == Released {
		if i.ReleasedAt.IsZero() {
			i.ReleasedAt = now
		}
		return i.settle()
	}
	if s.made && i.ProvisionedAt.IsZero() {
		i.ProvisionedAt = now
	}
	if s.cause == "" {
		i.FrozenAt = time.Time{}
	} else if i.FrozenAt.IsZero() {
		i.FrozenAt = now
	}
	var changes []Change
	if i.FrozenBy != s.cause {
		changes = append(changes, Change{Kind: CauseChanged, Old: i.FrozenBy, New: s.cause})
		i.FrozenBy = s.cause
	}
	return append(i.settle(), changes...)
}

// Stage is where the instance stands; Absent for nil.
func (i *Instance) Stage() Stage {
	if i == nil {
		return Absent
	}
	made := !i.ProvisionedAt.IsZero()
	pick := func(with, without Stage) Stage {
		if made {
			return with
		}
		return without
	}
	switch {
	case !i.ReleasedAt.IsZero():
		return StageReleased
	case !i.FrozenAt.IsZero() && i.FrozenBy == ByExpiry:
		return pick(ExpiredMade, ExpiredEarly)
	case !i.FrozenAt.IsZero():
		return pick(FrozenMade, FrozenEarly)
	}
	return pick(InUse, InMaking)
}
