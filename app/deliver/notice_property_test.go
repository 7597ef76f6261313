package deliver_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/sms"
	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
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
	looked   time.Time // when its days were looked at last
	changed  bool      // since then
	told     map[int64]int
	renewed  time.Time // of the newest renewal that was not looked at
	happened map[string]bool
	renewals map[int64]bool
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
	if m.happened[market.WasRenewed] && m.status != market.Released && m.renewed.Equal(m.expiry) && !m.renewals[m.expiry.Unix()] {
		m.renewals[m.expiry.Unix()] = true
		m.queue = append(m.queue, letter{m.pk, market.WasRenewed, 0, m.expiry.Unix()})
	}
	m.happened = map[string]bool{}
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
	told, any := m.told[m.expiry.Unix()]
	if nearest < 0 || m.status != market.Active || !now.Before(m.expiry.Add(24*time.Hour)) || any && told <= nearest {
		return
	}
	m.told[m.expiry.Unix()] = nearest
	m.queue = append(m.queue, letter{m.pk, market.ExpiryNotice, nearest, m.expiry.Unix()})
}

// work is what workers make of the queue: only what is still true is sent.
func (m *mirror) work(now time.Time) (sent []letter) {
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
		if ok {
			sent = append(sent, l)
		}
	}
	m.queue = nil
	return sent
}

// world plays one life against both.
type world struct {
	t       *testing.T
	s       *store.Store
	d       *deliver.Deliverer
	channel int64
	set     func(time.Time)
	now     time.Time
	zone    *time.Location
	all     []*mirror
	sent    []letter
}

func (w *world) write(m *mirror, change func(i *store.Instance) []market.Change) {
	w.t.Helper()
	ctx := context.Background()
	require.NoError(w.t, w.s.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, m.pk)
		if err != nil {
			return err
		}
		changes := change(i)
		if i.Status == market.Released {
			if err := tx.EndWork(ctx, i.PK, "test"); err != nil {
				return err
			}
		}
		return tx.SaveState(ctx, i, changes, store.Origin{})
	}))
}

func (w *world) born() {
	w.t.Helper()
	m := &mirror{status: market.Active, changed: true, told: map[int64]int{}, happened: map[string]bool{}, renewals: map[int64]bool{}}
	id := uuid.NewString()
	require.NoError(w.t, w.s.SQL().QueryRow(`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, provisioned_at, email_sealed, charging_mode)
VALUES ($1, $2, $2, $2, $2, 'active', now(), $3, '')
RETURNING id`, w.channel, id, storetest.Keys(w.t).SealString(seal.Customer, address)).Scan(&m.pk))
	w.all = append(w.all, m)
}

func (w *world) expire(m *mirror, at time.Time) {
	before := m.expiry
	if m.status == market.Released || before.Equal(at) {
		return
	}
	w.write(m, func(i *store.Instance) []market.Change { return i.SetExpiry(at) })
	m.expiry, m.since, m.changed = at, w.now, true
	if !before.IsZero() && at.After(before) {
		m.happened[market.WasRenewed], m.renewed = true, at
	}
	m.queue = slices.DeleteFunc(m.queue, func(l letter) bool { return l.expiry != 0 && l.expiry != at.Unix() })
}

func (w *world) turn(m *mirror, to market.InstanceStatus) {
	if m.status == market.Released || m.status == to {
		return
	}
	w.write(m, func(i *store.Instance) []market.Change {
		return i.On(map[market.InstanceStatus]market.Event{market.Active: market.UnfreezeCame, market.Frozen: market.FreezeCame,
			market.Released: market.ReleaseCame}[to], w.now)
	})
	m.status, m.changed = to, true
	m.happened[map[market.InstanceStatus]string{market.Active: market.WasUnfrozen, market.Frozen: market.WasFrozen, market.Released: market.WasReleased}[to]] = true
	if to == market.Released {
		m.queue = nil
	}
}

// schedule runs the clock on both sides, and the workers unless they are down.
func (w *world) schedule(working bool) {
	w.t.Helper()
	ctx := context.Background()
	require.NoError(w.t, w.d.Schedule(ctx))
	for _, m := range w.all {
		m.look(w.now, market.ExpiryDays(), w.zone)
	}
	if !working {
		return
	}
	for _, id := range w.waiting() {
		task, ok, err := w.s.Claim(ctx, id, time.Minute)
		require.NoError(w.t, err)
		require.True(w.t, ok || w.late(id), "task %d is not due", id)
		if ok {
			require.NoError(w.t, w.d.Deliver(ctx, task))
		}
	}
	for _, m := range w.all {
		w.sent = append(w.sent, m.work(w.now)...)
	}
}

// waiting are the notices' tasks that are to be done, in their order.
func (w *world) waiting() (ids []int64) {
	w.t.Helper()
	rows, err := w.s.SQL().Query(`SELECT id FROM tasks WHERE kind = 'notice' AND status = 'pending' ORDER BY id`)
	require.NoError(w.t, err)
	defer rows.Close() //nolint:errcheck // read to its end below
	for rows.Next() {
		var id int64
		require.NoError(w.t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(w.t, rows.Err())
	return ids
}

// late makes a task due that a clock going backwards has put into the future.
func (w *world) late(id int64) bool {
	ctx := context.Background()
	_, err := w.s.SQL().Exec(`UPDATE tasks SET run_at = now() WHERE id = $1`, id)
	require.NoError(w.t, err)
	task, ok, err := w.s.Claim(ctx, id, time.Minute)
	require.NoError(w.t, err)
	require.NoError(w.t, w.d.Deliver(ctx, task))
	return ok
}

func (w *world) got() (out []letter) {
	w.t.Helper()
	for _, m := range w.all {
		out = append(out, w.lettersOf(m.pk)...)
	}
	return out
}

func (w *world) lettersOf(pk int64) (out []letter) {
	w.t.Helper()
	rows, err := w.s.SQL().Query(`
SELECT instance_pk, kind, COALESCE(days, 0), COALESCE(extract(epoch FROM about_expiry)::bigint, 0)
  FROM deliveries
 WHERE instance_pk = $1
   AND status = 'succeeded'`, pk)
	require.NoError(w.t, err)
	defer rows.Close() //nolint:errcheck // read to its end below
	for rows.Next() {
		var l letter
		require.NoError(w.t, rows.Scan(&l.instance, &l.kind, &l.days, &l.expiry))
		out = append(out, l)
	}
	require.NoError(w.t, rows.Err())
	return out
}

func inOrder(l []letter) []string {
	out := make([]string, len(l))
	for n, x := range l {
		out[n] = fmt.Sprintf("%d %s %d %d", x.instance, x.kind, x.days, x.expiry)
	}
	slices.Sort(out)
	return out
}

// Over random expiries, renewals, freezes, releases, clock jumps in both
// directions, and times in which nobody ran the clock or no worker worked, what
// was sent is what the rules say, each once.
func TestNoticesAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	s, set := clocked(t)
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	d, err := deliver.New(deliver.Options{Store: s, Email: email.None{}, SMS: sms.Log{Log: log}, Domain: "seller.test", Zone: zone, Log: log})
	require.NoError(t, err)
	channel := storetest.Channel(t, s, "default", "").ID
	_, err = s.SQL().Exec(`INSERT INTO products (channel_id, product_id, driver, settings) VALUES ($1, '*', 'manual', '{"daily_cap":-1}')`, channel)
	require.NoError(t, err)
	kinds := map[string]int{}
	began, lives := time.Now(), 0
	every := []string{market.ExpiryNotice, market.WasFrozen, market.WasUnfrozen, market.WasRenewed, market.WasReleased}
	unseen := func(kind string) bool { return kinds[kind] == 0 }
	rapid.Check(t, func(r *rapid.T) {
		if time.Since(began) > 15*time.Second && lives >= 10 && !slices.ContainsFunc(every, unseen) {
			return // however slow the machine is
		}
		lives++
		w := &world{t: t, s: s, d: d, channel: channel, set: set, zone: zone, now: time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)}
		w.play(r)
		got := w.got()
		require.Equal(t, inOrder(w.sent), inOrder(got))
		for _, l := range got {
			kinds[l.kind]++
		}
		_, err := s.SQL().Exec(`
UPDATE instances SET notice_at = NULL;
UPDATE instance_events SET notice = NULL WHERE notice IS NOT NULL;
UPDATE tasks SET status = 'cancelled' WHERE status = 'pending'`)
		require.NoError(t, err)
	})
	t.Logf("%d lives, sent: %v", lives, kinds)
	for _, k := range every {
		require.NotZero(t, kinds[k], "no life had a notice %q", k)
	}
}

func (w *world) play(r *rapid.T) {
	w.set(w.now)
	for range rapid.IntRange(1, 3).Draw(r, "instances") {
		w.born()
	}
	minutes := func(most int, name string) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(r, name)) * time.Minute
	}
	ahead := func(name string) time.Time {
		days := rapid.SampledFrom([]int{9, 17, 33, 5, 2, 50, 0}).Draw(r, name)
		at := w.now.Add(time.Duration(days)*24*time.Hour + minutes(24*60, "and minutes"))
		if rapid.Bool().Draw(r, "with the end of a day") { // as KooGallery's do
			y, month, day := at.In(w.zone).Date()
			return time.Date(y, month, day, 23, 59, 59, 0, w.zone)
		}
		return at
	}
	for _, m := range w.all {
		w.expire(m, ahead("expires in"))
	}
	for range rapid.IntRange(8, 25).Draw(r, "steps") {
		m := w.all[rapid.IntRange(0, len(w.all)-1).Draw(r, "whose")]
		switch rapid.IntRange(0, 15).Draw(r, "what") {
		case 0:
			w.expire(m, ahead("renewed for"))
		case 1:
			w.turn(m, market.Frozen)
		case 2, 3:
			w.turn(m, market.Active)
		case 4:
			if rapid.IntRange(0, 3).Draw(r, "release") == 0 {
				w.turn(m, market.Released)
			}
		case 5:
			w.now = w.now.Add(-minutes(3*24*60, "clock goes back"))
		case 6:
			w.now = w.now.Add(minutes(20*24*60, "clock jumps"))
		default:
			hours := rapid.SampledFrom([]int{30, 50, 100, 8, 0}).Draw(r, "hours pass")
			w.now = w.now.Add(time.Duration(hours)*time.Hour + minutes(60, "and minutes"))
			w.set(w.now)
			w.schedule(rapid.IntRange(0, 3).Draw(r, "workers") > 0)
		}
		w.set(w.now)
	}
	w.schedule(true)
}
