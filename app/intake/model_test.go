package intake_test

import (
	"fmt"
	"time"

	"koodesk/app/market"
)

// step is one call of a random sequence, in words of its own.
type step struct {
	what    string // buy, query, renew, cancel, convert, rechange, freeze, unfreeze, expire, upgrade, check, release
	order   int    // which of a few orders
	expires time.Time
	product string
	later   bool // long after the first call, no twin of it
	twice   bool // two copies of it arrive at the same moment
}

// bill is what the marketplace says of an order.
type bill struct {
	product string
	placed  time.Time
	expires time.Time
	mode    market.ChargingMode
}

// model is what the published rules make of calls, written from their text and
// not from the program's table: pages CN 0070649427 to 0070649432 and V1.0's
// 0070649013, 0070649180, 0070649055, 0070649407.
type model struct {
	v1       bool
	bills    map[string]bill // by kind and order
	exists   bool
	late     bool // the first purchase came late itself
	released bool
	frozen   bool
	expired  bool // frozen by V1.0's expireInstance
	made     bool
	n        int // accepted calls so far

	told        time.Time
	toldProduct string
	toldAt      int
	known       []learned
	done        map[string]bool // keys of calls that happen once
}

type learned struct {
	bill
	what string
	at   int
}

// take is the answer to a call, whose effect the model has from then on.
func (m *model) take(s step) market.ResultCode {
	switch s.what {
	case "buy":
		return m.buy(s)
	case "query":
		switch {
		case !m.exists || m.released:
			return market.NoSuchInstance
		case m.made || m.v1:
			return market.Success
		}
		return market.Processing
	case "release":
		if !m.exists {
			return market.NoSuchInstance
		}
		m.released = true
		return market.Success
	case "freeze", "expire":
		if !m.exists {
			return market.NoSuchInstance
		}
		if !m.released {
			m.expired = s.what == "expire" && (!m.frozen || m.expired)
			m.frozen = true
		}
		return market.Success
	}
	once, key := m.key(s)
	if once && m.done[key] {
		return market.Success // a repeat, or the same key with other content
	}
	if !m.exists || m.released {
		return market.NoSuchInstance
	}
	m.n++
	if once {
		m.done[key] = true
	}
	m.apply(s)
	return market.Success
}

func (m *model) buy(s step) market.ResultCode {
	if !m.exists {
		m.exists, m.late = true, s.later
		m.learn("buy", 0)
		return market.Processing
	}
	if !m.v1 && (m.late || !s.later) {
		return market.Processing // the first call's very bytes
	}
	if m.made || m.released {
		return market.Success
	}
	return market.Processing
}

// key tells which calls happen once, and as what.
func (m *model) key(s step) (once bool, key string) {
	switch s.what {
	case "upgrade":
		return true, fmt.Sprint("upgrade", s.order)
	case "renew", "cancel", "convert", "rechange":
		if m.v1 { // whose renewals have no scene
			return true, fmt.Sprint("refresh", s.order)
		}
		return true, fmt.Sprint(s.what, s.order)
	}
	return false, ""
}

func (m *model) apply(s step) {
	switch s.what {
	case "unfreeze":
		m.frozen, m.expired = false, false
	case "renew", "cancel", "convert", "rechange":
		m.told = s.expires
		if s.product != "" {
			m.toldProduct, m.toldAt = s.product, m.n
		}
		if m.expired && s.expires.After(time.Now()) {
			m.frozen, m.expired = false, false
		}
		if !m.v1 && (s.what == "convert" || s.what == "rechange") {
			m.learn(s.what, s.order)
		}
	case "upgrade":
		m.learn("upgrade", s.order)
	}
}

// learn notes an order that will be known in the end. V1.0's say themselves what
// was bought, in the order in which they come.
func (m *model) learn(what string, order int) {
	b := m.bills[fmt.Sprint(what, order)]
	if m.v1 {
		b.placed = b.placed.Add(time.Duration(m.n) * 24 * time.Hour)
		if what != "buy" {
			b.mode, b.expires = "", time.Time{}
		}
	}
	m.known = append(m.known, learned{b, what, m.n})
}

// end is where the instance stands when all work is done. made tells whether the
// driver's work is of that product too: a conversion and another period of the
// same thing, which a renewal names, are nothing to it.
func (m *model) end() (status, product, expires string, made bool) {
	switch {
	case !m.exists:
		return "", "", "", false
	case m.released:
		return "released", "", "", false
	case m.frozen:
		status = "frozen"
	default:
		status = "active"
	}
	var rules, dated learned
	var mode market.ChargingMode
	newer := func(a, b learned) bool { return a.placed.After(b.placed) || a.placed.Equal(b.placed) && a.at >= b.at }
	for _, l := range m.known {
		if newer(l, rules) {
			rules = l
			if l.mode != "" {
				mode = l.mode
			}
		}
		if !l.expires.IsZero() && (dated.expires.IsZero() || l.placed.After(dated.placed) || l.placed.Equal(dated.placed) && l.expires.After(dated.expires)) {
			dated = l
		}
	}
	product = rules.product
	if m.toldProduct != "" && m.toldAt > rules.at {
		product = m.toldProduct
	}
	at := dated.expires
	if !m.told.IsZero() {
		at = m.told
	}
	if mode != market.OneTime && mode != market.OnDemand {
		expires = market.Stamp(at)
	}
	return status, product, expires, m.toldProduct == "" && rules.what != "convert"
}
