package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/event"
	"koodesk/app/i18n"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// hears subscribes addresses and tells each of something about an instance that
// there may be.
func (h *house) hears(name string, urls ...string) {
	h.t.Helper()
	ctx := context.Background()
	for n, url := range urls {
		_, _, err := h.events.AddTarget(ctx, event.Subscription{Channel: "default", Name: fmt.Sprint(name, n), URL: url, Enabled: true}, staff.CLI())
		require.NoError(h.t, err)
	}
	pk, _ := strconv.ParseInt(h.text(`SELECT COALESCE(min(id), 0) FROM instances`), 10, 64)
	require.NoError(h.t, h.store.Write(ctx, func(tx *store.Tx) error {
		return event.Emit(ctx, tx, event.New{Channel: h.channel.ID, Type: event.InstanceFrozen, InstancePK: pk, OrderID: "CSWORKS", Subject: name,
			Data: map[string]string{"instance_id": "biz-CSWORKS", "email": buyerEmail, "password": buyerPassword}})
	}))
}

// sendEvents does every due event task once; what fails is given up.
func (h *house) sendEvents() {
	h.t.Helper()
	ctx := context.Background()
	const due = ` FROM tasks WHERE kind = 'event' AND status = 'pending' AND run_at <= now()`
	for h.text(`SELECT count(*)`+due) != "0" {
		id, err := strconv.ParseInt(h.text(`SELECT min(id)`+due), 10, 64)
		require.NoError(h.t, err)
		task, ok, err := h.store.Claim(ctx, id, time.Minute)
		require.NoError(h.t, err)
		require.True(h.t, ok)
		if cause := h.events.Deliver(ctx, task); cause != nil {
			require.NoError(h.t, h.store.Write(ctx, func(tx *store.Tx) error {
				if err := h.events.OnFail(ctx, tx, task, cause, true); err != nil {
					return err
				}
				return tx.Fail(ctx, task, cause, time.Time{})
			}))
		}
	}
}

// receiver answers as it is told, with a password in what it says.
func receiver(t *testing.T) (url string, status *atomic.Int64) {
	t.Helper()
	status = new(atomic.Int64)
	status.Store(http.StatusServiceUnavailable)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(status.Load()))
		_, _ = w.Write([]byte(`{"password":"` + buyerPassword + `","front_end_url":"https://x.example"}`))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook?token=sesame", status
}

func TestEventsAreSeenAndSentAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.buy("CSWORKS")
	h.work()
	url, status := receiver(t)
	h.hears("crm", url)
	h.sendEvents()
	v := h.as(staff.Operator)
	home := v.get("/")
	require.Equal(t, "/events/1", home.value(`.need a[href^="/events/"]`, "href"), home.words("main"))
	list := v.get("/events?status=failed")
	require.Len(t, rowsOf(list), 1)
	for path, n := range map[string]int{"type=instance.frozen": 1, "type=instance.renewed": 0, "receiver=1": 1, "receiver=product": 0, "receiver=x": 0, "instance_id=biz-CSWORKS": 1,
		"order_id=CSWORKS": 1, "q=CSWORKS": 1, "q=nothing": 0} {
		require.Len(t, rowsOf(v.get("/events?"+path)), n, path)
	}
	page := v.get("/events/1?status=failed")
	for _, l := range i18n.Locales() {
		v.locale = string(l)
		for _, path := range []string{"/events", "/events/1", "/event-targets", "/event-targets/1"} {
			wellMade(t, path, v.get(path), l)
		}
	}
	require.Contains(t, page.words(".tries"), "HTTP 503")
	require.Contains(t, page.body, "front_end_url")
	require.NotContains(t, page.body, "sesame", "the address's query is a secret")
	require.NotContains(t, page.body, buyerPassword)

	status.Store(http.StatusNoContent)
	res := v.post("/events/1/resend?status=failed", page, "reason", "it is back")
	require.Equal(t, "/events/1?status=failed", res.to())
	h.sendEvents()
	require.Equal(t, "succeeded", h.text(`SELECT status FROM events`))
	require.Equal(t, "it is back", h.text(`SELECT reason FROM audit WHERE action = 'event.resend'`))
	require.Equal(t, "operator:"+h.text(`SELECT split_part(actor, ':', 2) FROM audit WHERE action = 'event.resend'`), h.text(`SELECT actor FROM event_attempts WHERE actor <> ''`))
	require.NotContains(t, v.get("/").body, `href="/events/1"`)

	h.exec(`UPDATE tasks SET status = 'running' WHERE id = (SELECT task_id FROM events)`)
	h.exec(`UPDATE events SET status = 'running'`)
	page = v.get("/events/1")
	require.Zero(t, page.Find(`button[data-dialog="resend"]`).Length(), "not while it is being sent")
	v.post("/events/1/resend", page)
	require.NotEmpty(t, v.get("/events/1").words(".toast, .flash, [role=status]"), "why it was refused")
	require.Equal(t, "1", h.text(`SELECT count(*) FROM audit WHERE action = 'event.resend'`))

	viewer := h.as(staff.Viewer)
	page = viewer.get("/events/1")
	require.Equal(t, http.StatusOK, page.status)
	require.Equal(t, http.StatusForbidden, viewer.post("/events/1/resend", page).status)
}

func TestEventTargetsAreKeptByAdministrators(t *testing.T) {
	t.Parallel()
	h := open(t)
	url, status := receiver(t)
	status.Store(http.StatusOK)
	v := h.as(staff.Admin)
	page := v.get("/event-targets")
	wrong := v.post("/event-targets", page, "channel", "default", "name", "crm", "url", "ftp://x", "secret", "short-but-mine")
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status, wrong.words("main"))
	require.Equal(t, "crm", wrong.value("#f-name", "value"))
	require.NotContains(t, wrong.body, "short-but-mine")
	made := v.post("/event-targets", page, "channel", "default", "name", "crm", "url", url, "types", "instance.frozen", "types", "koodesk.nonsense")
	require.Contains(t, made.words(".note.bad"), "koodesk.nonsense")
	made = v.post("/event-targets", page, "channel", "default", "name", "crm", "url", url, "types", "instance.frozen", "types", "order.notified")
	require.Equal(t, http.StatusOK, made.status)
	secret := made.words(".revealed")
	require.True(t, strings.HasPrefix(secret, "whsec_"), made.words("main"))
	require.Equal(t, "{instance.frozen,order.notified}", h.text(`SELECT types FROM event_targets`))
	one := v.get("/event-targets/1")
	require.NotContains(t, one.body, secret, "shown once")
	require.Equal(t, url, one.value("#f-url", "value"))
	again := v.post("/event-targets", page, "channel", "default", "name", "crm", "url", url)
	require.Equal(t, http.StatusConflict, again.status)

	require.Equal(t, "/events/1", v.post("/event-targets/1/test", one).to())
	h.sendEvents()
	require.Equal(t, "koodesk.test succeeded", h.text(`SELECT type || ' ' || status FROM events`))
	renewed := v.post("/event-targets/1/secret", one, "reason", "rotation")
	require.True(t, strings.HasPrefix(renewed.words(".revealed"), "whsec_"))
	require.NotEqual(t, secret, renewed.words(".revealed"))
	require.Equal(t, "/event-targets/1", v.post("/event-targets/1/end-old", one).to())
	require.Equal(t, "", h.text(`SELECT COALESCE(old_secret_until::text, '') FROM event_targets`))
	saved := v.post("/event-targets/1", one, "url", url, "enabled", "off")
	require.Equal(t, "/event-targets/1", saved.to())
	require.Equal(t, "{} false", h.text(`SELECT types::text || ' ' || enabled FROM event_targets`))
	require.Equal(t, http.StatusUnprocessableEntity, v.post("/event-targets/1", one, "url", "https://169.254.169.254/", "enabled", "on").status)
	v.post("/event-targets/1/test", one)
	require.Equal(t, "1", h.text(`SELECT count(*) FROM events`), "an address that is off is not tested")

	operator := h.as(staff.Operator)
	shown := operator.get("/event-targets/1")
	require.NotContains(t, shown.body, "sesame", "the address's query is for administrators")
	for _, path := range []string{"/event-targets", "/event-targets/1", "/event-targets/1/secret", "/event-targets/1/end-old", "/event-targets/1/remove"} {
		require.Equal(t, http.StatusForbidden, operator.post(path, shown).status, path)
	}
	require.Equal(t, "/event-targets", v.post("/event-targets/1/remove", one, "reason", "gone").to())
	require.Equal(t, http.StatusNotFound, v.get("/event-targets/1").status)
	require.Contains(t, v.get("/events/1").words("main"), "Test")
	require.Equal(t, "0", h.text(`SELECT count(*) FROM audit a WHERE a::text LIKE '%whsec_%' OR a::text LIKE '%sesame%'`))
}

// What a restart of its task may not do, the button does not offer.
func TestAnEventThatWouldUndoALaterOneIsNotOfferedToBeSentAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.buy("CSWORKS")
	h.work()
	told := func(kind, status string) string {
		h.exec(`
WITH k AS (INSERT INTO tasks (kind, purpose, instance_pk, unique_key, status, finished_at) SELECT 'event', 'notify', id, gen_random_uuid()::text, $2, now() FROM instances RETURNING id, instance_pk)
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, task_id, instance_pk, payload_sealed, status)
SELECT 1, $1, gen_random_uuid()::text, gen_random_uuid()::text, true, '', id, instance_pk, $3, $2 FROM k`, kind, status, h.store.Keys().Seal(seal.Payload, []byte(`{}`)))
		return h.text(`SELECT max(id) FROM events`)
	}
	path := "/events/" + told("instance.frozen", "failed")
	v := h.as(staff.Operator)
	require.NotZero(t, v.get(path).Find(`button[data-dialog="resend"]`).Length())
	told("instance.unfrozen", "succeeded")
	for _, l := range i18n.Locales() {
		v.locale = string(l)
		page := v.get(path)
		require.Zero(t, page.Find(`button[data-dialog="resend"]`).Length())
		require.Contains(t, page.words("main"), i18n.For(l).T("why.event_overtaken"))
	}
}
