package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

func zoneOf(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

func TestDaysFollowEachOtherInEveryZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Asia/Shanghai", "America/New_York", "Africa/Cairo", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "UTC"} {
		zone := zoneOf(t, name)
		var last time.Time
		for month := time.Month(1); month <= 24; month++ {
			days := store.MonthOf(2026, month, zone)
			for n, d := range days {
				if !last.IsZero() {
					require.True(t, last.Equal(d.Since), "%s %s", name, d.Since)
				}
				require.Equal(t, n+1, d.Since.Day(), name)
				require.InDelta(t, 24, d.Until.Sub(d.Since).Hours(), 1, name)
				require.NotEqual(t, n+1, d.Until.Day(), name)
				last = d.Until
			}
			require.Equal(t, time.Date(2026, month+1, 0, 0, 0, 0, 0, time.UTC).Day(), len(days))
		}
	}
}

// calendarSeed writes instances whose terms end, changes and notices at the
// borders of days and months as Shanghai has them.
func calendarSeed(t *testing.T, s *store.Store) {
	t.Helper()
	storetest.Channel(t, s, "default", "")
	storetest.Channel(t, s, "small", "")
	for _, statement := range []string{`
INSERT INTO products (channel_id, product_id, driver, settings)
VALUES (1, '*', 'manual', '{}'), (1, 'RARE', 'manual', '{"expiry_days":[2]}'), (1, 'DEAF', 'manual', '{"notices_off":["expiry_notice"]}')`, `
INSERT INTO customer_wishes (channel_id, customer, off, zone) VALUES (1, 'mute', '{expiry_notice}', ''), (1, 'far', '{}', 'America/Los_Angeles')`, `
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, product_id, customer_id, expires_at, released_at, email_sealed, email_bidx)
SELECT v.channel, v.id, v.id, v.id, v.id, CASE WHEN v.released THEN 'released' ELSE 'active' END, v.product, v.customer, v.at::timestamptz,
       CASE WHEN v.released THEN now() END, '\x00', CASE WHEN v.id <> 'blank' THEN '\x01'::bytea END
  FROM (VALUES (1, 'last-second', 'P', 'c', '2091-01-31 23:59:59.999999+08', false),
               (1, 'first', 'P', 'c', '2091-02-01 00:00:00+08', false),
               (1, 'gone', 'P', 'c', '2091-02-01 12:00:00+08', true),
               (2, 'small', 'P', 'c', '2091-02-28 23:59:59+08', false),
               (1, 'next', 'P', 'c', '2091-03-01 00:00:00+08', false),
               (1, 'rare', 'RARE', 'c', '2091-02-10 12:00:00+08', false),
               (1, 'deaf', 'DEAF', 'c', '2091-02-10 12:00:00+08', false),
               (1, 'mute', 'P', 'mute', '2091-02-10 12:00:00+08', false),
               (1, 'blank', 'P', 'c', '2091-02-12 12:00:00+08', false),
               (1, 'far', 'P', 'far', '2091-02-20 12:00:00+08', false),
               (1, 'far-end', 'P', 'far', '2091-02-25 15:59:59+08', false)) v (channel, id, product, customer, at, released)`, `
INSERT INTO instance_events (instance_pk, kind, old_value, new_value, at)
SELECT i.id, v.kind, v.old, v.new, v.at::timestamptz
  FROM (VALUES ('first', 'expiry', '2090-02-01T00:00:00Z', '2091-02-01T00:00:00Z', '2091-02-05 00:00:00+08'),
               ('first', 'expiry', '', '2091-02-01T00:00:00Z', '2091-02-05 00:00:00+08'),
               ('first', 'expiry', '2092-02-01T00:00:00Z', '2091-02-01T00:00:00Z', '2091-02-05 00:00:00+08'),
               ('first', 'status', 'active', 'frozen', '2091-02-05 23:59:59+08'),
               ('small', 'status', 'active', 'frozen', '2091-02-05 23:59:59+08'),
               ('gone', 'status', 'frozen', 'released', '2091-02-06 00:00:00+08'),
               ('first', 'status', 'frozen', 'active', '2091-02-06 00:00:00+08')) v (id, kind, old, new, at)
  JOIN instances i ON i.instance_id = v.id`, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, message_ref, unique_key, status, created_at, counted_at, held_until, held_why)
SELECT 1, i.id, v.kind, 'sms', 'en', '\x00', '', v.ref, v.ref, v.status, v.created::timestamptz, v.counted::timestamptz, v.held::timestamptz,
       CASE WHEN v.held IS NULL THEN '' ELSE 'quiet_hours' END
  FROM (VALUES ('expiry_notice', 'r1', 'succeeded', '2091-02-07 22:00+08', '2091-02-08 09:00+08', NULL),
               ('expiry_notice', 'r2', 'pending', '2091-02-07 22:00+08', NULL, '2091-02-08 09:00+08'),
               ('frozen', 'r3', 'failed', '2091-02-08 22:00+08', NULL, NULL),
               ('frozen', 'r4', 'pending', '2091-02-08 22:00+08', NULL, NULL),
               ('frozen', 'r5', 'cancelled', '2091-02-08 22:00+08', NULL, NULL),
               ('usage_info', 'r6', 'succeeded', '2091-02-08 22:00+08', NULL, NULL)) v (kind, ref, status, created, counted, held),
       instances i
 WHERE i.instance_id = 'first'`} {
		_, err := s.SQL().Exec(statement)
		require.NoError(t, err)
	}
}

// filled writes the days that hold something.
func filled(all []store.Counts) []string {
	var out []string
	for n, day := range all {
		line := fmt.Sprintf("%02d", n+1)
		for _, what := range store.DayThings() {
			if c, ok := day[what]; ok {
				line += fmt.Sprintf(" %s=%s", what, c)
			}
		}
		if line != fmt.Sprintf("%02d", n+1) {
			out = append(out, line)
		}
	}
	return out
}

func TestACalendarCountsByTheDaysOfItsZone(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	calendarSeed(t, s)
	ctx, r := t.Context(), s.Reader()
	shanghai := zoneOf(t, "Asia/Shanghai")
	rules := store.CalendarRules{Days: []int{1, 0}, Zone: "Asia/Shanghai"}
	all, err := r.Calendar(ctx, store.CalendarFilter{}, store.MonthOf(2091, time.February, shanghai), rules)
	require.NoError(t, err)
	want := []string{
		"01 expiring=2 planned=1", // the day itself of "first"; what is released is told nothing
		"05 renewed=1 frozen=2",
		"06 released=1",
		"08 sent=1 waiting=1 held=1 failed=1 planned=1", // two days before "rare"
		"10 expiring=3",
		"12 expiring=1", // nobody can be told of "blank": what its address was given as is none
		"19 planned=1",  // one day before "far"
		"20 expiring=1",
		"23 planned=1", // one day before "far-end", from midnight in Los Angeles
		"24 planned=1", // and the day itself
		"25 expiring=1",
		"27 planned=1", // one day before "small"
		"28 expiring=1 planned=2",
	}
	// The day of "far" begins at midnight in Los Angeles: 16:00 in Shanghai, the same
	// date there, since it ends on the 19th at 20:00 by that customer's clock.
	want[6] = "19 planned=2"
	require.Equal(t, want, filled(all))

	january, err := r.Calendar(ctx, store.CalendarFilter{}, store.MonthOf(2091, time.January, shanghai), rules)
	require.NoError(t, err)
	require.Equal(t, []string{"30 planned=1", "31 expiring=1 planned=2"}, filled(january))

	utc, err := r.Calendar(ctx, store.CalendarFilter{}, store.MonthOf(2091, time.January, time.UTC), store.CalendarRules{Zone: "UTC"})
	require.NoError(t, err)
	require.Equal(t, []string{"31 expiring=2"}, filled(utc), "midnight in Shanghai is the day before in Greenwich")

	small, err := r.Calendar(ctx, store.CalendarFilter{Channel: "small"}, store.MonthOf(2091, time.February, shanghai), store.CalendarRules{Zone: "UTC"})
	require.NoError(t, err)
	require.Equal(t, []string{"05 frozen=1", "28 expiring=1"}, filled(small))
	rare, err := r.Calendar(ctx, store.CalendarFilter{Channel: "default", ProductID: "RARE"}, store.MonthOf(2091, time.February, shanghai), rules)
	require.NoError(t, err)
	require.Equal(t, []string{"08 planned=1", "10 expiring=1"}, filled(rare))
	none, err := r.Calendar(ctx, store.CalendarFilter{Channel: "no such"}, store.MonthOf(2091, time.February, shanghai), rules)
	require.NoError(t, err)
	require.Empty(t, filled(none))
}

// Every count is the length of its day's list, read page by page.
func TestADaysListIsWhatItsCountSays(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	calendarSeed(t, s)
	ctx, r := t.Context(), s.Reader()
	shanghai := zoneOf(t, "Asia/Shanghai")
	rules := store.CalendarRules{Days: []int{1, 0}, Zone: "Asia/Shanghai"}
	_, err := s.SQL().Exec(`UPDATE instances SET email_sealed = NULL, phone_sealed = $1`, storetest.Keys(t).SealString("customer", "+8613800000000"))
	require.NoError(t, err)
	_, err = s.SQL().Exec(`UPDATE deliveries SET to_sealed = $1`, storetest.Keys(t).SealString("customer", "+8613800000000"))
	require.NoError(t, err)
	for _, f := range []store.CalendarFilter{{}, {Channel: "default"}, {ProductID: "P"}} {
		days := store.MonthOf(2091, time.February, shanghai)
		counts, err := r.Calendar(ctx, f, days, rules)
		require.NoError(t, err)
		for n, day := range days {
			for _, what := range []string{store.DayExpiring, store.DayRenewed, store.DayFrozen, store.DayReleased, store.DayPlanned} {
				seen, cursor := 0, ""
				for {
					p, err := r.CalendarDay(ctx, f, day, what, rules, store.Paging{Cursor: cursor, Limit: 1})
					require.NoError(t, err)
					seen += len(p.Items)
					for _, i := range p.Items {
						require.False(t, i.At.Before(day.Since) || !i.At.Before(day.Until), "%s %v", what, i.At)
					}
					if cursor = p.Older; cursor == "" {
						break
					}
				}
				require.Equal(t, counts[n][what].N, seen, "%s on %d", what, n+1)
			}
			for _, what := range []string{store.DaySent, store.DayWaiting, store.DayHeld, store.DayFailed} {
				p, err := r.CalendarNotices(ctx, f, day, what, store.Paging{})
				require.NoError(t, err)
				require.Len(t, p.Items, counts[n][what].N, "%s on %d", what, n+1)
			}
		}
	}
	_, err = r.CalendarDay(ctx, store.CalendarFilter{}, store.DayOf(2091, 2, 1, shanghai), store.DayExpiring, rules, store.Paging{Cursor: "nonsense"})
	require.ErrorContains(t, err, "cursor.invalid")
	require.Equal(t, market.ExpiryDays(), []int{30, 15, 7, 3, 1, 0})
}

// Month and day go along indexes: no big table is read whole, however many
// instances there are, and a day that holds thousands is counted up to a limit.
func TestCalendarPlans(t *testing.T) {
	t.Parallel()
	s := storetest.OpenAt(t, storetest.Fresh(t))
	ctx := t.Context()
	for _, slug := range []string{"default", "small", "empty"} {
		storetest.Channel(t, s, slug, "")
	}
	phone := storetest.Keys(t).SealString("customer", "+8613800000000")
	storetest.Fill(t, s, []string{`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, product_id, expires_at, phone_sealed, phone_bidx)
SELECT 1 + (n % 20 = 0)::int, 'inst-' || n, 'CS' || n, 'CS' || n, '', 'active', 'OFFI' || n % 40, now() + n * interval '10 minutes', $2, '\x01'
  FROM generate_series(1, $1::int) AS n`, `
INSERT INTO tasks (kind, instance_pk, unique_key)
SELECT 'provision', n, 'key-' || n
  FROM generate_series(1, $1::int) AS n WHERE $2::bytea IS NOT NULL`, `
INSERT INTO instance_events (instance_pk, kind, new_value, at)
SELECT n, 'status', (ARRAY['frozen', 'released', 'active'])[1 + n % 3], now() - n * interval '1 minute'
  FROM generate_series(1, $1::int) AS n WHERE $2::bytea IS NOT NULL`, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, created_at)
SELECT 1, n, CASE WHEN n % 40 = 0 THEN 'expiry_notice' ELSE 'usage_info' END, 'sms', 'en', $2, '', 'succeeded', 'ref-' || n, 'key-' || n, now() - n * interval '1 minute'
  FROM generate_series(1, $1::int) AS n`}, seeded, phone)
	zone := zoneOf(t, "Asia/Shanghai")
	rules := store.CalendarRules{Days: market.ExpiryDays(), Zone: zone.String()}
	now := time.Now().In(zone)
	for name, f := range map[string]store.CalendarFilter{"all": {}, "channel": {Channel: "small"}, "product": {ProductID: "OFFI7"}, "both": {Channel: "default", ProductID: "OFFI7"}, "empty": {Channel: "empty"}} {
		for _, month := range []int{0, 1} {
			// The rows of the month: some 4500 terms, 960 changes of three sorts with their
			// instances, 1000 notices with theirs, and what is planned, six times.
			r := planner(t, s, fmt.Sprintf("calendar %s %d", name, month), 90000)
			days := store.MonthOf(now.Year(), now.Month()+time.Month(month), zone)
			counts, err := r.Calendar(ctx, f, days, rules)
			require.NoError(t, err)
			require.Len(t, counts, len(days))
		}
		r := planner(t, s, "day "+name, 3000)
		day := store.DayOf(now.Year(), now.Month(), now.Day(), zone)
		for _, what := range []string{store.DayExpiring, store.DayRenewed, store.DayFrozen, store.DayReleased, store.DayPlanned} {
			_, err := r.CalendarDay(ctx, f, day, what, rules, store.Paging{})
			require.NoError(t, err)
		}
		for _, what := range []string{store.DaySent, store.DayHeld} {
			_, err := r.CalendarNotices(ctx, f, day, what, store.Paging{})
			require.NoError(t, err)
		}
	}
}
