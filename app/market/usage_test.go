package market_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/fault"
	"koodesk/app/market"
)

func TestUsageValues(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"0": "0", "-0": "0", "0.0": "0", "12.50": "12.5", "1e7": "10000000", "1.5E-3": "0.0015", "99999999.9999": "99999999.9999", "0.0001": "0.0001",
		"12345678.1234": "12345678.1234", "007": "7"} {
		got, ok := market.UsageValue(in)
		require.True(t, ok, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{"", " 1", "-1", "100000000", "1e8", "0.00001", "1e-5", "99999999.99999", "1,5", "0x10", "NaN", "Inf", "1_0", "e", "1e999999999", strings.Repeat("1", 65)} {
		_, ok := market.UsageValue(in)
		require.False(t, ok, in)
	}
}

// Whatever fits into twelve digits comes back as it was, without an exponent and
// short enough.
func TestUsageValuesKeepEveryDigit(t *testing.T) {
	t.Parallel()
	plain := regexp.MustCompile(`^[0-9]{1,8}(\.[0-9]{1,4})?$`)
	rapid.Check(t, func(t *rapid.T) {
		whole, places := rapid.IntRange(0, 99999999).Draw(t, "whole"), rapid.IntRange(0, 9999).Draw(t, "places")
		text := strconv.Itoa(whole) + "." + strings.Repeat("0", 4-len(strconv.Itoa(places))) + strconv.Itoa(places)
		got, ok := market.UsageValue(text)
		if !ok || !plain.MatchString(got) || len(got) > market.MaxUsageValue || strings.TrimRight(strings.TrimRight(text, "0"), ".") != got {
			t.Fatalf("%s is %s, %v", text, got, ok)
		}
	})
}

func TestAUsageReportIsChecked(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	good := market.Usage{Value: "1", At: now}
	with := func(change func(*market.Usage)) []market.Usage {
		u := good
		change(&u)
		return []market.Usage{u}
	}
	require.NoError(t, market.CheckUsage(nil, now))
	require.NoError(t, market.CheckUsage([]market.Usage{good}, now))
	require.NoError(t, market.CheckUsage(with(func(u *market.Usage) {
		u.At, u.Related, u.Dashboard = now.Add(4*time.Minute), strings.Repeat("云", 64), "https://a.example.com/"+strings.Repeat("x", 490)
	}), now))
	for key, list := range map[string][]market.Usage{
		"usage.too_many usage":                               make([]market.Usage, 101),
		"usage.value usage[0].usage_value":                   with(func(u *market.Usage) { u.Value = "1e3" }),
		"usage.time usage[0].statistical_time":               with(func(u *market.Usage) { u.At = time.Time{} }),
		"usage.ahead usage[0].statistical_time":              with(func(u *market.Usage) { u.At = now.Add(6 * time.Minute) }),
		"access.field_too_long usage[0].related_instance_id": with(func(u *market.Usage) { u.Related = strings.Repeat("😀", 33) }),
		"access.field_control usage[0].related_instance_id":  with(func(u *market.Usage) { u.Related = "a\x00" }),
		"access.field_too_long usage[0].dashboard_url":       with(func(u *market.Usage) { u.Dashboard = "https://a.example.com/" + strings.Repeat("x", 491) }),
		"access.field_url usage[0].dashboard_url":            with(func(u *market.Usage) { u.Dashboard = "a.example.com" }),
		"usage.related_missing usage[0].related_instance_id": {good, {Related: "b", Value: "1", At: now}},
		"usage.related_twice usage[1].related_instance_id":   {{Related: "b", Value: "1", At: now}, {Related: "b", Value: "2", At: now}},
	} {
		f := fault.From(market.CheckUsage(list, now))
		require.Equal(t, key, f.Key+" "+f.Args["field"])
		require.Equal(t, fault.Invalid, f.Code)
	}
}

func TestAnOlderReportIsKnown(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return time.Date(2026, 11, 27, 12, minute, 0, 0, time.UTC) }
	entry := func(related string, minute int) market.Usage { return market.Usage{Related: related, At: at(minute)} }
	known := market.UsageReport{Entries: []market.Usage{entry("a", 10), entry("b", 20)}}
	for name, c := range map[string]struct {
		next   []market.Usage
		behind bool
	}{
		"newer":                   {[]market.Usage{entry("a", 21), entry("b", 21)}, false},
		"the same times":          {[]market.Usage{entry("a", 10), entry("b", 20)}, false},
		"one went back":           {[]market.Usage{entry("a", 9), entry("b", 30)}, true},
		"all of it went back":     {[]market.Usage{entry("c", 19)}, true},
		"others, counted since":   {[]market.Usage{entry("c", 20)}, false},
		"nothing is no step back": {nil, false},
	} {
		_, _, behind := known.Behind(c.next)
		require.Equal(t, c.behind, behind, name)
	}
	_, _, behind := market.UsageReport{}.Behind([]market.Usage{entry("a", 1)})
	require.False(t, behind)
}
