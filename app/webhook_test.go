package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

// tenant is what the example product shows of one.
type tenant struct {
	InstanceID string   `json:"instance_id"`
	ProductID  string   `json:"product_id"`
	ExpiresAt  string   `json:"expires_at"`
	State      string   `json:"state"`
	Seen       []string `json:"seen"`
}

// provisioner builds and runs the product of examples/provisioner, makes it the
// channel's, and gives its address.
func (r *rig) provisioner() string {
	t := r.t
	t.Helper()
	program := filepath.Join(t.TempDir(), "provisioner")
	out, err := exec.Command("go", "build", "-o", program, "../examples/provisioner").CombinedOutput()
	require.NoError(t, err, "%s", out)
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	cmd := exec.Command(program)
	cmd.Env = []string{"ADDR=127.0.0.1:0", "WEBHOOK_SECRET=" + secret, "KOODESK_URL=" + r.base, "KOODESK_TOKEN=" + r.token}
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	base := strings.TrimSpace(line[strings.Index(line, "http://"):])
	r.ok(product, secret+"\n", "set", "--channel", "default", "--product", "*", "--driver", "webhook",
		"--webhook-url", base+"/koodesk", "--webhook-secret", "-", "--mail-language", "en")
	return base
}

func (r *rig) tenants(base string) map[string]tenant {
	r.t.Helper()
	res, err := http.Get(base + "/tenants")
	require.NoError(r.t, err)
	defer res.Body.Close()
	var list []tenant
	require.NoError(r.t, json.NewDecoder(res.Body).Decode(&list))
	out := map[string]tenant{}
	for _, one := range list {
		out[one.InstanceID] = one
	}
	return out
}

// loopback lets webhooks reach the test's own product.
func loopback(r *rig) {
	r.config.WebhookAllow.Nets = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// The seller's own product makes the instance, and hears of its whole life.
func TestTheExampleProductFollowsAnInstanceToItsEnd(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, true, loopback)
	base := r.provisioner()
	id := r.buy("CS2611220201AAAAA")
	app := r.access(id)
	require.Equal(t, "https://"+id+".tenants.example.com/", app.FrontEndURL)
	require.Equal(t, "admin", app.UserName)
	require.NotEmpty(t, app.Password)
	require.Contains(t, r.mails(1)[0].Text, app.Password)

	r.lifeOf(id)
	var one tenant
	require.Eventually(t, func() bool {
		one = r.tenants(base)[id]
		return one.State == "gone"
	}, time.Minute, 50*time.Millisecond, "%v %s", one, r.log)
	require.Equal(t, []string{"instance.provision", "instance.renewed", "instance.renewed", "instance.frozen", "instance.unfrozen", "instance.check_change", "instance.upgraded", "instance.released"},
		one.Seen, "each exactly once, in the order in which it happened")
	require.Len(t, r.tenants(base), 1)
	require.Eventually(t, func() bool { return r.count(`SELECT count(*) FROM events WHERE status <> 'succeeded'`) == 0 }, time.Minute, 50*time.Millisecond)
	require.NotContains(t, r.log.String(), app.Password)
	require.NotContains(t, r.log.String(), "whsec_")
}

// V1.0 names the product in its call, by which the example chooses how to answer.
func TestAProductAnswersAtOnceLaterOrRefuses(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, true, loopback)
	base := r.provisioner()
	// What a busy machine cannot answer in time is asked for again, instead of
	// being answered with the access page.
	_, err := r.store.SQL().Exec(`UPDATE channels SET v1_pending = '000004'`)
	require.NoError(t, err)
	buy := func(order, product string) (market.ResultCode, string) {
		a := r.callV1(market.NewInstance, "orderId", order, "productId", product, "email", buyerEmail)
		return a.Code, a.InstanceID
	}
	var id string
	until := func(order, product string, want market.ResultCode) {
		require.Eventually(t, func() bool {
			var code market.ResultCode
			code, id = buy(order, product)
			return code == want
		}, time.Minute, 200*time.Millisecond, "%s: %s", product, r.log)
	}
	until("CS2611220301AAAAA", "P-1", market.Success)
	require.Contains(t, r.tenants(base), id)

	_, slow := buy("CS2611220302BBBBB", "SLOW")
	require.Eventually(t, func() bool { c, _ := buy("CS2611220302BBBBB", "SLOW"); return c == market.Success }, time.Minute, 200*time.Millisecond, "%s", r.log)
	require.Equal(t, []string{"instance.provision"}, r.tenants(base)[slow].Seen)

	until("CS2611220303CCCCC", "SOLD-OUT", market.ResourcesSoldOut)
	failed := r.waitItems("/tasks?status=failed&kind=provision", 1)[0]
	require.Contains(t, mapText(failed["last_error"]), "no machines left in this region")
}

// Work is written while nobody works, and the queue is emptied in the middle.
func TestNothingIsLostWhileTheQueueIsEmptied(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, false, loopback)
	base := r.provisioner()
	ids := make([]string, 5)
	for n := range ids {
		ids[n] = r.buy("CS261122040" + string(rune('1'+n)) + "AAAAA")
	}
	r.stop()
	r.start(true)
	for _, id := range ids {
		r.access(id)
		require.Equal(t, market.Success, r.call(market.UpdateInstanceStatus, "instanceId", id, "status", "FREEZE").Code)
	}
	r.flushRedis()
	for _, id := range ids {
		require.Eventually(t, func() bool { return r.tenants(base)[id].State == "frozen" }, time.Minute, 50*time.Millisecond, "%s", r.log)
		require.Equal(t, []string{"instance.provision", "instance.frozen"}, r.tenants(base)[id].Seen)
	}
}
