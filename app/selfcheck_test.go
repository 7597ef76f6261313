package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/i18n"
	"koodesk/app/selfcheck"
	"koodesk/app/selfcheck/desk"
	"koodesk/app/store/storetest"
)

// front is a TLS server with a certificate for example.com before the program,
// as a seller's reverse proxy is.
func (r *rig) front() *httptest.Server {
	to, err := url.Parse(r.base)
	require.NoError(r.t, err)
	s := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }})
	r.t.Cleanup(s.Close)
	return s
}

// The program passes its own check of every generation, behind TLS.
func TestTheProgramPassesItsSelfCheck(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.ok(channel, licenseKey+"\n"+generalKey+"\n", "set", "--slug", "default", "--license-key", "-", "--general-key", "-")
	proxy := r.front()
	ch, err := r.store.Reader().ChannelBySlug(t.Context(), "default")
	require.NoError(t, err)
	o := desk.OptionsOf(ch, "https://example.com", version, time.Now())
	o.RootCAs = proxy.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, proxy.Listener.Addr().String())
	}
	o.Lookup = func(context.Context, string) ([]string, error) { return []string{"93.184.215.14"}, nil }
	report, err := selfcheck.Run(t.Context(), o)
	require.NoError(t, err)
	require.True(t, report.Passed(), "%s", report.Text(i18n.For(i18n.En)))
	require.Equal(t, selfcheck.Types(), report.Types)
	require.Greater(t, len(report.Cases), 30)
	require.Zero(t, r.count(`SELECT count(*) FROM instances`), "debugging calls stay in their sandbox")
	require.Zero(t, r.count(`SELECT count(*) FROM messages WHERE status = 'rejected'`))
	require.Zero(t, r.count(`SELECT count(last_used_at) FROM channel_keys`), "our own calls say nothing of which key is bound")
}

// At the command line, over plain http on this machine: every case is right, and
// the address is not.
func TestDoctorPrintsAConformanceReport(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var err error
	r.config.PublicURL, err = url.Parse(r.base)
	require.NoError(t, err)
	doctor := func(want int, args ...string) string {
		t.Helper()
		c := r.cli("")
		require.Equal(t, want, c.report(doctor(context.Background(), c, args)), "%s%s", c.stdout, r.log)
		return c.stdout.(*bytes.Buffer).String()
	}
	file := filepath.Join(t.TempDir(), "report.md")
	var report selfcheck.Summed
	require.NoError(t, json.Unmarshal([]byte(doctor(exitFailed, "--channel", "default", "--types", "period,v1-period", "--json", "--report", file)), &report))
	require.False(t, report.Passed)
	require.Equal(t, []selfcheck.Type{selfcheck.Period, selfcheck.V1Period}, report.Types)
	for _, c := range report.Cases {
		require.Equal(t, selfcheck.OK, c.Status(), "%+v", c)
	}
	require.Equal(t, selfcheck.Fail, report.Address[0].Status, "http")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "# Self-check of the channel default")
	require.NotContains(t, string(text), storetest.BasicKey)

	file = filepath.Join(t.TempDir(), "report.html")
	page := doctor(exitFailed, "--channel", "default", "--types", "one-time", "--lang", "zh-CN", "--format", "html", "--report", file)
	text, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, page, string(text))
	require.Contains(t, page, `<html lang="zh-CN">`)
	require.NotContains(t, page, storetest.BasicKey)
	doctor(exitUsage, "--channel", "default", "--format", "pdf")
	doctor(exitUsage, "--channel", "default", "--format", "html", "--json")

	require.Contains(t, doctor(exitFailed, "--channel", "default", "--types", "one-time", "--lang", "zh-CN"), "通道 default 的自检报告")
	doctor(exitUsage, "--channel", "default", "--types", "barter")
	doctor(exitUsage, "--channel", "default", "--types", "license-code")
	doctor(exitUsage, "--channel", "default", "--lang", "fr")
	doctor(exitUsage, "--types", "period")
	doctor(exitFailed, "--channel", "nowhere")
}
