package deliver_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/market"
)

// letter is a notice as test and model see it.
type letter struct {
	instance int64
	kind     string
	days     int
	expiry   int64 // of expiry notices and renewals
}

// mirror is an instance as the rules have it, written anew without SQL.
type mirror struct {
	pk       int64
	expiry   time.Time
	since    time.Time
	status   market.InstanceStatus
	looked   time.Time            // when its days were looked at last
	changed  bool                 // since then
	told     map[letter]time.Time // of an expiry, and when it was written, unless it was called off before it left
	renewed  []time.Time          // to when, since then
	happened map[string]bool
	queue    []letter
}

func (m *mirror) moments(days []int, zone *time.Location) map[int]time.Time {
	out := map[int]time.Time{}
	for _, d := range days {
		at := m.expiry.Add(-time.Duration(d) * 24 * time.Hour)
		ends := m.expiry.In(zone)
		if d == 0 || ends.Hour() == 23 && ends.Minute() == 59 {
			y, month, day := ends.Date()
			at = time.Date(y, month, day-d, 0, 0, 0, 0, zone)
		}
		out[d] = at
	}
	return out
}

// look is what one run of the clock makes of the instance.
func (m *mirror) look(now time.Time, days []int, zone *time.Location) {
	m.lookAtExpiry(now, days, zone)
	for kind, holds := range map[string]bool{market.WasFrozen: m.status == market.Frozen, market.WasUnfrozen: m.status == market.Active,
		market.WasReleased: m.status == market.Released} {
		if m.happened[kind] && holds {
			m.queue = append(m.queue, letter{m.pk, kind, 0, 0})
		}
	}
	if m.status != market.Released && slices.ContainsFunc(m.renewed, m.expiry.Equal) {
		m.queue = append(m.queue, letter{m.pk, market.WasRenewed, 0, m.expiry.Unix()})
	}
	m.happened, m.renewed = map[string]bool{}, nil
}

func (m *mirror) lookAtExpiry(now time.Time, days []int, zone *time.Location) {
	if m.status == market.Released {
		return
	}
	due, nearest := m.changed, -1
	var best time.Time
	for d, at := range m.moments(days, zone) {
		if at.After(m.looked) && !at.After(now) {
			due = true
		}
		if at.After(now) || !at.After(m.since) {
			continue
		}
		if nearest < 0 || at.After(best) {
			nearest, best = d, at
		}
	}
	if !due {
		return
	}
	m.changed, m.looked = false, now
	if m.since.After(now) {
		m.since = now
	}
	if nearest < 0 || m.status != market.Active || !now.Before(m.expiry.Add(24*time.Hour)) {
		return
	}
	for l := range m.told {
		if l.expiry == m.expiry.Unix() && l.days <= nearest {
			return
		}
	}
	m.drop(func(l letter) bool { return l.kind == market.ExpiryNotice }) // the nearer one says it all
	l := letter{m.pk, market.ExpiryNotice, nearest, m.expiry.Unix()}
	m.told[l] = now
	m.queue = append(m.queue, l)
}

// again is what the clock makes of the instance when it sees an earlier time than the
// last one: it looks once more, and what was written too early waits for its time.
func (m *mirror) again(now time.Time) {
	if m.status == market.Released {
		return
	}
	m.changed = m.changed || m.expiry.After(now.Add(-24*time.Hour))
	m.drop(func(l letter) bool { return l.kind == market.ExpiryNotice && m.told[l].After(now) })
}

// drop takes what waits, and says no more what is to be told, out of the queue.
func (m *mirror) drop(which func(letter) bool) {
	m.queue = slices.DeleteFunc(m.queue, func(l letter) bool {
		if which(l) {
			delete(m.told, l)
			return true
		}
		return false
	})
}

// work is what workers make of the queue: only what is still true is sent. fates
// are what becomes of the hand-overs, in their order: what had not left waits.
func (m *mirror) work(now time.Time, fates map[letter][]fate) (sent []letter) {
	var waits []letter
	for _, l := range m.queue {
		ok := m.status != market.Released
		switch l.kind {
		case market.WasFrozen:
			ok = m.status == market.Frozen
		case market.WasUnfrozen:
			ok = m.status == market.Active
		case market.WasReleased:
			ok = m.status == market.Released
		case market.WasRenewed:
			ok = ok && l.expiry == m.expiry.Unix()
		case market.ExpiryNotice:
			ok = m.status == market.Active && l.expiry == m.expiry.Unix() && now.Before(m.expiry.Add(24*time.Hour))
		}
		if !ok {
			delete(m.told, l)
			continue
		}
		f := well
		if of := fates[l]; len(of) > 0 {
			f, fates[l] = of[0], of[1:]
		}
		if f.left() {
			sent = append(sent, l)
		} else {
			waits = append(waits, l)
		}
	}
	m.queue = waits
	return sent
}

// fate is what becomes of a hand-over.
type fate string

const (
	well    fate = "well"
	refused fate = "refused for now"     // the other side says later
	unheard fate = "answer lost"         // taken, and nobody hears of it
	early   fate = "died before it left" // the process, and wrote nothing
	late    fate = "died after it left"
)

// left tells whether the message is the other side's.
func (f fate) left() bool { return f == well || f == unheard || f == late }

// carrier takes messages of one medium and shows each as often as it gets it. Each
// message has the fate that the test has drawn; died is how the process ends. It is no
// client of ours against a server: within thousands of lives the process has to die at
// a point of the hand-over that is drawn, which no server can bring about. What the
// clients do with each fate of a conversation is tested against servers, in email,
// in sms/huawei and sms/webhook, and with the ledger in receive_test.go.
type carrier struct {
	medium string
	next   fate    // "" once it was a message's
	got    []int64 // deliveries
}

type died struct{}

func (c *carrier) Transport() string { return c.medium }
func (*carrier) Repeatable() bool    { return false }
func (c *carrier) Send(ctx context.Context, p deliver.Parcel) (deliver.Receipt, error) {
	f := c.next
	c.next = ""
	switch f {
	case early:
		panic(died{})
	case refused:
		return deliver.Receipt{}, fault.New(fault.Unavailable, "mail.deferred", "server", "s", "stage", "rcpt_to", "code", "450")
	}
	if err := p.Leaving(ctx); err != nil {
		return deliver.Receipt{}, err
	}
	c.got = append(c.got, p.DeliveryID)
	switch f {
	case late:
		panic(died{})
	case unheard:
		return deliver.Receipt{}, deliver.OutcomeUnknown(errors.New("EOF"), c)
	}
	return deliver.Receipt{}, nil
}
