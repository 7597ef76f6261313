package market

import (
	"net"
	"net/url"
)

// Loopback tells whether a host is this very machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Confidential tells whether what is sent to an address cannot be read on the way: by
// https, or by http to this very machine, for a stand-in.
func Confidential(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && Loopback(u.Hostname())
}
