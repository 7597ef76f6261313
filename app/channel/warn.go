package channel

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// warnings is what a change will break, so that it is known before. A change of
// keys breaks probing and orders of every product that is bound to the old one
// (page CN 0000002091917709), and so does whatever else changes how calls are
// proved or answers are read. A new channel, which old is nil for, has only keys
// that may be wrong.
func warnings(ctx context.Context, r *store.Reader, now time.Time, old *store.Channel, c Change) ([]*fault.Error, error) {
	out := twins(old, c.Keys)
	if old == nil {
		return out, nil
	}
	had, err := r.ChannelKeys(ctx, old.ID)
	if err != nil {
		return nil, err
	}
	var valid []int64
	for _, k := range had {
		if !k.Retired(now) {
			valid = append(valid, k.ID)
		}
	}
	cases, err := r.SavedCases(ctx, old.ID, valid)
	if err != nil {
		return nil, err
	}
	for _, class := range market.KeyClasses() {
		if key, given := c.Keys[class]; given {
			out = append(out, ofKey(old, had, class, key, c.Overlap, cases, now)...)
		}
		if slices.Contains(c.RetireOld, class) {
			out = append(out, ofOverlap(had, class, cases, now)...)
		}
	}
	return append(out, ofSettings(old, had, cases, c.Settings)...), nil
}

// twins warns of new keys that two classes have, one by one or both at once: each
// has a key of its own in the Seller Center.
func twins(old *store.Channel, given map[market.KeyClass]string) (out []*fault.Error) {
	had := present(old)
	has := maps.Clone(had)
	maps.Copy(has, given)
	classes := market.KeyClasses()
	for i, one := range classes {
		for _, other := range classes[i+1:] {
			if has[one] == "" || has[one] != has[other] {
				continue
			}
			if has[other] != had[other] {
				out = append(out, twin(other, one))
			} else if has[one] != had[one] {
				out = append(out, twin(one, other))
			}
		}
	}
	return out
}

// present are a channel's keys by class, without the replaced ones.
func present(c *store.Channel) map[market.KeyClass]string {
	keys := map[market.KeyClass]string{}
	if c != nil {
		for _, k := range c.Keys {
			if k.RetiresAt.IsZero() {
				keys[k.Class] = k.Secret
			}
		}
	}
	return keys
}

func twin(class, other market.KeyClass) *fault.Error {
	return fault.New(fault.Conflict, "channel.key_twin", "class", string(class), "other", string(other))
}

// ofKey warns of a new key whose predecessor is in use.
func ofKey(old *store.Channel, had []store.KeyRow, class market.KeyClass, key string, overlap time.Duration, cases []store.SavedCase, now time.Time) (out []*fault.Error) {
	if present(old)[class] == key { // again: nothing changes
		return nil
	}
	i := slices.IndexFunc(had, func(k store.KeyRow) bool { return k.Class == class && k.Present() })
	n, used := count(cases, func(s store.SavedCase) bool { return s.Protocol.KeyClass() == class })
	if i >= 0 && had[i].LastUsedAt.After(used) {
		used = had[i].LastUsedAt
	}
	if i < 0 || used.IsZero() {
		return out
	}
	args := []string{"class", string(class), "used", stamp(used), "cases", strconv.Itoa(n)}
	if overlap <= 0 {
		return append(out, fault.New(fault.Conflict, "channel.key_ends_now", args...))
	}
	return append(out, fault.New(fault.Conflict, "channel.key_in_use", append(args, "until", stamp(now.Add(overlap)))...))
}

// ofOverlap warns of replaced keys that the marketplace has not given up yet: they
// have proved calls since they were replaced, or sign saved cases that did not come
// under the new key so far.
func ofOverlap(had []store.KeyRow, class market.KeyClass, cases []store.SavedCase, now time.Time) (out []*fault.Error) {
	i := slices.IndexFunc(had, func(k store.KeyRow) bool { return k.Class == class && k.Present() })
	for _, k := range had {
		if k.Class != class || k.Present() || k.Retired(now) {
			continue
		}
		n, last := count(cases, func(s store.SavedCase) bool { return s.KeyID == k.ID })
		switch {
		case i >= 0 && k.LastUsedAt.After(had[i].CreatedAt):
			out = append(out, fault.New(fault.Conflict, "channel.overlap_in_use", "class", string(class), "used", stamp(k.LastUsedAt), "cases", strconv.Itoa(n)))
		case n > 0:
			out = append(out, fault.New(fault.Conflict, "channel.overlap_cases", "class", string(class), "used", stamp(last), "cases", strconv.Itoa(n)))
		}
	}
	return out
}

func ofSettings(old *store.Channel, had []store.KeyRow, cases []store.SavedCase, s store.ChannelChange) (out []*fault.Error) {
	inUse := slices.ContainsFunc(had, func(k store.KeyRow) bool { return !k.LastUsedAt.IsZero() })
	if !inUse {
		return nil
	}
	if s.Site != nil && *s.Site != old.Site {
		out = append(out, fault.New(fault.Conflict, "channel.site_changes", "old", string(old.Site), "new", string(*s.Site)))
	}
	if s.EncryptType != nil && *s.EncryptType != old.EncryptType {
		v1, _ := count(cases, func(s store.SavedCase) bool { return s.Protocol == market.V1 })
		out = append(out, fault.New(fault.Conflict, "channel.encrypt_type_changes", "old", strconv.Itoa(old.EncryptType), "new", strconv.Itoa(*s.EncryptType),
			"cases", strconv.Itoa(v1)))
	}
	if s.BodySign != nil && !*s.BodySign && old.BodySign {
		n, _ := count(cases, func(store.SavedCase) bool { return true })
		out = append(out, fault.New(fault.Conflict, "channel.body_sign_ends", "cases", strconv.Itoa(n)))
	}
	return out
}

// count is how many of the cases these are, and when the last of them came.
func count(cases []store.SavedCase, these func(store.SavedCase) bool) (n int, last time.Time) {
	for _, c := range cases {
		if these(c) {
			n += c.N
			if c.Last.After(last) {
				last = c.Last
			}
		}
	}
	return n, last
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
