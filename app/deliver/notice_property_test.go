package deliver_test

import (
	"context"
	"flag"
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
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/seal"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// world plays one life against both.
type world struct {
	t       *rapid.T
	keys    *seal.Keyring
	s       *store.Store
	d       *deliver.Deliverer
	channel int64
	set     func(time.Time)
	now     time.Time
	seen    time.Time // by the clock's last run
	zone    *time.Location
	all     []*mirror
	sent    []letter
	mail    *carrier
	sms     *carrier
	fate    func() fate
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
	m := &mirror{status: market.Active, changed: true, told: map[letter]time.Time{}, happened: map[string]bool{}}
	id, mail, number := uuid.NewString(), address, ""
	if len(w.all)%2 == 1 {
		mail, number = "", phone
	}
	known := func(s string) any { // none is NULL
		if s == "" {
			return nil
		}
		return w.keys.SealString(seal.Customer, s)
	}
	require.NoError(w.t, w.s.SQL().QueryRow(`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, provisioned_at, email_sealed, phone_sealed, email_bidx, phone_bidx, charging_mode)
VALUES ($1, $2, $2, $2, $2, 'active', now(), $3, $4, $5, $6, '')
RETURNING id`, w.channel, id, known(mail), known(number), w.keys.Index(mail), w.keys.Index(number)).Scan(&m.pk))
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
		m.renewed = append(m.renewed, at)
	}
	m.drop(func(l letter) bool { return l.expiry != 0 && l.expiry != at.Unix() })
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
	m.drop(func(l letter) bool { return l.kind == market.WasFrozen || l.kind == market.WasUnfrozen })
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
	setBack := w.now.Before(w.seen)
	w.seen = w.now
	for _, m := range w.all {
		if setBack {
			m.again(w.now)
		}
		m.look(w.now, market.ExpiryDays(), w.zone)
	}
	if !working {
		return
	}
	fates := map[letter][]fate{}
	for _, id := range w.waiting() {
		f := w.fate()
		w.mail.next, w.sms.next = f, f
		task, ok, err := w.s.Claim(ctx, id, time.Minute)
		require.NoError(w.t, err)
		require.True(w.t, ok, "task %d is not due", id)
		w.try(task)
		if w.mail.next == "" || w.sms.next == "" { // it was handed over
			l := w.letters(`id = $1`, task.DeliveryID)[0]
			fates[l] = append(fates[l], f)
		}
	}
	for _, m := range w.all {
		w.sent = append(w.sent, m.work(w.now, fates)...)
	}
}

// try does a task as a worker does it. One that dies writes nothing, and its lease
// ends.
func (w *world) try(task outbox.Task) {
	w.t.Helper()
	ctx := context.Background()
	died, cause := w.deliver(task)
	if died {
		_, err := w.s.SQL().Exec(`UPDATE tasks SET leased_until = now() - interval '1 second' WHERE id = $1`, task.ID)
		require.NoError(w.t, err)
		_, err = w.s.Recover(ctx)
		require.NoError(w.t, err)
		return
	}
	if cause == nil {
		return
	}
	final := fault.From(cause).Retry.Never
	require.NoError(w.t, w.s.Write(ctx, func(tx *store.Tx) error {
		retry := tx.Now
		if final {
			retry = time.Time{}
		}
		if err := tx.Fail(ctx, task, cause, retry); err != nil {
			return err
		}
		return w.d.OnFail(ctx, tx, task, cause, final)
	}))
}

func (w *world) deliver(task outbox.Task) (dies bool, cause error) {
	defer func() {
		if r := recover(); r != nil {
			_, dies = r.(died)
			require.True(w.t, dies, r)
		}
	}()
	return false, w.d.Deliver(context.Background(), task)
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

// got are the letters that the other side has, each as often as it has it.
func (w *world) got() (out []letter) {
	w.t.Helper()
	for _, id := range slices.Concat(w.mail.got, w.sms.got) {
		out = append(out, w.letters(`id = $1`, id)...)
	}
	return out
}

func (w *world) letters(where string, args ...any) (out []letter) {
	w.t.Helper()
	rows, err := w.s.SQL().Query(`
SELECT instance_pk, kind, COALESCE(days, 0), COALESCE(extract(epoch FROM about_expiry)::bigint, 0)
  FROM deliveries
 WHERE `+where, args...)
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
// directions, times in which nobody ran the clock or no worker worked, hand-overs
// that fail or whose answer is lost, and processes that die before a message leaves
// and after it, the other side has what the rules say, by mail and by SMS, each
// once. What nobody saw the end of is shown as unknown.
func TestNoticesAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	s, set := clocked(t)
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	byMail, bySMS := &carrier{medium: "smtp"}, &carrier{medium: "huawei"}
	d, err := deliver.New(deliver.Options{Store: s, Email: byMail, SMS: bySMS, Domain: "seller.test", Zone: zone, Log: log})
	require.NoError(t, err)
	channel := storetest.Channel(t, s, "default", "").ID
	_, err = s.SQL().Exec(`INSERT INTO products (channel_id, product_id, driver, settings) VALUES ($1, '*', 'manual', '{"daily_cap":-1,"quiet_hours":"none"}')`, channel)
	require.NoError(t, err)
	kinds, fates := map[string]int{}, map[fate]int{}
	began, lives := time.Now(), 0
	every := []string{market.ExpiryNotice, market.WasFrozen, market.WasUnfrozen, market.WasRenewed, market.WasReleased}
	unseen := func(kind string) bool { return kinds[kind] == 0 }
	bounded := true // unless somebody asks for so many
	flag.Visit(func(f *flag.Flag) { bounded = bounded && f.Name != "rapid.checks" })
	rapid.Check(t, func(r *rapid.T) {
		if bounded && time.Since(began) > 15*time.Second && lives >= 10 && !slices.ContainsFunc(every, unseen) {
			return // however slow the machine is
		}
		lives++
		byMail.got, bySMS.got = nil, nil
		w := &world{t: r, keys: storetest.Keys(t), s: s, d: d, channel: channel, set: set, zone: zone, mail: byMail, sms: bySMS, now: time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)}
		w.fate = func() fate {
			f := rapid.SampledFrom([]fate{well, well, well, well, refused, unheard, early, late}).Draw(r, "fate")
			fates[f]++
			return f
		}
		_, err := s.SQL().Exec(`
UPDATE instances SET status = 'released', released_at = now(), notice_at = NULL;
DELETE FROM notice_clock;
UPDATE instance_events SET notice = NULL WHERE notice IS NOT NULL;
UPDATE tasks SET status = 'cancelled' WHERE status = 'pending'`)
		require.NoError(r, err)
		w.play(r)
		got := w.got()
		require.Equal(r, inOrder(w.sent), inOrder(got))
		for _, l := range got {
			kinds[l.kind]++
		}
		unknown := w.letters(`outcome = 'unknown' AND status NOT IN ('failed', 'cancelled')`)
		require.Empty(r, unknown, "what nobody saw the end of is shown, and not tried again")
	})
	t.Logf("%d lives, sent: %v, hand-overs: %v", lives, kinds, fates)
	require.Len(t, fates, 5)
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
			w.now = w.now.Add(-minutes(12*24*60, "clock goes back"))
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
