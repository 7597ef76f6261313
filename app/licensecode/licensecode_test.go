package licensecode_test

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/licensecode"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

const code = "PL8765abcd4321wxyz"

// shop is a marketplace that counts its questions and can be told to fail.
type shop struct {
	asked   atomic.Int64
	fail    atomic.Pointer[fault.Error]
	info    market.CodeInfo
	usage   [][]marketapi.LicenseUsage
	refused []string      // codes whose reports are not accepted
	entered chan struct{} // when not nil: told of each question, which then waits for goOn
	goOn    chan struct{}
}

func (s *shop) answer() (market.CodeInfo, []byte, error) {
	s.asked.Add(1)
	if s.entered != nil {
		s.entered <- struct{}{}
		<-s.goOn
	}
	if f := s.fail.Load(); f != nil {
		return market.CodeInfo{}, nil, f
	}
	return s.info, []byte(`{"error_code":"92020000"}`), nil
}

func (s *shop) ActivateLicense(context.Context, string, marketapi.Credentials, string, time.Time) (market.CodeInfo, []byte, error) {
	return s.answer()
}

func (s *shop) QueryLicense(context.Context, string, marketapi.Credentials, string) (market.CodeInfo, []byte, error) {
	return s.answer()
}

func (s *shop) ReportUsage(_ context.Context, _ string, _ marketapi.Credentials, u []marketapi.LicenseUsage) ([]string, error) {
	if f := s.fail.Load(); f != nil {
		return nil, f
	}
	s.usage = append(s.usage, u)
	return s.refused, nil
}

type desk struct {
	store *store.Store
	ch    *store.Channel
	shop  *shop
	codes *licensecode.Codes
	t     *testing.T
	now   atomic.Int64 // nanoseconds added to the clock
}

func open(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, store: storetest.Open(t), shop: &shop{info: market.CodeInfo{Status: market.CodeAlive, ExpireTime: time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second)}}}
	d.ch = storetest.Channel(t, d.store, "default", "")
	d.codes = licensecode.New(licensecode.Options{Store: d.store, Marketplace: d.shop, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now: func() time.Time { return time.Now().Add(time.Duration(d.now.Load())) }})
	return d
}

func (d *desk) count(query string) (n int) {
	d.t.Helper()
	require.NoError(d.t, d.store.SQL().QueryRow(query).Scan(&n))
	return n
}

// work claims and does every due task of a kind.
func (d *desk) work(kind outbox.Kind, run func(context.Context, outbox.Task) error) {
	d.t.Helper()
	for {
		var id int64
		if d.store.SQL().QueryRow(`SELECT id FROM tasks WHERE kind = $1 AND status = 'pending' ORDER BY id LIMIT 1`, string(kind)).Scan(&id) != nil {
			return
		}
		_, err := d.store.SQL().Exec(`UPDATE tasks SET run_at = now() WHERE id = $1`, id)
		require.NoError(d.t, err)
		task, ok, err := d.store.Claim(d.t.Context(), id, time.Minute)
		require.NoError(d.t, err)
		require.True(d.t, ok)
		require.NoError(d.t, run(d.t.Context(), task))
	}
}

func unavailable() *fault.Error { return fault.New(fault.Unavailable, "license_api.timeout") }

func TestAFreshCheckAsksNobodyAndTheNextDayAsksAgain(t *testing.T) {
	t.Parallel()
	d := open(t)
	for range 3 {
		told, err := d.codes.Check(t.Context(), "", code)
		require.NoError(t, err)
		require.True(t, told.Usable && told.Fresh)
	}
	require.EqualValues(t, 1, d.shop.asked.Load())
	d.now.Store(int64(25 * time.Hour))
	_, err := d.codes.Check(t.Context(), "", code)
	require.NoError(t, err)
	require.EqualValues(t, 2, d.shop.asked.Load())
}

func TestAMarketplaceThatDoesNotAnswerLeavesWhatWasKnown(t *testing.T) {
	t.Parallel()
	d := open(t)
	_, err := d.codes.Check(t.Context(), "", code)
	require.NoError(t, err)
	d.now.Store(int64(25 * time.Hour))
	d.shop.fail.Store(unavailable())
	told, err := d.codes.Check(t.Context(), "", code)
	require.NoError(t, err)
	require.True(t, told.Usable && told.Pending && !told.Fresh)
	require.Equal(t, "license_api.timeout", told.Trouble.Key)
	_, err = d.codes.Check(t.Context(), "", code)
	require.NoError(t, err)
	require.Equal(t, 1, d.count(`SELECT count(*) FROM tasks WHERE kind = 'license_query'`), "one question waits, however often it is asked")
	d.shop.fail.Store(nil)
	d.work(outbox.LicenseQuery, d.codes.Query)
	require.Equal(t, 1, d.count(`SELECT count(*) FROM license_codes WHERE last_error IS NULL`))

	d.shop.fail.Store(unavailable())
	_, err = d.codes.Check(t.Context(), "", "PLanother000000001")
	require.Equal(t, "license_api.timeout", fault.From(err).Key, "of an unknown code nothing can be told")
	require.Equal(t, 1, d.count(`SELECT count(*) FROM license_codes`))
}

func TestManyChecksAtOnceAreOneQuestion(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.shop.entered, d.shop.goOn = make(chan struct{}, 50), make(chan struct{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if told, err := d.codes.Check(t.Context(), "", code); err != nil || !told.Usable {
				t.Errorf("%v", err)
			}
		})
	}
	<-d.shop.entered
	close(d.shop.goOn)
	wg.Wait()
	require.Less(t, d.shop.asked.Load(), int64(20))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM license_codes`))
}

// A second press of a button is refused while the first is due or being done, and leaves
// nothing, also not in the audit trail.
func TestASecondQuestionOrActivationIsRefused(t *testing.T) {
	t.Parallel()
	d := open(t)
	_, err := d.codes.Check(t.Context(), "", code)
	require.NoError(t, err)
	for act, ask := range map[string]func(context.Context, int64, staff.Actor) error{staff.ActQueryCode: d.codes.AskQuery, staff.ActActivateCode: d.codes.AskActivate} {
		audited := func() int { return d.count(`SELECT count(*) FROM audit WHERE action = '` + act + `'`) }
		require.NoError(t, ask(t.Context(), 1, staff.CLI()))
		n := audited()
		require.Equal(t, "restart.under_way", fault.From(ask(t.Context(), 1, staff.CLI())).Key)
		_, err := d.store.SQL().Exec(`UPDATE tasks SET status = 'running', leased_until = now() + interval '1 hour'`)
		require.NoError(t, err)
		require.Equal(t, "restart.running", fault.From(ask(t.Context(), 1, staff.CLI())).Key)
		_, err = d.store.SQL().Exec(`UPDATE tasks SET status = 'failed', leased_until = NULL`)
		require.NoError(t, err)
		require.NoError(t, ask(t.Context(), 1, staff.CLI()))
		require.Equal(t, n+1, audited())
		_, err = d.store.SQL().Exec(`DELETE FROM tasks`)
		require.NoError(t, err)
	}
}

func TestAnActivationThatTimesOutGoesOnAsATask(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.shop.fail.Store(unavailable())
	for range 2 {
		told, err := d.codes.ActivateNow(t.Context(), "", code, time.Time{}, staff.CLI())
		require.NoError(t, err)
		require.True(t, told.Pending)
	}
	require.Equal(t, 1, d.count(`SELECT count(*) FROM tasks WHERE kind = 'license_activate'`))
	d.shop.fail.Store(nil)
	d.work(outbox.LicenseActivate, d.codes.Activate)
	require.Equal(t, 1, d.count(`SELECT count(*) FROM license_codes WHERE activated_at IS NOT NULL AND status = 'ALIVE'`))
	asked := d.shop.asked.Load()
	_, err := d.codes.ActivateNow(t.Context(), "", code, time.Time{}, staff.CLI())
	require.NoError(t, err)
	require.Equal(t, asked, d.shop.asked.Load(), "activated once is enough")
	require.GreaterOrEqual(t, d.count(`SELECT count(*) FROM audit WHERE action = 'license_code.activate'`), 2)
}

func TestTheDailyRefreshAsksOnceAboutEachCodeInUse(t *testing.T) {
	t.Parallel()
	d := open(t)
	for _, c := range []string{code, "PLanother000000001", "PLidle000000000001", "PLgone000000000001"} {
		_, err := d.codes.Check(t.Context(), "", c)
		require.NoError(t, err)
	}
	_, err := d.store.SQL().Exec(`UPDATE license_codes SET checked_at = now() - interval '2 days'`)
	require.NoError(t, err)
	_, err = d.store.SQL().Exec(`UPDATE license_codes SET used_at = now() - interval '60 days' WHERE id = 3`)
	require.NoError(t, err)
	_, err = d.store.SQL().Exec(`UPDATE license_codes SET released_at = now(), status = 'RELEASED' WHERE id = 4`)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 { // as many processes
		wg.Go(func() {
			if err := d.codes.Schedule(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, d.count(`SELECT count(*) FROM tasks WHERE kind = 'license_refresh'`))
	d.work(outbox.LicenseRefresh, d.codes.Refresh)
	require.Equal(t, 2, d.count(`SELECT count(*) FROM tasks WHERE kind = 'license_query' AND purpose = 'daily'`))
	asked := d.shop.asked.Load()
	d.work(outbox.LicenseQuery, d.codes.Query)
	require.Equal(t, asked+2, d.shop.asked.Load())
	require.NoError(t, d.codes.Schedule(t.Context()))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM tasks WHERE kind = 'license_refresh'`), "once a day")
}

func TestUsageGoesOutInBatchesAndARestartedTaskReportsTheSame(t *testing.T) {
	t.Parallel()
	d := open(t)
	_, err := d.codes.Check(t.Context(), "", code)
	require.NoError(t, err)
	var uses []licensecode.Use
	for i := range 250 {
		uses = append(uses, licensecode.Use{License: code, Account: "user-" + string(rune('a'+i%26)) + string(rune('a'+i/26))})
	}
	n, err := d.codes.ReportUse(t.Context(), "", uses, staff.CLI())
	require.NoError(t, err)
	require.Equal(t, 250, n.Accepted)
	require.Zero(t, d.count(`SELECT count(*) FROM license_usage u WHERE u::text LIKE '%user-%'`), "accounts are sealed")

	d.shop.fail.Store(unavailable())
	var id int64
	require.NoError(t, d.store.SQL().QueryRow(`UPDATE tasks SET run_at = now() WHERE kind = 'license_usage' RETURNING id`).Scan(&id))
	task, ok, err := d.store.Claim(t.Context(), id, time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
	require.Error(t, d.codes.Usage(t.Context(), task))
	require.Equal(t, 100, d.count(`SELECT count(*) FROM license_usage WHERE task_id IS NOT NULL AND reported_at IS NULL`))
	d.shop.fail.Store(nil)
	require.NoError(t, d.codes.Usage(t.Context(), task))
	d.work(outbox.LicenseUsage, d.codes.Usage)
	total := 0
	for _, batch := range d.shop.usage {
		require.LessOrEqual(t, len(batch), marketapi.MaxUsageCodes)
		for _, u := range batch {
			require.LessOrEqual(t, len(u.Records), marketapi.MaxUsageRecords)
			total += len(u.Records)
		}
	}
	require.Equal(t, 250, total)
	require.Len(t, d.shop.usage, 3)
	require.Zero(t, d.count(`SELECT count(*) FROM license_usage WHERE reported_at IS NULL`))
}

func TestUsageThatIsRefusedUnderASuccessfulAnswerIsAFailure(t *testing.T) {
	t.Parallel()
	d := open(t)
	const other = "ANOTHER-CODE-0000-wxyz"
	for _, c := range []string{code, other} {
		_, err := d.codes.Check(t.Context(), "", c)
		require.NoError(t, err)
	}
	_, err := d.codes.ReportUse(t.Context(), "", []licensecode.Use{{License: code, Account: "anna"}, {License: other, Account: "anna"}}, staff.CLI())
	require.NoError(t, err)
	d.shop.refused = []string{other}
	var id int64
	require.NoError(t, d.store.SQL().QueryRow(`UPDATE tasks SET run_at = now() WHERE kind = 'license_usage' RETURNING id`).Scan(&id))
	task, ok, err := d.store.Claim(t.Context(), id, time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
	f := fault.From(d.codes.Usage(t.Context(), task))
	require.NotNil(t, f, "nobody would see it")
	require.Equal(t, "license_usage.refused", f.Key)
	require.Equal(t, map[string]string{"refused": "1", "records": "2"}, f.Args)
	require.True(t, f.Retry.Never)
	require.Equal(t, 1, d.count(`SELECT count(*) FROM license_usage WHERE reported_at IS NULL`))

	d.shop.refused = nil
	require.NoError(t, d.codes.Usage(t.Context(), task))
	require.Len(t, d.shop.usage, 2)
	require.Equal(t, other, d.shop.usage[1][0].License)
	require.Len(t, d.shop.usage[1], 1, "only what was refused goes out again")
	require.Zero(t, d.count(`SELECT count(*) FROM license_usage WHERE reported_at IS NULL`))
}

func TestUsageThatNoTaskTookIsPickedUpByTheClock(t *testing.T) {
	t.Parallel()
	d := open(t)
	_, err := d.codes.Check(t.Context(), "", code)
	require.NoError(t, err)
	_, err = d.codes.ReportUse(t.Context(), "", []licensecode.Use{{License: code, Account: "anna"}}, staff.CLI())
	require.NoError(t, err)
	_, err = d.store.SQL().Exec(`UPDATE license_usage SET created_at = now() - interval '1 hour'`)
	require.NoError(t, err)
	_, err = d.store.SQL().Exec(`DELETE FROM tasks WHERE kind = 'license_usage'`)
	require.NoError(t, err)
	require.NoError(t, d.codes.Schedule(t.Context()))
	d.work(outbox.LicenseUsage, d.codes.Usage)
	require.Len(t, d.shop.usage, 1)
}

func TestRevealingACodeNeedsAReasonAndIsAudited(t *testing.T) {
	t.Parallel()
	d := open(t)
	_, err := d.codes.Check(t.Context(), "", code)
	require.NoError(t, err)
	_, err = d.codes.Reveal(t.Context(), 1, staff.CLI())
	require.Equal(t, "access.reason_missing", fault.From(err).Key)
	by := staff.CLI()
	by.Reason = "the customer lost it"
	got, err := d.codes.Reveal(t.Context(), 1, by)
	require.NoError(t, err)
	require.Equal(t, code, got)
	require.Equal(t, 1, d.count(`SELECT count(*) FROM audit WHERE action = 'license_code.reveal' AND reason = 'the customer lost it'`))
}
