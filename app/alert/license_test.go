package alert_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/market"
)

// license adds a License that waits for a person: of License 1.0, that is called for so
// long, or (0) of an asynchronous request, which was answered.
func (h *house) license(order string, left time.Duration) string {
	h.t.Helper()
	return h.text(`
WITH i AS (
    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, product_name)
    VALUES (1, 'i' || $1, $1, $1 || '-1', 'b' || $1, 'active', 'CAD')
    RETURNING id
), m AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, first_received_at, last_received_at, retry_until)
    SELECT 1, CASE WHEN $2 > 0 THEN 'license-v1' ELSE 'license' END, CASE WHEN $2 > 0 THEN 'getLicense' ELSE 'getLicenseAsync' END, 'license/' || $1, 'processing',
           CASE WHEN $2 > 0 THEN '000004' ELSE '000000' END, $1, now(), now(), CASE WHEN $2 > 0 THEN now() + make_interval(secs => $2) END
    RETURNING id
), l AS (
    INSERT INTO licenses (channel_id, instance_pk, message_id, protocol, request_key, order_id, supplier)
    SELECT 1, i.id, m.id, CASE WHEN $2 > 0 THEN 'license-v1' ELSE 'license' END, 'license/' || $1, $1, 'manual' FROM i, m
    RETURNING id, instance_pk, message_id
), t AS (
    INSERT INTO tasks (kind, purpose, message_id, instance_pk, license_id, unique_key, status, parked_at, run_at)
    SELECT 'license', 'license', message_id, instance_pk, id, 'license/' || id, 'pending', now(), '9999-12-31' FROM l
)
SELECT id::text FROM l`, order, left.Seconds())
}

// handIn is that a person has handed a License in.
func (h *house) handIn(license string) {
	h.t.Helper()
	h.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now(), parked_at = NULL WHERE license_id = $1::bigint`, license)
	h.exec(`UPDATE licenses SET status = 'ready' WHERE id = $1::bigint`, license)
}

// A License that waits for a person is told once when it begins to wait, and once when
// that is over.
func TestALicenseThatWaitsForAPersonIsTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	id := h.license("CS1", 0)
	for range 3 {
		h.watch()
	}
	require.Equal(t, 1, h.all())
	h.later()
	h.watch()
	require.Zero(t, h.all(), "once")
	require.Equal(t, []string{"license_waiting opened warning <nil>"}, items(t, h.calls()[0]))
	said := h.calls()[0].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)
	require.Equal(t, public+"/licenses/"+id, said["link"])
	require.Equal(t, "A License waits to be handed in: order CS1, CAD", said["title"])
	require.Equal(t, "Hand it in on the page of the License.", said["do"])
	require.Nil(t, said["deadline"], "KooGallery has its answer")

	h.license("CS2", 0)
	h.watch()
	require.Equal(t, 1, h.all(), "another one is another")
	h.handIn(id)
	h.watch()
	h.later()
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, []string{"license_waiting cleared warning resolved"}, items(t, h.calls()[2]))
	h.exec(`UPDATE tasks SET status = 'cancelled', finished_at = now()`)
	h.exec(`UPDATE licenses SET status = 'cancelled' WHERE id = 2`)
	h.exec(`UPDATE instances SET status = 'released', released_at = now()`)
	h.watch()
	require.Equal(t, "1 resolved,2 gone", h.text(`SELECT string_agg(subject || ' ' || outcome, ',' ORDER BY id) FROM alerts`))
}

// KooGallery calls for a License 1.0 until it gives up: who hands it in hears when that
// is near, and not of the message beside it.
func TestALicenseThatKooGalleryCallsForRunsOutOfTime(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	h.license("CS1", 50*time.Minute)
	h.watch()
	require.Equal(t, 1, h.all())
	h.exec(`UPDATE messages SET retry_until = now() + interval '14 minutes'`)
	h.later()
	h.watch()
	require.Equal(t, 1, h.all())
	h.exec(`UPDATE messages SET retry_until = now() - interval '1 second'`)
	h.exec(`UPDATE alerts SET until_at = now() - interval '1 second'`)
	h.watch()
	h.later()
	h.watch()
	require.Equal(t, 1, h.all())
	for n, want := range []string{"opened warning <nil>", "raised critical <nil>", "cleared critical lapsed"} {
		require.Equal(t, []string{"license_waiting " + want}, items(t, h.calls()[n]))
	}
	said := h.calls()[2].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)
	require.Equal(t, "Hand it in on the page of the License, then have KooGallery ask again: 卖家中心 > 生产接口消息 > 重新启动.", said["do"])
	require.Equal(t, "卖家中心 > 生产接口消息 > 重新启动", said["facts"].(map[string]any)["restart"])
	require.Equal(t, "1", h.text(`SELECT count(*)::text FROM alerts`), "nobody is told again that it waits")
}

// KooGallery may have begun anew while nobody looked: it still asks, and the last call is
// made again.
func TestALicenseIsCalledForAnewWhileNobodyLooked(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	h.license("CS1", 10*time.Minute)
	h.watch()
	require.Equal(t, 1, h.all())
	h.exec(`UPDATE alerts SET until_at = now() - interval '1 second'`)
	h.exec(`UPDATE messages SET retry_until = now() + interval '2 hours'`)
	h.watch()
	h.later()
	h.watch()
	require.Zero(t, h.all(), "it has stopped nothing, and there is time")
	require.Equal(t, "1 1  t", h.text(`SELECT string_agg(concat_ws(' ', id, severity, outcome, until_at > now() + interval '1 hour'), ',') FROM alerts`))
	h.exec(`UPDATE messages SET retry_until = now() + interval '14 minutes'`)
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, []string{"license_waiting raised critical <nil>"}, items(t, h.calls()[1]))
	h.exec(`UPDATE messages SET retry_until = now() - interval '1 second'`)
	h.watch()
	require.Equal(t, "lapsed", h.text(`SELECT outcome FROM alerts`))
}

// Whoever does not want to hear of Licenses does not, and many at once are one message.
func TestAlertsOfLicensesGoByTheSettings(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Name: "pools only", Kinds: []string{market.AlertPool}})
	h.hook(alert.Setting{Name: "licenses", Kinds: []string{market.AlertLicense}})
	h.hook(alert.Setting{Name: "critical only", Severity: market.SeverityName(market.Critical)})
	for _, order := range []string{"CS1", "CS2", "CS3"} {
		h.license(order, 0)
	}
	h.watch()
	require.Equal(t, 1, h.all())
	require.Len(t, items(t, h.calls()[0]), 3)
}
