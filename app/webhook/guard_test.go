package webhook

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
)

func TestOnlyThePublicInternetIsReachedUnlessTheOperatorAllowsMore(t *testing.T) {
	t.Parallel()
	nets := Allow{Nets: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/64")}}
	hosts := Allow{Hosts: []string{"tenants.internal"}}
	for text, public := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "172.15.0.1": true, "172.32.0.1": true, "100.63.255.255": true, "100.128.0.1": true,
		"2606:4700:4700::1111": true, "2a00:1450::1": true, "::ffff:8.8.8.8": true, "64:ff9b::8.8.8.8": true,
		"0.0.0.0": false, "0.1.2.3": false, "127.0.0.1": false, "127.255.255.254": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.168.1.1": false, "169.254.169.254": false, "169.254.0.1": false, "100.64.0.1": false, "100.100.100.200": false, "100.127.255.255": false,
		"192.0.0.1": false, "192.0.2.1": false, "192.88.99.1": false, "198.18.0.1": false, "198.19.255.255": false, "198.51.100.1": false, "203.0.113.1": false,
		"224.0.0.1": false, "239.1.1.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:ec2::254": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "::10.0.0.1": false,
		"64:ff9b::127.0.0.1": false, "64:ff9b::169.254.169.254": false, "64:ff9b:1::1": false, "2002:7f00:1::": false, "2002:a00:1::1": false,
		"2001::1": false, "2001:db8::1": false, "3fff::1": false, "5f00::1": false, "100::1": false, "fec0::1": false,
	} {
		ip := netip.MustParseAddr(text)
		require.Equal(t, public, Allow{}.permits("h", ip, true), text)
		require.False(t, Allow{}.permits("h", ip, false), "%s in clear", text)
		isMetadata := text == "169.254.169.254" || text == "::ffff:169.254.169.254" || text == "64:ff9b::169.254.169.254" ||
			text == "100.100.100.200" || text == "fd00:ec2::254"
		require.Equal(t, !isMetadata, Allow{All: true}.permits("h", ip, false), "%s, everything allowed", text)
		require.Equal(t, public, nets.permits("h", ip, true), "%s, another network allowed", text)
		require.Equal(t, !isMetadata, hosts.permits("Tenants.Internal", ip, false), "%s by an allowed name", text)
		require.Equal(t, public, hosts.permits("other.internal", ip, true), "%s by another name", text)
	}
	for _, text := range []string{"10.1.2.3", "::ffff:10.1.2.3", "fd00::7", "64:ff9b::10.1.2.3"} {
		require.True(t, nets.permits("h", netip.MustParseAddr(text), false), text)
	}
	named := Allow{Nets: []netip.Prefix{netip.MustParsePrefix("169.254.169.254/32")}}
	require.True(t, named.permits("h", netip.MustParseAddr("169.254.169.254"), false), "named one by one, even that is allowed")
	require.False(t, Allow{}.permits("h", netip.Addr{}, true))
}

func TestTargetsAreCheckedBeforeTheyAreStored(t *testing.T) {
	t.Parallel()
	loopback := Allow{Nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	for target, want := range map[string]struct {
		strict, loopback string
	}{
		"https://app.example.com/hook?tenant=1": {"", ""},
		"https://8.8.8.8/":                      {"", ""},
		"http://app.example.com/hook":           {"webhook.plain_http", ""}, // where it leads is seen when it is dialled
		"http://127.0.0.1:9000/":                {"webhook.plain_http", ""},
		"https://127.0.0.1/":                    {"webhook.address_refused", ""},
		"https://[::1]:8443/":                   {"webhook.address_refused", ""},
		"https://[::ffff:169.254.169.254]/":     {"webhook.address_refused", "webhook.address_refused"},
		"https://10.0.0.1/":                     {"webhook.address_refused", "webhook.address_refused"},
		"http://8.8.8.8/":                       {"webhook.plain_http", "webhook.address_refused"},
		"https://user:pass@app.example.com/":    {"webhook.bad_url", "webhook.bad_url"},
		"https://app.example.com/#x":            {"webhook.bad_url", "webhook.bad_url"},
		"https:///hook":                         {"webhook.bad_url", "webhook.bad_url"},
		"ftp://app.example.com/":                {"webhook.bad_url", "webhook.bad_url"},
		"file:///etc/passwd":                    {"webhook.bad_url", "webhook.bad_url"},
		"app.example.com/hook":                  {"webhook.bad_url", "webhook.bad_url"},
		"https://app.example.com/a b":           {"webhook.bad_url", "webhook.bad_url"},
		"https://例子.cn/":                        {"webhook.bad_url", "webhook.bad_url"},
		"":                                      {"webhook.bad_url", "webhook.bad_url"},
	} {
		require.Equal(t, want.strict, keyOf(Allow{}.CheckURL(target)), target)
		require.Equal(t, want.loopback, keyOf(loopback.CheckURL(target)), target)
	}
	require.Equal(t, "https://a.example.com/hook?…", Shown("https://a.example.com/hook?key=secret"))
}

func keyOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.From(err).Key
}
