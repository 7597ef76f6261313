package deliver_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/mail"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/deliver/sms"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/telemetry/logtest"
)

const (
	address  = "zhang@example.com"
	password = "Pa55&<w>\"ord'"
)

var ann = staff.Actor{Name: "operator:ann@example.com", Role: staff.Operator, Source: "operator", IP: "192.0.2.7"}

// post is everything that a test needs.
type post struct {
	t       testing.TB
	store   *store.Store
	channel *store.Channel
	smtp    *smtptest.Server
	d       *deliver.Deliverer
	log     *logtest.Buffer
	wakes   int
}

// open makes a deliverer with a real mail server, or without one.
func open(t testing.TB, withServer bool, change ...func(*email.Options)) *post {
	t.Helper()
	p := &post{t: t, store: storetest.Open(t), log: &logtest.Buffer{}}
	p.channel = storetest.Channel(t, p.store, "default", "")
	log := p.logger()
	var out deliver.Sender = email.None{}
	if withServer {
		p.smtp = smtptest.Start(t)
		out = mailer(t, p.smtp, change...)
	}
	var err error
	p.d, err = deliver.New(deliver.Options{Store: p.store, Email: out, SMS: sms.Log{Log: log}, Domain: "seller.test", Seller: "示例云",
		Zone: shanghai(t), Public: "https://seller.test/", Link: func(id string, n int) string { return fmt.Sprintf("https://seller.test/access/TOKEN-%s-%d?a&b", id, n) }, Log: log, Wake: func() { p.wakes++ }})
	require.NoError(t, err)
	return p
}

// mailer sends by a test's mail server.
func mailer(t testing.TB, server *smtptest.Server, change ...func(*email.Options)) *email.Sender {
	t.Helper()
	o, err := email.Parse(server.URL())
	require.NoError(t, err)
	o.From, o.RootCAs, o.Timeout = mail.Address{Name: "示例云", Address: "service@seller.test"}, server.CAs(), 20*time.Second
	for _, c := range change {
		c(&o)
	}
	s := email.New(o)
	t.Cleanup(s.Close)
	return s
}

func shanghai(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	return zone
}

func (p *post) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// write runs fn on the locked instance in a transaction.
func (p *post) write(pk int64, fn func(tx *store.Tx, i *store.Instance) error) {
	p.t.Helper()
	ctx := context.Background()
	require.NoError(p.t, p.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		return fn(tx, i)
	}))
}

// instance makes an active instance of a customer with these addresses.
func (p *post) instance(emailTo, phone string) int64 {
	p.t.Helper()
	ctx := context.Background()
	order := "CS" + uuid.NewString()[:8]
	c := market.Call{Protocol: market.V2, Activity: market.NewInstance, OrderID: order, OrderLineID: order + "-000001", BusinessID: uuid.NewString(),
		ContentHash: []byte(order)}
	taken, err := p.store.TakePurchase(ctx, store.Purchase{
		Arrival:  store.Arrival{Channel: p.channel.ID, Call: c, Key: c.IdempotencyKey(), ReceivedAt: time.Now(), Request: []byte("{}")},
		WantedID: c.BusinessID, SpareID: uuid.NewString(), Done: []byte(`{}`), Processing: []byte(`{}`)})
	require.NoError(p.t, err)
	task := p.claim(taken.TaskID)
	p.write(task.InstancePK, func(tx *store.Tx, i *store.Instance) error {
		i.ProductID, i.ProductName, i.CustomerName, i.Email, i.Phone = "OFFI1", "云协作 <Pro>", "hw-buyer", emailTo, phone
		if err := tx.SaveOrder(ctx, i, []byte("{}")); err != nil {
			return err
		}
		i.App = market.AppInfo{FrontEndURL: "https://app.example.com/?a=1&b=2", UserName: "admin", Password: password, Memo: "第一行\n第二行"}
		if err := tx.SaveAccess(ctx, i); err != nil {
			return err
		}
		changes := append(i.Provisioned(tx.Now), i.SetExpiry(time.Date(2027, 11, 21, 15, 59, 59, 0, time.UTC))...)
		if err := tx.SaveState(ctx, i, changes, store.Origin{}); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
	return task.InstancePK
}

// tell writes the delivery of an instance's usage information.
func (p *post) tell(pk int64, language string) {
	p.t.Helper()
	p.write(pk, func(tx *store.Tx, i *store.Instance) error {
		return p.d.UsageInfo(context.Background(), tx, i, &store.Product{MailLanguage: language}, 0)
	})
}

// told is an instance whose delivery is due, with that delivery's id.
func (p *post) told(emailTo, phone string) (pk, delivery int64) {
	p.t.Helper()
	pk = p.instance(emailTo, phone)
	p.tell(pk, "zh-CN")
	require.NoError(p.t, p.store.SQL().QueryRow(`SELECT max(id) FROM deliveries WHERE instance_pk = $1`, pk).Scan(&delivery))
	return pk, delivery
}

func (p *post) claim(id int64) outbox.Task {
	p.t.Helper()
	task, ok, err := p.store.Claim(context.Background(), id, time.Minute)
	require.NoError(p.t, err)
	require.True(p.t, ok, "task %d cannot be claimed", id)
	return task
}

// next claims the oldest waiting delivery task, due or not.
func (p *post) next() outbox.Task {
	p.t.Helper()
	var id int64
	require.NoError(p.t, p.store.SQL().QueryRow(`
UPDATE tasks SET run_at = now()
 WHERE id = (SELECT min(id) FROM tasks WHERE kind = 'deliver' AND status = 'pending')
RETURNING id`).Scan(&id))
	return p.claim(id)
}

// run does a task as a worker does it, with what follows from a failure.
func (p *post) run(task outbox.Task, last bool) error {
	p.t.Helper()
	ctx := context.Background()
	cause := p.d.Deliver(ctx, task)
	if cause == nil {
		return nil
	}
	if f := fault.From(cause); f.Retry.Free {
		require.NoError(p.t, p.store.Write(ctx, func(tx *store.Tx) error { return tx.Postpone(ctx, task, f, tx.Now) }))
		return cause
	}
	final := last || fault.From(cause).Retry.Never
	require.NoError(p.t, p.store.Write(ctx, func(tx *store.Tx) error {
		retry := tx.Now.Add(time.Second)
		if final {
			retry = time.Time{}
		}
		if err := tx.Fail(ctx, task, cause, retry); err != nil {
			return err
		}
		return p.d.OnFail(ctx, tx, task, cause, final)
	}))
	return cause
}

func (p *post) delivery(id int64) *store.Delivery {
	p.t.Helper()
	d, err := p.store.Reader().Delivery(context.Background(), id)
	require.NoError(p.t, err)
	return d
}

// text is one value of the database.
func (p *post) text(query string, args ...any) string {
	p.t.Helper()
	var s string
	require.NoError(p.t, p.store.SQL().QueryRow(query, args...).Scan(&s))
	return s
}

func (p *post) count(query string, args ...any) int {
	p.t.Helper()
	var n int
	require.NoError(p.t, p.store.SQL().QueryRow(query, args...).Scan(&n))
	return n
}

func (p *post) arrived(n int) []smtptest.Message {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	got, err := p.smtp.Wait(ctx, n)
	require.NoError(p.t, err, fmt.Sprintf("%d of %d mails", len(got), n))
	require.Len(p.t, got, n)
	return got
}
