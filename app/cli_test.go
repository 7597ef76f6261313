package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/redisconn/redistest"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// shell runs the program as a command line does, with these settings alone.
type shell struct {
	t        *testing.T
	settings map[string]string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	s := &shell{t: t, settings: map[string]string{
		"DATABASE_URL": storetest.URL(t), "REDIS_URL": redistest.URL(t), "SECRET_KEY": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))}}
	t.Chdir(t.TempDir()) // no .env of this machine
	for _, name := range []string{"SMTP_URL", "MAIL_FROM", "PUBLIC_URL", "ADDR", "METRICS_ADDR", "SECRET_KEY_OLD"} {
		t.Setenv(name, "")
	}
	return s
}

func (s *shell) run(stdin string, args ...string) (code int, out, errs string) {
	s.t.Helper()
	for k, v := range s.settings {
		s.t.Setenv(k, v)
	}
	var o, e bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	code = run(ctx, args, strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

func TestMissingSecretKeyIsOneClearLine(t *testing.T) {
	s := newShell(t)
	s.settings["SECRET_KEY"] = ""
	code, _, errs := s.run("", "serve")
	require.Equal(t, exitUsage, code)
	require.Equal(t, "SECRET_KEY: is missing; make one with: openssl rand -base64 32\n", errs)
}

func TestSettingsAreReadFromAnEnvFile(t *testing.T) {
	s := newShell(t)
	key := s.settings["SECRET_KEY"]
	s.settings["SECRET_KEY"] = ""
	require.NoError(t, os.Unsetenv("SECRET_KEY"))
	delete(s.settings, "SECRET_KEY")
	require.NoError(t, os.WriteFile(".env", []byte("SECRET_KEY="+key+"\n"), 0o600))
	code, out, errs := s.run("", "migrate", "status")
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "00001  applied")
}

func TestBadUsageNamesTheFlag(t *testing.T) {
	s := newShell(t)
	code, _, errs := s.run("", "channel", "set", "--slug", "a", "--site", "cn")
	require.Equal(t, exitOK, code, errs)
	s.settings["SMTP_URL"] = "mail.example.com"
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "koodesk serve"},
		{[]string{"dance"}, `there is no command "dance"`},
		{[]string{"migrate", "sideways"}, "migrate up"},
		{[]string{"channel", "set"}, "--slug is missing"},
		{[]string{"channel", "set", "--slug", "Not A Slug"}, "--slug"},
		{[]string{"channel", "set", "--slug", "a", "--site", "mars"}, "--site"},
		{[]string{"channel", "set", "--slug", "a", "--colour", "red"}, "colour"},
		{[]string{"channel", "set", "--slug", "new"}, "--site"},
		{[]string{"channel", "set", "--slug", "a", "--open-api", "http://mkt.example.com"}, "http://mkt.example.com"},
		{[]string{"product", "set", "--channel", "a", "--product", "*", "--driver", "magic"}, "magic"},
		{[]string{"product", "set", "--channel", "a", "--driver", "manual"}, "either --product or --sku"},
		{[]string{"product", "set", "--channel", "a", "--product", "*", "--sku", "s", "--driver", "manual"}, "either --product or --sku"},
		{[]string{"product", "set", "--channel", "a", "--product", "*", "--driver", "static", "--front-end-url", "https://x/{nonsense}"}, "placeholder nonsense"},
		{[]string{"operator", "add", "--email", "ann@example.com"}, "--role is missing"},
		{[]string{"operator", "add", "--email", "not an address", "--role", "viewer"}, "address"},
		{[]string{"serve", "--jobs"}, "SMTP_URL: "},
	} {
		code, _, errs := s.run("", c.args...)
		require.Equal(t, exitUsage, code, "%v: %s", c.args, errs)
		require.Contains(t, errs, c.says, "%v", c.args)
		require.NotContains(t, errs, "⟦", "%v", c.args)
	}
}

func TestHelpNeedsNoSettings(t *testing.T) {
	s := newShell(t)
	s.settings = map[string]string{"DATABASE_URL": "", "REDIS_URL": "", "SECRET_KEY": ""}
	for _, args := range [][]string{{"help"}, {"version"}, {"channel", "set", "-h"}, {"product", "set", "-h"}, {"serve", "-h"}, {"simulate", "-h"}} {
		code, out, errs := s.run("", args...)
		require.Equal(t, exitOK, code, "%v: %s", args, errs)
		require.NotEmpty(t, out+errs, "%v", args)
		if args[0] == "product" {
			require.Contains(t, out+errs, "{product_id} {linear_value} {amount} {disk_size} {band_width}, and")
		}
	}
}

func TestKeysRotateWithAnOverlap(t *testing.T) {
	s := newShell(t)
	code, out, errs := s.run("key-one\n", "channel", "set", "--slug", "acme", "--site", "intl", "--basic-key", "-")
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "/koogallery/acme")
	_, _, _ = s.run("", "channel", "set", "--slug", "acme", "--basic-key", "key-two")
	keys := func() int {
		c := &cli{}
		c.config.DatabaseURL, c.config.SecretKey = s.settings["DATABASE_URL"], bytes.Repeat([]byte{7}, 32)
		st, err := c.open(context.Background())
		require.NoError(t, err)
		defer st.Close()
		ch, err := st.Reader().ChannelBySlug(context.Background(), "acme")
		require.NoError(t, err)
		require.Equal(t, "key-two", ch.KeysOf("basic", time.Now())[0].Secret)
		return len(ch.KeysOf("basic", time.Now().Add(23*time.Hour)))
	}
	require.Equal(t, 2, keys(), "the replaced key is valid for 24 h")
	for range 4 {
		code, _, errs = s.run("the-ak\nthe-sk\n", "channel", "set", "--slug", "acme", "--sk", "-", "--ak", "-")
		require.Equal(t, exitOK, code, errs)
		require.Equal(t, [2]string{"the-ak", "the-sk"}, credentials(t, s), "lines are read in the order ak, sk")
	}
	code, _, errs = s.run("", "channel", "set", "--slug", "acme", "--retire-old-key-now")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, 1, keys())
	code, out, _ = s.run("", "channel", "list")
	require.Equal(t, exitOK, code)
	require.Equal(t, "acme\tintl\thttps://mkt-intl.myhuaweicloud.com\tpage\n", out)
	code, _, errs = s.run("", "channel", "set", "--slug", "acme", "--v1-pending", "000000")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `--v1-pending "000000" is neither page nor 000004`)
	code, _, errs = s.run("", "channel", "set", "--slug", "acme", "--v1-pending", "000004")
	require.Equal(t, exitOK, code, errs)
	code, out, _ = s.run("", "channel", "list")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "\t000004\n")
}

func TestAKeyInUseIsWarnedAboutAndShownWithItsLastUse(t *testing.T) {
	s := newShell(t)
	code, _, errs := s.run("", "channel", "set", "--slug", "acme", "--site", "cn", "--basic-key", "key-one")
	require.Equal(t, exitOK, code, errs)
	require.NotContains(t, errs, "warning", "nothing used it yet")
	c := &cli{}
	c.config.DatabaseURL, c.config.SecretKey = s.settings["DATABASE_URL"], bytes.Repeat([]byte{7}, 32)
	st, err := c.open(context.Background())
	require.NoError(t, err)
	defer st.Close()
	used := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	require.NoError(t, st.TouchKey(context.Background(), 1, used))
	_, _, errs = s.run("", "channel", "set", "--slug", "acme", "--basic-key", "key-one")
	require.NotContains(t, errs, "warning", "the same key again changes nothing")
	_, _, errs = s.run("", "channel", "set", "--slug", "acme", "--basic-key", "key-two")
	require.Contains(t, errs, "was last used at 2026-01-31T08:00:00Z")
	_, _, errs = s.run("", "channel", "set", "--slug", "acme", "--kit-key", "key-two")
	require.Contains(t, errs, "The new key of “kit” is the key of “basic” too")
	code, out, errs := s.run("", "channel", "keys", "--slug", "acme")
	require.Equal(t, exitOK, code, errs)
	require.Regexp(t, `(?m)^basic\tpresent\tcreated \S+\tlast used never$`, out)
	require.Regexp(t, `(?m)^basic\tvalid until \S+\tcreated \S+\tlast used 2026-01-31T08:00:00Z$`, out)
	require.NotContains(t, out+errs, "key-two")
}

func credentials(t *testing.T, s *shell) [2]string {
	t.Helper()
	c := &cli{}
	c.config.DatabaseURL, c.config.SecretKey = s.settings["DATABASE_URL"], bytes.Repeat([]byte{7}, 32)
	st, err := c.open(context.Background())
	require.NoError(t, err)
	defer st.Close()
	ch, err := st.Reader().ChannelBySlug(context.Background(), "acme")
	require.NoError(t, err)
	return [2]string{ch.AK, ch.SK}
}

func TestOperatorsAndTokens(t *testing.T) {
	s := newShell(t)
	code, out, errs := s.run("", "operator", "add", "--email", "ann@example.com", "--role", "admin")
	require.Equal(t, exitOK, code, errs)
	require.Regexp(t, `(?m)^one-time password: \S{16,}$`, out)
	code, _, errs = s.run("", "operator", "add", "--email", "ann@example.com", "--role", "admin")
	require.Equal(t, exitFailed, code, "there already: %s", errs)
	code, _, errs = s.run("a long enough password\n", "operator", "password", "--email", "ann@example.com", "--password-stdin")
	require.Equal(t, exitOK, code, errs)
	_, out, _ = s.run("", "operator", "list")
	require.Equal(t, "ann@example.com\tadmin\tactive\n", out)
	code, out, errs = s.run("", "token", "create", "--name", "ci", "--role", "viewer")
	require.Equal(t, exitOK, code, errs)
	require.Regexp(t, `^kd_[A-Za-z0-9_-]{40,}\n$`, out)
	code, _, errs = s.run("", "token", "revoke", "--id", "1")
	require.Equal(t, exitOK, code, errs)
	_, out, _ = s.run("", "token", "list")
	require.Equal(t, "1\tci\tviewer\trevoked\n", out)
	code, _, errs = s.run("", "operator", "disable", "--email", "ann@example.com")
	require.Equal(t, exitOK, code, errs)
	_, out, _ = s.run("", "operator", "list")
	require.Equal(t, "ann@example.com\tadmin\tdisabled\n", out)
}

func TestDoctor(t *testing.T) {
	s := newShell(t)
	s.settings["PUBLIC_URL"] = "http://127.0.0.1:1"
	code, out, errs := s.run("", "doctor")
	require.Equal(t, exitFailed, code, "%s%s", out, errs)
	require.Regexp(t, "fail  durability .*synchronous_commit is off", out) // tests wait for no disk
	require.Equal(t, 1, strings.Count(out, "fail  "), out)
	for _, line := range []string{"ok    database", "ok    migrations", "ok    clock", "ok    redis", "warn  mail", "warn  channels", "warn  public"} {
		require.Contains(t, out, line)
	}
	s.settings["REDIS_URL"] = "redis://127.0.0.1:1/0"
	for name, value := range map[string]string{"DRIVER": "huawei", "URL": "http://sms.example.com", "KEY": "k", "SECRET": "s", "SENDER": "88", "TEMPLATES": "usage_info.en=a"} {
		s.settings["SMS_"+name] = value
	}
	code, out, _ = s.run("", "doctor")
	require.Equal(t, exitFailed, code)
	require.Regexp(t, "fail  sms .*SMS_URL: .*passwords would travel readable", out)
	require.Contains(t, out, "fail  redis")
}

func TestWhatIsAcknowledgedMustBeOnTheDisk(t *testing.T) {
	t.Parallel()
	for h, found := range map[store.Health]int{
		{Fsync: "on", SynchronousCommit: "on"}: 0, {Fsync: "on", SynchronousCommit: "remote_apply"}: 0,
		{Fsync: "off", SynchronousCommit: "on"}: 1, {Fsync: "on", SynchronousCommit: "off"}: 1,
	} {
		require.Len(t, checkDurability(h), found, "%+v", h)
	}
}

func TestDownAndUpAgain(t *testing.T) {
	s := newShell(t)
	for {
		_, out, _ := s.run("", "migrate", "status")
		if !strings.Contains(out, "applied") {
			break
		}
		code, _, errs := s.run("", "migrate", "down")
		require.Equal(t, exitOK, code, errs)
	}
	code, _, errs := s.run("", "serve")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "koodesk migrate up")
	code, _, errs = s.run("", "migrate", "up")
	require.Equal(t, exitOK, code, errs)
}
