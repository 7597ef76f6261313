package channel

import (
	"context"
	"slices"
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// CasesWithin is how far back a debugging call counts as a case that is saved in
// the Seller Center: products on sale have theirs called every morning and every
// afternoon (page CN 0070649414).
const CasesWithin = 7 * 24 * time.Hour

// warnings is what a change will break, so that it is known before. A change of
// keys breaks probing and orders of every product that is bound to the old one
// (page CN 0000002091917709), and so does whatever else changes how calls are
// proved or answers are read.
func warnings(ctx context.Context, r *store.Reader, now time.Time, old *store.Channel, c Change) ([]*fault.Error, error) {
	had, err := r.ChannelKeys(ctx, old.ID)
	if err != nil {
		return nil, err
	}
	cases, err := r.DebuggingCases(ctx, old.ID, now.Add(-CasesWithin))
	if err != nil {
		return nil, err
	}
	var out []*fault.Error
	for _, class := range market.KeyClasses() {
		n := strconv.Itoa(casesOf(cases, class))
		if key, given := c.Keys[class]; given {
			out = append(out, ofKey(old, had, class, key, c.Overlap, n, now)...)
		}
		if slices.Contains(c.RetireOld, class) {
			out = append(out, ofOverlap(had, class, n, now)...)
		}
	}
	return append(out, ofSettings(old, had, cases, c.Settings)...), nil
}

// ofKey warns of a new key: one that another class has too, and one whose
// predecessor is in use.
func ofKey(old *store.Channel, had []store.KeyRow, class market.KeyClass, key string, overlap time.Duration, cases string, now time.Time) (out []*fault.Error) {
	for _, k := range old.Keys {
		if !k.RetiresAt.IsZero() || k.Secret != key || key == "" {
			continue
		}
		if k.Class == class {
			return nil // the present key again: nothing changes
		}
		out = append(out, fault.New(fault.Conflict, "channel.key_twin", "class", string(class), "other", string(k.Class)))
	}
	i := slices.IndexFunc(had, func(k store.KeyRow) bool { return k.Class == class && k.Present() })
	if i < 0 || had[i].LastUsedAt.IsZero() {
		return out
	}
	args := []string{"class", string(class), "used", stamp(had[i].LastUsedAt), "cases", cases}
	if overlap <= 0 {
		return append(out, fault.New(fault.Conflict, "channel.key_ends_now", args...))
	}
	return append(out, fault.New(fault.Conflict, "channel.key_in_use", append(args, "until", stamp(now.Add(overlap)))...))
}

// ofOverlap warns of replaced keys that have proved calls since they were
// replaced: the marketplace has not bound the new one yet.
func ofOverlap(had []store.KeyRow, class market.KeyClass, cases string, now time.Time) (out []*fault.Error) {
	i := slices.IndexFunc(had, func(k store.KeyRow) bool { return k.Class == class && k.Present() })
	for _, k := range had {
		if k.Class == class && !k.Present() && !k.Retired(now) && i >= 0 && k.LastUsedAt.After(had[i].CreatedAt) {
			out = append(out, fault.New(fault.Conflict, "channel.overlap_in_use", "class", string(class), "used", stamp(k.LastUsedAt), "cases", cases))
		}
	}
	return out
}

func ofSettings(old *store.Channel, had []store.KeyRow, cases map[market.Protocol]int, s store.ChannelChange) (out []*fault.Error) {
	inUse := slices.ContainsFunc(had, func(k store.KeyRow) bool { return !k.LastUsedAt.IsZero() })
	if !inUse {
		return nil
	}
	if s.Site != nil && *s.Site != old.Site {
		out = append(out, fault.New(fault.Conflict, "channel.site_changes", "old", string(old.Site), "new", string(*s.Site)))
	}
	if s.EncryptType != nil && *s.EncryptType != old.EncryptType {
		out = append(out, fault.New(fault.Conflict, "channel.encrypt_type_changes", "old", strconv.Itoa(old.EncryptType), "new", strconv.Itoa(*s.EncryptType),
			"cases", strconv.Itoa(cases[market.V1])))
	}
	if s.BodySign != nil && !*s.BodySign && old.BodySign {
		n := 0
		for _, c := range cases {
			n += c
		}
		out = append(out, fault.New(fault.Conflict, "channel.body_sign_ends", "cases", strconv.Itoa(n)))
	}
	return out
}

// casesOf is how many debugging cases are signed with the key of a class.
func casesOf(cases map[market.Protocol]int, class market.KeyClass) (n int) {
	for p, c := range cases {
		if p.KeyClass() == class {
			n += c
		}
	}
	return n
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
