package intake_test

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

const someCode = "PL8765abcd4321wxyz"

func (d *desk) renewCode(code, scene, order, expires string) string {
	d.t.Helper()
	return d.send("activity", market.RefreshLicenseCode, "scene", scene, "orderId", order, "orderLineId", order+"-000001",
		"license", code, "expireTime", expires)["resultCode"].(string)
}

func (d *desk) codeStatus(code, target string) string {
	d.t.Helper()
	return d.send("activity", market.UpdateLicenseCodeStatus, "license", code, "status", target)["resultCode"].(string)
}

func (d *desk) releaseCode(code string) string {
	d.t.Helper()
	return d.send("activity", market.ReleaseLicenseCode, "license", code)["resultCode"].(string)
}

func (d *desk) theCode(code string) *store.LicenseCode {
	d.t.Helper()
	c, err := d.store.Reader().LicenseCode(context.Background(), d.channel.ID, code)
	require.NoError(d.t, err)
	return c
}

// verified makes a code look confirmed by the marketplace.
func (d *desk) verified(code string) {
	d.t.Helper()
	require.Equal(d.t, "000000", d.codeStatus(code, market.Unfreeze))
	d.exec(`UPDATE license_codes SET said = 'ALIVE', status = 'ALIVE'`)
	d.exec(`UPDATE tasks SET status = 'succeeded' WHERE kind = 'license_query'`)
}

func TestARenewalOfAnUnknownCodeIsTakenOverAndVerified(t *testing.T) {
	t.Parallel()
	d := open(t)
	require.Equal(t, "000000", d.renewCode(someCode, "RENEWAL", "R1", "20301124023618"))
	c := d.theCode(someCode)
	require.Equal(t, market.CodeUnverified, c.Status)
	require.Equal(t, time.Date(2030, 11, 24, 2, 36, 18, 0, time.UTC), c.ExpiresAt)
	require.Equal(t, "1", d.text(`SELECT count(*) FROM tasks WHERE kind = 'license_query' AND purpose = 'verify' AND license_code_id = `+strconv.FormatInt(c.ID, 10)))
	require.Equal(t, "processing", d.text(`SELECT status FROM messages`), "until the marketplace has confirmed it")
	require.Positive(t, d.woken)
}

// SECRET_KEY is changed: a code is found under the old one, a call about it is known
// again, and the channel's present key is still the present one.
func TestCodesAndTheirCallsAreKnownAfterARotationOfTheSecretKey(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	d := openOn(t, storetest.OpenAt(t, url))
	d.verified(someCode)
	require.Equal(t, "000000", d.renewCode(someCode, "RENEWAL", "R1", "20281124023618"))
	require.Equal(t, "000000", d.renewCode(someCode, "UNSUBSCRIBE_RENEWAL_PERIOD", "R2", "20271124023618"))
	was, messages := d.theCode(someCode), d.text(`SELECT count(*) FROM messages`)

	d = openOn(t, storetest.Rotated(t, url))
	require.Equal(t, "1", d.text(`SELECT count(*) FROM channel_keys`), "the same key again changes nothing")
	require.Equal(t, was.ID, d.theCode(someCode).ID)
	require.Equal(t, "000000", d.renewCode(someCode, "RENEWAL", "R1", "20281124023618"))
	require.Equal(t, was.ExpiresAt, d.theCode(someCode).ExpiresAt, "the old renewal, repeated late, does not come back")
	require.Equal(t, messages, d.text(`SELECT count(*) FROM messages`))
	require.Equal(t, "000000", d.releaseCode(someCode))
	require.Equal(t, "1", d.text(`SELECT count(*) FROM license_codes`))
}

func TestWithoutCredentialsAnUnknownCodeIsRefusedUntilTheyAreThere(t *testing.T) {
	t.Parallel()
	d := open(t)
	blind := *d.channel
	blind.AK, blind.SK = "", ""
	d.channel = &blind
	require.Equal(t, "000003", d.renewCode(someCode, "RENEWAL", "R1", "20301124023618"))
	require.Equal(t, "license_code.unknown_unasked", d.text(`SELECT last_error->>'key' FROM messages`))
	require.Equal(t, "0", d.text(`SELECT count(*) FROM license_codes`))
	seeing := blind
	seeing.AK, seeing.SK = "AK", "SK"
	d.channel = &seeing
	require.Equal(t, "000000", d.renewCode(someCode, "RENEWAL", "R1", "20301124023618"), "the marketplace's repeat is taken over")
	require.Equal(t, "applied", d.text(`SELECT disposition FROM attempts ORDER BY id DESC LIMIT 1`))
}

func TestACodeIsNowhereReadable(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.renewCode(someCode, "RENEWAL", "R1", "20301124023618")
	d.codeStatus(someCode, market.Freeze)
	d.releaseCode(someCode)
	for _, table := range []string{"messages", "attempts", "license_codes", "license_code_events", "tasks", "task_attempts"} {
		require.Equal(t, "0", d.text(`SELECT count(*) FROM `+table+` x WHERE x::text LIKE '%`+someCode+`%'`), table)
	}
	require.Equal(t, "PL••••wxyz", d.text(`SELECT code_mask FROM license_codes`))
}

func TestARepeatedRenewalChangesNothingAndAnotherContentIsAConflict(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.verified(someCode)
	require.Equal(t, "000000", d.renewCode(someCode, "RENEWAL", "R1", "20301124023618"))
	require.Equal(t, "000000", d.renewCode(someCode, "RENEWAL", "R1", "20301124023618"))
	require.Equal(t, "repeat", d.text(`SELECT disposition FROM attempts ORDER BY id DESC LIMIT 1`))
	require.Equal(t, "000000", d.renewCode(someCode, "RENEWAL", "R1", "20331124023618"), "the first answer")
	require.Equal(t, "conflict", d.text(`SELECT disposition FROM attempts ORDER BY id DESC LIMIT 1`))
	require.Equal(t, "2030", d.text(`SELECT to_char(expires_at, 'YYYY') FROM license_codes`))
	require.Equal(t, "000000", d.renewCode(someCode, "UNSUBSCRIBE_RENEWAL_PERIOD", "R1", "20291124023618"))
	require.Equal(t, "2029", d.text(`SELECT to_char(expires_at, 'YYYY') FROM license_codes`), "cancelling it is another message, and moves the end backwards")
	require.Equal(t, "2", d.text(`SELECT count(*) FROM license_code_events WHERE kind = 'renewed'`))
}

func TestFreezeAndUnfreezeOfACodeGoByItsState(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.verified(someCode)
	for range 2 {
		require.Equal(t, "000000", d.codeStatus(someCode, market.Freeze))
		require.Equal(t, market.CodeFrozen, d.theCode(someCode).Status)
		require.Equal(t, "000000", d.codeStatus(someCode, market.Freeze))
		require.Equal(t, "000000", d.codeStatus(someCode, market.Unfreeze))
		require.Equal(t, market.CodeAlive, d.theCode(someCode).Status)
	}
	require.Equal(t, "4", d.text(`SELECT count(*) FROM license_code_events WHERE kind = 'status'`))
	require.Equal(t, "2", d.text(`SELECT count(*) FROM messages`))
}

func TestAReleasedCodeStaysReleasedWhateverComesLate(t *testing.T) {
	t.Parallel()
	d := open(t)
	require.Equal(t, "000000", d.renewCode(someCode, "RENEWAL", "R0", "20301124023618"))
	require.Equal(t, "000000", d.releaseCode(someCode))
	require.Equal(t, "000000", d.releaseCode(someCode), "again is success")
	require.Equal(t, "000000", d.codeStatus(someCode, market.Freeze), "a freeze has nothing left to do")
	require.Equal(t, "000003", d.codeStatus(someCode, market.Unfreeze))
	require.Equal(t, "000003", d.renewCode(someCode, "RENEWAL", "R1", "20331124023618"))
	require.Equal(t, "000003", d.renewCode(someCode, "RENEWAL", "R1", "20331124023618"))
	require.Equal(t, market.CodeReleased, d.theCode(someCode).Status)
	require.Equal(t, "2", d.text(`SELECT count(*) FROM license_code_events WHERE kind = 'refused'`), "once per message")
	require.Equal(t, "cancelled", d.text(`SELECT status FROM tasks WHERE kind = 'license_query'`))
	require.Equal(t, "succeeded", d.text(`SELECT status FROM messages WHERE order_id = 'R0'`))
}

func TestAReleaseOfAnUnknownCodeLeavesATombstone(t *testing.T) {
	t.Parallel()
	d := open(t)
	require.Equal(t, "000000", d.releaseCode(someCode))
	require.Equal(t, "0", d.text(`SELECT count(*) FROM tasks`), "there is nothing to ask")
	require.Equal(t, "000003", d.renewCode(someCode, "RENEWAL", "R1", "20331124023618"))
}

func TestACodeBelongsToItsChannel(t *testing.T) {
	t.Parallel()
	d := open(t)
	require.Equal(t, "000000", d.renewCode(someCode, "RENEWAL", "R0", "20301124023618"))
	own := d.channel.ID
	mine := func() string {
		return d.text(`
SELECT concat_ws(E'\n', (SELECT string_agg(to_jsonb(c)::text, E'\n') FROM license_codes c WHERE channel_id = $1),
                      (SELECT string_agg(to_jsonb(e)::text, E'\n' ORDER BY e.id) FROM license_code_events e JOIN license_codes c ON c.id = e.code_id WHERE channel_id = $1),
                      (SELECT string_agg(to_jsonb(m)::text, E'\n' ORDER BY id) FROM messages m WHERE channel_id = $1))`, own)
	}
	before := mine()
	other := *d.channel
	other.ID += 1000
	_, err := d.store.SQL().Exec(`INSERT INTO channels (id, slug, site) OVERRIDING SYSTEM VALUE VALUES ($1, 'other', 'cn')`, other.ID)
	require.NoError(t, err)
	d.channel = &other
	for _, call := range []func() string{
		func() string { return d.renewCode(someCode, "RENEWAL", "R1", "20331124023618") },
		func() string { return d.codeStatus(someCode, market.Freeze) },
		func() string { return d.codeStatus(someCode, market.Unfreeze) },
		func() string { return d.releaseCode(someCode) },
	} {
		require.Equal(t, "000000", call(), "another channel's code of the same name, taken over as one that nobody has")
		require.Equal(t, before, mine())
	}
	require.Equal(t, "2", d.text(`SELECT count(*) FROM license_codes`))
}

func TestDebuggingCallsAboutCodesLeaveNoCode(t *testing.T) {
	t.Parallel()
	d := open(t)
	for range 2 {
		got := d.send("activity", market.RefreshLicenseCode, "scene", "RENEWAL", "orderId", "MOCKMONTYRENEW", "orderLineId", "MOCKMONTYRENEW-000001",
			"license", "any", "expireTime", "20301124023618", "testFlag", "1")
		require.Equal(t, "000000", got["resultCode"])
		require.Equal(t, "000000", d.send("activity", market.OrderNotify, "orderId", "MOCKPERIODYEARNEW", "orderLineId", "MOCKPERIODYEARNEW-000001", "testFlag", "1")["resultCode"])
	}
	require.Equal(t, "0", d.text(`SELECT (SELECT count(*) FROM license_codes) + (SELECT count(*) FROM orders) + (SELECT count(*) FROM tasks)`))
}

func TestAGivenUpVerificationBeginsAnewWithTheRepeat(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.codeStatus(someCode, market.Freeze)
	d.exec(`UPDATE tasks SET status = 'failed', last_error = '{"code":"refused","key":"license_api.no_such_code"}'`)
	d.exec(`UPDATE messages SET status = 'failed'`)
	require.Equal(t, "000000", d.codeStatus(someCode, market.Freeze))
	require.Equal(t, "pending", d.text(`SELECT status FROM tasks`))
	require.Equal(t, "1", d.text(`SELECT round FROM tasks`))
	require.Equal(t, "processing", d.text(`SELECT status FROM messages`))
}

func TestRestartOfALongFinishedFreezeOfACodeDoesNotFreezeAgain(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.verified(someCode)
	d.codeStatus(someCode, market.Freeze)
	d.codeStatus(someCode, market.Unfreeze)
	id, err := strconv.ParseInt(d.text(`SELECT id FROM messages WHERE idem_key LIKE '%FREEZE' AND idem_key NOT LIKE '%UNFREEZE'`), 10, 64)
	require.NoError(t, err)
	_, err = d.restartMessage(id, staff.CLI())
	require.NoError(t, err)
	require.Equal(t, market.CodeAlive, d.theCode(someCode).Status)
}

// fifty sends the same call fifty times at once and gives the different answers.
func (d *desk) fifty(fields map[string]string) []string {
	d.t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	answers := map[string]bool{}
	for range 50 {
		a := d.arrived(fields)
		wg.Go(func() {
			body, _, err := d.intake.Handle(context.Background(), a)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				d.t.Error(err)
				return
			}
			answers[string(body)] = true
		})
	}
	wg.Wait()
	var out []string
	for a := range answers {
		out = append(out, a)
	}
	return out
}

func TestFiftyDuplicatesAtOnceHaveOneEffect(t *testing.T) {
	t.Parallel()
	d := open(t)
	in := intake.New(intake.Options{Store: d.store, Lifecycle: d.life, Dialects: []intake.Dialect{dialect{}}, Wake: func() {}})
	d.intake = in
	require.Len(t, d.fifty(map[string]string{"activity": market.RefreshLicenseCode, "scene": "RENEWAL", "orderId": "R1", "orderLineId": "R1-000001",
		"license": someCode, "expireTime": "20301124023618"}), 1)
	require.Len(t, d.fifty(map[string]string{"activity": market.OrderNotify, "orderId": "O1", "orderLineId": "O1-000001"}), 1)
	require.Equal(t, "1", d.text(`SELECT count(*) FROM license_codes`))
	require.Equal(t, "1", d.text(`SELECT count(*) FROM license_code_events WHERE kind = 'renewed'`))
	require.Equal(t, "1", d.text(`SELECT count(*) FROM tasks WHERE kind = 'license_query'`))
	require.Equal(t, "1", d.text(`SELECT count(*) FROM orders`))
	require.Equal(t, "50", d.text(`SELECT notices FROM orders`))
	require.Equal(t, "1", d.text(`SELECT count(*) FROM tasks WHERE kind = 'order_notice'`))
	require.Equal(t, "100", d.text(`SELECT count(*) FROM attempts`))
	require.Equal(t, "2", d.text(`SELECT count(*) FROM messages`))
}

func TestDifferentCallsAboutOneUnknownCodeAtOnceMakeOneCode(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.intake = intake.New(intake.Options{Store: d.store, Lifecycle: d.life, Dialects: []intake.Dialect{dialect{}}, Wake: func() {}})
	var wg sync.WaitGroup
	for n := range 20 {
		fields := map[string]string{"activity": market.RefreshLicenseCode, "scene": "RENEWAL", "orderId": "R" + strconv.Itoa(n),
			"orderLineId": "L", "license": someCode, "expireTime": "20301124023618"}
		if n%2 == 1 {
			fields = map[string]string{"activity": market.UpdateLicenseCodeStatus, "license": someCode, "status": market.Freeze}
		}
		a := d.arrived(fields)
		wg.Go(func() {
			if _, code, err := d.intake.Handle(context.Background(), a); err != nil || code != market.Success {
				t.Errorf("%s %v", code, err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, "1", d.text(`SELECT count(*) FROM license_codes`))
	require.Equal(t, "1", d.text(`SELECT count(*) FROM license_code_events WHERE kind = 'taken_over'`))
	require.Equal(t, market.CodeFrozen, d.theCode(someCode).Status)
}

func TestAnOrderNoticeIsKeptWithItsQuestion(t *testing.T) {
	t.Parallel()
	d := open(t)
	notify := func() map[string]any {
		return d.send("activity", market.OrderNotify, "orderId", "O1", "orderLineId", "O1-000001", "testFlag", "0")
	}
	require.Equal(t, "000000", notify()["resultCode"])
	require.Equal(t, "pending", d.text(`SELECT state FROM orders WHERE order_line_id = 'O1-000001' AND source = 'notice'`))
	require.Equal(t, "processing", d.text(`SELECT status FROM messages`))
	require.Equal(t, "000000", notify()["resultCode"])
	require.Equal(t, "2", d.text(`SELECT notices FROM orders`))
	require.Equal(t, string(outbox.OrderNotice), d.text(`SELECT kind FROM tasks`))
	d.exec(`UPDATE tasks SET status = 'failed'`)
	d.exec(`UPDATE messages SET status = 'failed'`)
	require.Equal(t, "000000", notify()["resultCode"])
	require.Equal(t, "pending", d.text(`SELECT status FROM tasks`), "the marketplace's retry begins it anew")
	b, err := json.Marshal(notify())
	require.NoError(t, err)
	require.JSONEq(t, `{"resultCode":"000000","resultMsg":"success."}`, string(b))
}
