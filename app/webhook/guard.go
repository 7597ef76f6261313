package webhook

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"koodesk/app/fault"
)

// Allow says which addresses that are not on the public internet may be called
// all the same. The zero value allows none.
type Allow struct {
	All   bool           // everything but the metadata addresses of clouds
	Nets  []netip.Prefix // these networks, metadata addresses included when they are in one
	Hosts []string       // whatever these names (in lower case) lead to, but for metadata addresses
}

// Any tells whether anything private is allowed at all.
func (a Allow) Any() bool { return a.All || len(a.Nets) > 0 || len(a.Hosts) > 0 }

// metadata are the addresses at which clouds hand out a machine's credentials.
var metadata = []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("169.254.170.2"), netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254")}

// special are the parts of the public ranges that lead elsewhere (IANA's
// special-purpose registries): this network, CGNAT, protocol assignments,
// documentation, 6to4 relays, benchmarks, reserved; Teredo and its neighbours,
// documentation, 6to4.
var special = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

var (
	globalV6 = netip.MustParsePrefix("2000::/3")
	nat64    = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// reached is the address that is reached in the end: without zone, and the IPv4
// address inside of one that only wraps it.
func reached(ip netip.Addr) netip.Addr {
	ip = ip.WithZone("").Unmap()
	if nat64.Contains(ip) {
		b := ip.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	if b := ip.As16(); ip.Is6() && isZero(b[:12]) { // ::1.2.3.4, long deprecated; :: and ::1 are kept as they are
		if v4 := netip.AddrFrom4([4]byte(b[12:])); v4.As4()[0] != 0 {
			return v4
		}
	}
	return ip
}

func isZero(b []byte) bool { return !slices.ContainsFunc(b, func(x byte) bool { return x != 0 }) }

// public tells whether an address is one of the public internet.
func public(ip netip.Addr) bool {
	if !ip.IsValid() || !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Is6() && !globalV6.Contains(ip) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// listed tells whether an address that is not public is allowed for a host.
func (a Allow) listed(host string, ip netip.Addr) bool {
	if slices.ContainsFunc(a.Nets, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return true
	}
	if slices.Contains(metadata, ip) {
		return false
	}
	return a.All || slices.Contains(a.Hosts, strings.ToLower(host))
}

// permits tells whether an address may be dialled for a host. Without
// encryption only what is listed may be: nothing signed crosses the internet in
// clear.
func (a Allow) permits(host string, address netip.Addr, encrypted bool) bool {
	ip := reached(address)
	return a.listed(host, ip) || encrypted && public(ip)
}

var errRefused = errors.New("the address is not on the public internet, and WEBHOOK_ALLOW_PRIVATE does not list it")

// dial connects, and checks the very address that is dialled, after the name
// was resolved: a name may lead anywhere, and elsewhere at each look.
func (a Allow) dial(encrypted bool) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		d := net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second, Control: func(_, dialled string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(dialled)
			if err != nil || !a.permits(host, at.Addr(), encrypted) {
				return fault.Wrap(errRefused, fault.Refused, "webhook.address_refused", "host", host)
			}
			return nil
		}}
		return d.DialContext(ctx, network, address)
	}
}
