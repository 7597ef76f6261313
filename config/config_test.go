package config_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/config"
)

func lookup(m map[string]string) func(string) (string, bool) {
	return func(n string) (string, bool) { v, ok := m[n]; return v, ok }
}

func valid() map[string]string {
	return map[string]string{
		"DATABASE_URL": "postgres://u@127.0.0.1/db?sslmode=disable",
		"REDIS_URL":    "redis://127.0.0.1:6379/0",
		"SECRET_KEY":   base64.StdEncoding.EncodeToString(make([]byte, 32)),
	}
}

func TestDefaultsAreComplete(t *testing.T) {
	t.Parallel()
	c, err := config.Parse(lookup(valid()))
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8080", c.Addr)
	require.Equal(t, "Asia/Shanghai", c.TZDisplay.String())
	require.Equal(t, "Asia/Shanghai", c.TZCustomers.String())
	require.Equal(t, 10, c.Workers)
}

func TestEveryFaultIsToldAtOnceAndNamesItsVariable(t *testing.T) {
	t.Parallel()
	_, err := config.Parse(lookup(map[string]string{"ADDR": "nonsense", "LOG_FORMAT": "xml", "TRUSTED_PROXIES": "10.0.0.0/8, here"}))
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 6)
	for i, name := range []string{"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ADDR", "LOG_FORMAT", "TRUSTED_PROXIES"} {
		require.True(t, strings.HasPrefix(lines[i], name+": "), lines[i])
	}
	require.Contains(t, lines[2], "openssl rand -base64 32")
}

func TestFaultsNeverShowASecret(t *testing.T) {
	t.Parallel()
	for _, o := range config.Options() {
		if !o.Secret {
			continue
		}
		m := valid()
		m[o.Name] = "hunter2-not-a-valid-value"
		_, err := config.Parse(lookup(m))
		if err != nil {
			require.NotContains(t, err.Error(), "hunter2", o.Name)
		}
	}
}

func TestWrongValues(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"DATABASE_URL": "mysql://x", "REDIS_URL": "127.0.0.1:6379", "SECRET_KEY": "c2hvcnQ=", "SECRET_KEY_OLD": "c2hvcnQ=",
		"ADDR": "127.0.0.1:99999", "METRICS_ADDR": "x", "PUBLIC_URL": "koodesk.example.com", "SMS_DRIVER": "pigeon",
		"TZ_DISPLAY": "Mars/Olympus", "TZ_CUSTOMERS": "Local", "LOG_FORMAT": "xml", "LOG_LEVEL": "loud", "TRUSTED_PROXIES": "nowhere", "WEBHOOK_ALLOW_PRIVATE": "http://10.0.0.1", "WORKERS": "0", "DB_MAX_CONNS": "one", "MAIL_DEDUPES": "maybe", "MAIL_WAIT_SECONDS": "3",
	} {
		m := valid()
		m[name] = value
		_, err := config.Parse(lookup(m))
		require.ErrorContains(t, err, name+": ")
	}
}

func TestWebhooksMayGoWhereTheOperatorSays(t *testing.T) {
	t.Parallel()
	m := valid()
	m["WEBHOOK_ALLOW_PRIVATE"] = "10.1.2.3/8, ::1 127.0.0.1,Tenants.Internal"
	c, err := config.Parse(lookup(m))
	require.NoError(t, err)
	require.Equal(t, "[10.0.0.0/8 ::1/128 127.0.0.1/32] [tenants.internal] false", fmt.Sprint(c.WebhookAllow.Nets, c.WebhookAllow.Hosts, c.WebhookAllow.All))
	m["WEBHOOK_ALLOW_PRIVATE"] = "all"
	c, err = config.Parse(lookup(m))
	require.NoError(t, err)
	require.True(t, c.WebhookAllow.All)
}

func TestFileIsReadAndTheEnvironmentWins(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	var b strings.Builder
	for k, v := range valid() {
		b.WriteString(k + "=" + v + "\n")
		t.Setenv(k, "")
		require.NoError(t, os.Unsetenv(k))
	}
	require.NoError(t, os.WriteFile(file, []byte(b.String()+"ADDR=127.0.0.1:1111\nWORKERS=3\n"), 0o600))
	t.Setenv("ADDR", "127.0.0.1:2222")
	c, err := config.Load(file)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:2222", c.Addr)
	require.Equal(t, 3, c.Workers)
}

func TestExampleFileIsTheTable(t *testing.T) {
	t.Parallel()
	got, err := os.ReadFile("koodesk.env.example")
	require.NoError(t, err)
	require.Equal(t, config.Example(), string(got), "run: go test ./config -write")
}

func TestReadmeHoldsTheTable(t *testing.T) {
	t.Parallel()
	got, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	require.Contains(t, string(got), config.Table())
}

func TestAnSMSDriverSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	for driver, want := range map[string][]string{"huawei": {"SMS_URL", "SMS_KEY", "SMS_SECRET", "SMS_SENDER", "SMS_TEMPLATES"}, "webhook": {"SMS_URL", "SMS_SECRET"}} {
		m := valid()
		m["SMS_DRIVER"] = driver
		_, err := config.Parse(lookup(m))
		require.Error(t, err)
		lines := strings.Split(err.Error(), "\n")
		require.Len(t, lines, len(want))
		for i, name := range want {
			require.Contains(t, lines[i], name+": is missing; SMS_DRIVER="+driver+" needs ")
		}
	}
	m := valid()
	for name, value := range map[string]string{"SMS_DRIVER": "huawei", "SMS_URL": "https://sms.example.com:443", "SMS_KEY": "k", "SMS_SECRET": "s", "SMS_SENDER": "88",
		"SMS_TEMPLATES": "usage_info.en=a", "SMS_PUSH_KEYS": "a:b, c:d"} {
		m[name] = value
	}
	c, err := config.Parse(lookup(m))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "b", "c": "d"}, c.SMS.PushKeys)
	require.Equal(t, "86", c.SMS.Country)
	for name, value := range map[string]string{"SMS_URL": "sms.example.com", "SMS_AUTH": "basic", "SMS_COUNTRY": "0086", "SMS_PUSH_KEYS": "hunter2", "SMS_SENDER": "1234567890123456789012"} {
		was := m[name]
		m[name] = value
		_, err := config.Parse(lookup(m))
		require.ErrorContains(t, err, name+": ")
		require.NotContains(t, err.Error(), "hunter2")
		m[name] = was
	}
}

func TestRetentionIsInDays(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]string{"0": "", "35": "", "34": `RETAIN_ATTEMPTS: "34" is neither 0 nor a number from 35 to 36500`, "-1": "RETAIN_ATTEMPTS: ", "a year": "RETAIN_ATTEMPTS: "} {
		_, err := config.Parse(func(name string) (string, bool) {
			if name == "RETAIN_ATTEMPTS" {
				return v, true
			}
			return "", false
		})
		require.Error(t, err) // what is required is missing
		if want == "" {
			require.NotContains(t, err.Error(), "RETAIN_")
		} else {
			require.Contains(t, err.Error(), want)
		}
	}
}
