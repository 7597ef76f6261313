package deliver_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/sms"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/seal"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// clocked is a store whose database has a clock that the test sets: a function
// now() of its own, found before PostgreSQL's. Everything that the program asks
// of the time, in whatever statement, is answered by it.
func clocked(t *testing.T) (*store.Store, func(time.Time)) {
	t.Helper()
	u, err := url.Parse(storetest.URL(t))
	require.NoError(t, err)
	db, err := sql.Open("postgres", u.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	storetest.Alter(t, db, `
CREATE SCHEMA clock;
CREATE TABLE clock.moment (at timestamptz NOT NULL);
INSERT INTO clock.moment VALUES (pg_catalog.now());
CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM clock.moment'`, `DROP SCHEMA clock CASCADE`)
	q := u.Query()
	q.Set("search_path", "clock,public,pg_catalog")
	u.RawQuery = q.Encode()
	s, err := store.Open(context.Background(), u.String(), storetest.Keys(t), store.Options{MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, func(at time.Time) {
		_, err := db.Exec(`UPDATE clock.moment SET at = $1`, at)
		require.NoError(t, err)
	}
}

// desk is a deliverer on a database whose clock the test sets.
type desk struct {
	t       *testing.T
	s       *store.Store
	d       *deliver.Deliverer
	set     func(time.Time)
	now     time.Time
	channel int64
}

func openDesk(t *testing.T, settings string) *desk {
	t.Helper()
	s, set := clocked(t)
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	d, err := deliver.New(deliver.Options{Store: s, Email: email.None{}, SMS: sms.Log{Log: log}, Domain: "seller.test", Zone: zone, Log: log})
	require.NoError(t, err)
	k := &desk{t: t, s: s, d: d, set: set, channel: storetest.Channel(t, s, "default", "").ID}
	k.at(time.Date(2027, 3, 1, 2, 0, 0, 0, time.UTC)) // ten in the morning
	_, err = s.SQL().Exec(`INSERT INTO products (channel_id, product_id, driver, settings) VALUES ($1, '*', 'manual', $2)`, k.channel, settings)
	require.NoError(t, err)
	return k
}

func (k *desk) at(t time.Time) { k.now = t; k.set(t) }

// instance makes one whose expiry is so far away.
func (k *desk) instance(customer, mail, phone string, left time.Duration) (pk int64, id string) {
	k.t.Helper()
	ctx := context.Background()
	keys := storetest.Keys(k.t)
	id = uuid.NewString()
	var sealedMail, sealedPhone []byte
	if mail != "" {
		sealedMail = keys.SealString(seal.Customer, mail)
	}
	if phone != "" {
		sealedPhone = keys.SealString(seal.Customer, phone)
	}
	require.NoError(k.t, k.s.SQL().QueryRow(`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, provisioned_at, customer_id, email_sealed, phone_sealed, access_version, email_bidx, phone_bidx)
VALUES ($1, $2, $2, $2, $2, 'active', now(), $3, $4, $5, 1, $6, $7)
RETURNING id`, k.channel, id, customer, sealedMail, sealedPhone,
		keys.Index(market.FoldEmail(mail)), keys.Index(market.FoldPhone(phone))).Scan(&pk))
	require.NoError(k.t, k.s.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		return tx.SaveState(ctx, i, i.SetExpiry(k.now.Add(left)), store.Origin{})
	}))
	return pk, id
}

// run lets the clock and then the workers do what is due.
func (k *desk) run() {
	k.t.Helper()
	ctx := context.Background()
	require.NoError(k.t, k.d.Schedule(ctx))
	var ids []int64
	_, err := k.s.Relay(ctx, []string{string(outbox.Notice), string(outbox.Deliver)}, 1000, func(due []store.Due) (taken []int64, err error) {
		for _, d := range due {
			ids = append(ids, d.ID)
		}
		return ids, nil
	})
	require.NoError(k.t, err)
	for _, id := range ids {
		task, ok, err := k.s.Claim(ctx, id, time.Minute)
		require.NoError(k.t, err)
		require.True(k.t, ok)
		require.NoError(k.t, k.d.Deliver(ctx, task))
	}
}

// notices are the deliveries so far: kind, days, status and what holds them.
func (k *desk) notices(pk int64) (out []string) {
	k.t.Helper()
	rows, err := k.s.SQL().Query(`
SELECT kind, COALESCE(days::text, ''), medium, status, held_why, COALESCE(to_char(held_until AT TIME ZONE 'Asia/Shanghai', 'DD HH24:MI'), '')
  FROM deliveries
 WHERE instance_pk = $1
 ORDER BY id`, pk)
	require.NoError(k.t, err)
	defer rows.Close()
	for rows.Next() {
		var f [6]string
		require.NoError(k.t, rows.Scan(&f[0], &f[1], &f[2], &f[3], &f[4], &f[5]))
		out = append(out, fmt.Sprintf("%s %s %s %s %s %s", f[0], f[1], f[2], f[3], f[4], f[5]))
	}
	require.NoError(k.t, rows.Err())
	return out
}

const day = 24 * time.Hour

func TestAnSMSWaitsForTheMorning(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{}`)
	text, _ := k.instance("c1", "", "+8613800000000", 9*day)
	mail, _ := k.instance("c2", "ann@example.com", "", 9*day)
	k.run()
	require.Empty(t, k.notices(text), "the moments before the expiry was known are not told")
	k.at(k.now.Add(2*day + 12*time.Hour)) // ten in the evening
	k.run()
	require.Equal(t, []string{"expiry_notice 7 sms pending quiet_hours 04 09:00"}, k.notices(text))
	require.Equal(t, []string{"expiry_notice 7 email succeeded  "}, k.notices(mail))
	k.run()
	require.Equal(t, []string{"expiry_notice 7 sms pending quiet_hours 04 09:00"}, k.notices(text))
	k.at(k.now.Add(11 * time.Hour))
	k.run()
	require.Equal(t, []string{"expiry_notice 7 sms succeeded  "}, k.notices(text))
}

func TestACustomerIsNotFloodedInOneDay(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"daily_cap":2,"quiet_hours":"none"}`)
	var pks []int64
	for range 3 {
		pk, _ := k.instance("c1", "ann@example.com", "", 8*day)
		pks = append(pks, pk)
	}
	other, _ := k.instance("c2", "bob@example.com", "", 8*day)
	k.at(k.now.Add(day))
	k.run()
	require.Equal(t, []string{"expiry_notice 7 email succeeded  "}, k.notices(pks[0]))
	require.Equal(t, []string{"expiry_notice 7 email succeeded  "}, k.notices(pks[1]))
	require.Equal(t, []string{"expiry_notice 7 email pending daily_cap 03 00:00"}, k.notices(pks[2]))
	require.Equal(t, []string{"expiry_notice 7 email succeeded  "}, k.notices(other), "the number is each customer's own")
	k.at(k.now.Add(15 * time.Hour))
	k.run()
	require.Equal(t, []string{"expiry_notice 7 email succeeded  "}, k.notices(pks[2]))
}

func TestWhatIsSwitchedOffIsNotSent(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"notices_off":["frozen"],"expiry_days":[5,2]}`)
	ctx := context.Background()
	pk, _ := k.instance("c1", "ann@example.com", "", 10*day)
	deaf, id := k.instance("c2", "bob@example.com", "", 10*day)
	require.NoError(t, k.d.SetWishes(ctx, id, store.Wishes{Off: []string{market.ExpiryNotice}}, ann))
	k.run()
	k.at(k.now.Add(5 * day))
	k.run()
	require.Equal(t, []string{"expiry_notice 5 email succeeded  "}, k.notices(pk))
	require.Empty(t, k.notices(deaf))
	for _, p := range []int64{pk, deaf} {
		require.NoError(t, k.s.Write(ctx, func(tx *store.Tx) error {
			i, err := tx.LockInstancePK(ctx, p)
			if err != nil {
				return err
			}
			return tx.SaveState(ctx, i, i.Freeze(tx.Now), store.Origin{})
		}))
	}
	k.run()
	require.Len(t, k.notices(pk), 1, "frozen is off for the product")
	require.Empty(t, k.notices(deaf))
	err := k.d.SetWishes(ctx, id, store.Wishes{Zone: "Mars/Olympus"}, ann)
	require.ErrorContains(t, err, "bad_zone")
	err = k.d.SetWishes(ctx, id, store.Wishes{Off: []string{"all"}}, ann)
	require.ErrorContains(t, err, "kind_unknown")
}

func TestAProductsNewDaysCountForWhatIsThere(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"expiry_days":[1]}`)
	ctx := context.Background()
	pk, id := k.instance("c1", "ann@example.com", "", 20*day)
	k.run()
	n, err := k.d.NoticesOf(ctx, id)
	require.NoError(t, err)
	require.Equal(t, 1, n.Next.Days)
	require.True(t, n.Next.At.Equal(k.now.Add(19*day)), n.Next.At)
	require.NoError(t, k.s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.SetProduct(ctx, store.Product{ChannelID: k.channel, ProductID: "*", Driver: "manual", MailLanguage: "en",
			Settings: store.ProductSettings{ExpiryDays: []int{10, 1}}})
		return err
	}))
	k.run()
	k.at(k.now.Add(10 * day))
	k.run()
	require.Equal(t, []string{"expiry_notice 10 email succeeded  "}, k.notices(pk))
}

func TestUsageInformationIsSentOnRequest(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"notices_off":["usage_info"]}`)
	ctx := context.Background()
	pk, id := k.instance("c1", "ann@example.com", "", 20*day)
	require.NoError(t, k.d.TellAgain(ctx, id, ann))
	require.NoError(t, k.d.TellAgain(ctx, id, ann))
	k.run()
	require.Equal(t, []string{"usage_info  email cancelled  ", "usage_info  email succeeded  "}, k.notices(pk))
	mute, id := k.instance("c3", "", "", 20*day)
	require.ErrorContains(t, k.d.TellAgain(ctx, id, ann), "no_address")
	require.Empty(t, k.notices(mute))
}
