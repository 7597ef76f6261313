package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/simulator"
)

// sellerSecret signs what the seller's product of these tests gets.
const sellerSecret = "a-secret-of-the-sellers-product-1"

// heard is what the seller's product got.
type heard struct {
	ID   string         // webhook-id
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
}

// license is the id of the License that is asked for.
func (h heard) license() string {
	l, _ := h.Data["license"].(map[string]any)
	id, _ := l["id"].(string)
	return id
}

// seller is a product at a real listener. It checks signatures by the published
// formula alone, keeps what it got, and answers as it is told.
type seller struct {
	url string

	mu     sync.Mutex
	got    []heard
	forged int
	answer func(n int, h heard) (int, string) // n counts what came, from 1
}

func newSeller(t *testing.T, answer func(n int, h heard) (int, string)) *seller {
	t.Helper()
	p := &seller{answer: answer}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.url = s.URL + "/koodesk"
	return p
}

func (p *seller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	mac := hmac.New(sha256.New, []byte(sellerSecret))
	_, _ = io.WriteString(mac, r.Header.Get("webhook-id")+"."+r.Header.Get("webhook-timestamp")+"."+string(body))
	h := heard{ID: r.Header.Get("webhook-id")}
	p.mu.Lock()
	if err != nil || r.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) || json.Unmarshal(body, &h) != nil {
		p.forged++
		p.mu.Unlock()
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	p.got = append(p.got, h)
	n, answer := len(p.got), p.answer
	p.mu.Unlock()
	status, text := answer(n, h)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// of is what it got of a type.
func (p *seller) of(eventType string) []heard {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []heard
	for _, h := range p.got {
		if h.Type == eventType {
			out = append(out, h)
		}
	}
	return out
}

// sells makes every product one that the seller is asked for.
func (r *rig) sells(p *seller, more ...string) {
	r.t.Helper()
	r.ok(product, sellerSecret, append([]string{"set", "--channel", "default", "--product", "*", "--webhook-url", p.url,
		"--webhook-secret", "-", "--mail-language", "en"}, more...)...)
}

// parked waits until n tasks of a kind wait for something to be handed in.
func (r *rig) parked(kind string, n int) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		return r.count(`SELECT count(*) FROM tasks WHERE status = 'pending' AND parked_at IS NOT NULL AND run_at > now() + interval '50 minutes' AND kind = '`+kind+`'`) == n
	}, time.Minute, 30*time.Millisecond, "%s", r.log)
}

// waitIsOver lets the time pass that a product was given.
func (r *rig) waitIsOver() {
	r.t.Helper()
	for _, statement := range []string{`UPDATE events SET sent_at = sent_at - interval '2 hours'`,
		`UPDATE tasks SET run_at = now() WHERE parked_at IS NOT NULL AND status = 'pending'`} {
		_, err := r.store.SQL().Exec(statement)
		require.NoError(r.t, err)
	}
}

// A product that says 202 has the instance wait for it, and what it hands in by
// the API afterwards reaches the customer; a promise that is not kept is seen.
func TestAProductThatPromisesIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, true, loopback)
	p := newSeller(t, func(int, heard) (int, string) { return http.StatusAccepted, "" })
	r.sells(p, "--driver", "webhook", "--webhook-wait", "1h")
	id := r.buy("CS2611220601AAAAA")
	r.parked("provision", 1)
	require.Nil(t, r.call(market.QueryInstance, "instanceId", id).AppOf(id), "nothing to tell the marketplace yet")
	require.Equal(t, "provisioning", r.api(http.MethodGet, "/instances/"+id, nil, 200)["status"])
	require.Empty(t, r.mail.Messages())

	r.api(http.MethodPut, "/instances/"+id+"/access", map[string]string{"front_end_url": "https://late.example.com/", "user_name": "ann",
		"password": "S3cret-by-hand"}, 200)
	app := r.access(id)
	require.Equal(t, "https://late.example.com/", app.FrontEndURL)
	require.Equal(t, "S3cret-by-hand", app.Password)
	require.Contains(t, r.mails(1)[0].Text, "S3cret-by-hand")
	require.Equal(t, 1, r.count(`SELECT count(*) FROM tasks WHERE kind = 'provision' AND status = 'succeeded'`), "the waiting is over")
	require.Len(t, p.of("instance.provision"), 1, "it was asked once")
	require.Equal(t, "active", r.api(http.MethodGet, "/instances/"+id, nil, 200)["status"])

	broken := r.buy("CS2611220602BBBBB")
	r.parked("provision", 1)
	r.waitIsOver()
	failed := r.waitItems("/tasks?status=failed&kind=provision", 1)[0]
	require.Contains(t, mapText(failed["last_error"]), "webhook.never_handed_in")
	asked := p.of("instance.provision")
	require.Len(t, asked, 3, "once more when the time was over")
	require.Equal(t, asked[1].ID, asked[2].ID, "the same question")
	r.api(http.MethodPut, "/instances/"+broken+"/access", map[string]string{"front_end_url": "https://later.example.com/"}, 200)
	require.Equal(t, "https://later.example.com/", r.access(broken).FrontEndURL, "better late than never")
	r.mails(2)
	r.isPatientlyAsked(p)
	require.Zero(t, p.forged)
}

// What a product may have made of a purchase that the marketplace gave up is shown
// for a person to decide; what it said no to, or never heard of, is not, although
// others were told of it.
func TestWhatAProductMayHaveMadeOfAFailedPurchaseIsLeftOver(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, true, loopback)
	var asked atomic.Int64
	p := newSeller(t, func(_ int, h heard) (int, string) {
		if o, _ := h.Data["order"].(map[string]any); o["order_id"] == "CS2611270603MAYBE" && asked.Add(1) == 1 { // later it says no
			return http.StatusInternalServerError, "it is made, but"
		}
		return http.StatusConflict, `{"result_code":"000100","message":"none left"}`
	})
	r.sells(p, "--driver", "webhook")
	crm := newSeller(t, func(int, heard) (int, string) { return http.StatusOK, "" })
	r.ok(eventTarget, sellerSecret, "set", "--channel", "default", "--name", "crm", "--url", crm.url, "--secret", "-", "--types", "instance.provision")
	maybe := r.buy("CS2611270603MAYBE")
	refused := r.buy("CS2611270604NEVER")
	require.Eventually(t, func() bool {
		_, err := r.store.SQL().Exec(`UPDATE tasks SET run_at = now() WHERE status = 'pending' AND kind = 'provision'`)
		return err == nil && r.count(`SELECT count(*) FROM tasks WHERE status = 'failed'`) == 2
	}, time.Minute, 100*time.Millisecond, "%s", r.log)
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM events WHERE NOT to_product AND status = 'succeeded'`) == 2
	}, time.Minute, 50*time.Millisecond, "%s", r.log)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM event_attempts WHERE http_status = 500`))
	_, err := r.store.SQL().Exec(`UPDATE messages SET retry_until = now() - interval '1 hour'`)
	require.NoError(t, err)
	_, err = r.store.NoteFailedOrders(t.Context(), time.Minute)
	require.NoError(t, err)
	left := r.items("/leftovers?status=open")
	require.Len(t, left, 1, "%s was refused", refused)
	require.Equal(t, []any{maybe, "webhook", "order_failed"}, []any{left[0]["instance_id"], left[0]["driver"], left[0]["reason"]})
}

// licenseFrom is a License product whose Licenses the seller's product gives.
func licenseFrom(t *testing.T, answer func(n int, h heard) (int, string)) (*rig, *seller, string) {
	t.Helper()
	r := newRigAs(t, true, loopback)
	p := newSeller(t, answer)
	r.sells(p, "--driver", "none", "--license", "webhook", "--webhook-wait", "1h")
	return r, p, r.sold("CS2611260021LICAA")
}

func (r *rig) asks(id, event string) {
	r.t.Helper()
	require.Equal(r.t, market.Processing, r.callLicense(market.License, market.GetLicenseAsync, "instanceId", id, "eventId", event,
		"deviceFingerprint", "WD-WCC4N5PT").Code)
}

func TestTheSellersProductSuppliesLicenses(t *testing.T) {
	t.Parallel()
	file := base64.StdEncoding.EncodeToString([]byte("\x00a file\xff"))
	r, p, id := licenseFrom(t, func(n int, h heard) (int, string) {
		switch {
		case h.Type != "license.requested":
			return http.StatusNoContent, ""
		case n == 1:
			return http.StatusBadGateway, "not now"
		case n == 2:
			return http.StatusOK, `{"licence":"TOP-SECRET, but misspelt"}`
		case n == 3:
			return http.StatusOK, `{"license":"TOP-SECRET-ONE\n"}`
		}
		return http.StatusOK, `{"file_name":"acme.lic","file":"` + file + `"}`
	})
	r.asks(id, "E-1")
	require.Equal(t, "TOP-SECRET-ONE", r.uploads(1)[0].Characters)
	r.waitItems("/messages?activity=getLicenseAsync&status=succeeded", 1)
	asked := p.of("license.requested")
	require.Len(t, asked, 3, "it flapped, then talked nonsense, then answered; nobody told it besides")
	for _, h := range asked {
		require.Equal(t, asked[0].ID, h.ID, "one webhook-id")
		require.Equal(t, "E-1", h.Data["license"].(map[string]any)["event_id"])
		require.Equal(t, "WD-WCC4N5PT", h.Data["license"].(map[string]any)["device_fingerprint"])
		require.NotEmpty(t, h.Data["customer"].(map[string]any)["customer_id"])
	}
	r.asks(id, "E-2")
	up := r.uploads(2)[1]
	require.Equal(t, "FILE acme.lic \x00a file\xff", up.Type+" "+up.FileName+" "+string(up.File))
	r.waitItems("/licenses?status=uploaded", 2)
	require.Equal(t, 2, r.count(`SELECT count(*) FROM licenses WHERE supplier = 'webhook'`))
	require.Equal(t, 2, r.count(`SELECT count(*) FROM events WHERE to_product AND status = 'succeeded' AND type = 'license.requested'`))

	require.Equal(t, market.Success, r.call(market.UpdateInstanceStatus, "instanceId", id, "status", "FREEZE").Code)
	require.Eventually(t, func() bool { return len(p.of("instance.frozen")) == 1 }, time.Minute, 30*time.Millisecond,
		"who gives Licenses hears of the instance's life: %s", r.log)
	r.stop()
	for place, text := range map[string]string{"the database": r.dump(), "Redis": r.redisDump(), "the log": r.log.String()} {
		require.NotContains(t, text, "TOP-SECRET", place)
		require.NotContains(t, text, sellerSecret, place)
	}
	require.Zero(t, p.forged)
}

func TestALicenseIsPromisedOrRefusedByTheSellersProduct(t *testing.T) {
	t.Parallel()
	r, p, id := licenseFrom(t, func(_ int, h heard) (int, string) {
		if l, _ := h.Data["license"].(map[string]any); h.Type == "license.requested" && l["event_id"] == "E-NO" {
			return http.StatusConflict, `{"message":"this device\n is on the black list"}`
		}
		return http.StatusAccepted, "{}"
	})
	r.asks(id, "E-LATER")
	r.parked("license", 1)
	r.api(http.MethodPut, "/licenses/"+p.of("license.requested")[0].license()+"/file",
		map[string]string{"file_name": "late.lic", "file": base64.StdEncoding.EncodeToString([]byte("LATE"))}, 200)
	require.Equal(t, "LATE", string(r.uploads(1)[0].File))
	r.waitItems("/messages?activity=getLicenseAsync&status=succeeded", 1)

	r.asks(id, "E-NO")
	no := r.waitItems("/messages?activity=getLicenseAsync&status=failed", 1)[0]
	require.Contains(t, mapText(no["last_error"]), "this device is on the black list")
	failed := r.items("/licenses?status=failed")
	require.Len(t, failed, 1, "a person decides")
	require.Len(t, p.of("license.requested"), 2, "a refusal is not tried again by itself")
	r.ok(licenses, "GIVEN-ALL-THE-SAME", "hand-in", "--id", failed[0]["id"].(string))
	require.Equal(t, "GIVEN-ALL-THE-SAME", r.uploads(2)[1].Characters)

	r.asks(id, "E-NEVER")
	r.parked("license", 1)
	r.waitIsOver()
	never := r.waitItems("/messages?activity=getLicenseAsync&status=failed", 1)[0]
	require.Contains(t, mapText(never["last_error"]), "license.never_handed_in")
	require.Len(t, p.of("license.requested"), 4)
}

func TestLicenseOneWaitsForTheSellersProduct(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, true, loopback)
	p := newSeller(t, func(_ int, h heard) (int, string) {
		if h.Type == "license.requested" {
			return http.StatusOK, `{"license":"ONE-POINT-OH"}`
		}
		return http.StatusNoContent, ""
	})
	r.sells(p, "--driver", "none", "--license", "webhook")
	first := r.callLicense(market.LicenseV1, market.GetLicense, "orderId", "CS2611260022LICBB")
	require.Contains(t, []market.ResultCode{market.Processing, market.Success}, first.Code)
	require.Eventually(t, func() bool {
		return r.callLicense(market.LicenseV1, market.GetLicense, "orderId", "CS2611260022LICBB").License == "ONE-POINT-OH"
	}, time.Minute, 50*time.Millisecond, "%s", r.log)
	require.Len(t, p.of("license.requested"), 1)
	out := r.ok(product, "", "set", "--channel", "default", "--product", "P-2", "--driver", "none", "--license", "webhook", "--webhook-url", p.url)
	require.True(t, strings.Contains(out, "webhook secret: whsec_"), "one is made and shown once: %s", out)
}

// What the marketplace does to an authorization code reaches who subscribed, in
// its order, although the receiver fails now and then; a repeat is told once.
func TestWhatHappensToAuthorizationCodesIsTold(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, true, loopback)
	r.withKeys()
	p := newSeller(t, func(n int, _ heard) (int, string) {
		if n%2 == 1 {
			return http.StatusServiceUnavailable, ""
		}
		return http.StatusOK, ""
	})
	r.ok(eventTarget, sellerSecret, "set", "--channel", "default", "--name", "licensing", "--url", p.url, "--secret", "-",
		"--types", "license_code.renewed,license_code.frozen,license_code.unfrozen,license_code.released")
	end := time.Now().AddDate(0, 6, 0).UTC().Truncate(time.Second)
	r.market.SetCode(aCode, simulator.CodeState{Expires: end, OrderID: "CS-BOUGHT"})
	call := func(activity string, more simulator.Fields) {
		more["license"] = aCode
		require.Equal(t, market.Success, r.generation(market.LicenseCode, codeKey, activity, more).Code)
	}
	for range 2 {
		call(market.RefreshLicenseCode, simulator.Fields{"orderId": "R1", "orderLineId": "R1-1", "scene": "RENEWAL", "expireTime": market.FormatStamp(end, time.UTC)})
	}
	for _, status := range []string{market.Freeze, market.Freeze, market.Unfreeze, market.Freeze} {
		call(market.UpdateLicenseCodeStatus, simulator.Fields{"status": status})
	}
	for range 2 {
		call(market.ReleaseLicenseCode, simulator.Fields{})
	}
	require.Eventually(t, func() bool { return r.count(`SELECT count(*) FROM events WHERE status = 'succeeded'`) == 5 }, time.Minute, 50*time.Millisecond, "%s", r.log)
	p.mu.Lock()
	defer p.mu.Unlock()
	var told []string
	for n, h := range p.got {
		if n%2 == 1 { // the second try of each
			require.Equal(t, p.got[n-1].ID, h.ID)
			told = append(told, h.Type)
		}
		require.Equal(t, aCode, h.Data["license"])
		require.Equal(t, "default", h.Data["channel"])
	}
	require.Equal(t, []string{"license_code.renewed", "license_code.frozen", "license_code.unfrozen", "license_code.frozen", "license_code.released"}, told)
	first := p.got[0].Data
	require.Equal(t, "RENEWAL", first["scene"])
	require.Equal(t, end.Format(time.RFC3339), first["expires_at"])
	require.Equal(t, map[string]any{"order_id": "R1", "order_line_id": "R1-1"}, first["change_order"])
	require.Equal(t, "RELEASED", p.got[len(p.got)-1].Data["status"])
	require.Zero(t, p.forged)
	require.Zero(t, r.count(`SELECT count(*) FROM events e WHERE e::text LIKE '%`+aCode+`%'`), "sealed")
}
