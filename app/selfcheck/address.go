package selfcheck

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"koodesk/app/market"
)

// expiresSoon is how long before its end a certificate is worth a warning.
const expiresSoon = 21 * 24 * time.Hour

// address looks at what the marketplace demands of a production address
// ("authToken Value", CN 0070649475; License codes, CN 0070649248): https, a
// domain name, port 443, TLS 1.2 or newer, a certificate of a trusted authority.
func (r *runner) address(ctx context.Context) []Check {
	u, err := url.Parse(r.o.URL)
	if err != nil || u.Hostname() == "" {
		return []Check{{"scheme", Fail, map[string]string{"url": r.o.URL}}}
	}
	host, port := u.Hostname(), u.Port()
	checks := []Check{check("scheme", u.Scheme == "https", "url", r.o.URL)}
	_, ipErr := netip.ParseAddr(host)
	checks = append(checks, check("host", ipErr != nil && host != "localhost", "host", host))
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	if c := check("port", port == "443", "port", port); c.Status == OK || r.wants(LicenseCode) {
		checks = append(checks, c)
	} else {
		c.Status = Warn
		checks = append(checks, c)
	}
	if ipErr != nil {
		checks = append(checks, r.resolve(ctx, host))
	}
	if r.o.Keys[market.KitKey] != "" { // what it signs is refused here, so nothing is sent
		checks = append(checks, Check{Name: "kit", Status: Warn, Args: map[string]string{"interfaces": strings.Join(market.KitActivities(), ", ")}})
	}
	if u.Scheme != "https" {
		return checks
	}
	return append(checks, r.tls(ctx, host, net.JoinHostPort(host, port))...)
}

func check(name string, good bool, args ...string) Check {
	c := Check{Name: name, Status: OK, Args: map[string]string{}}
	if !good {
		c.Status = Fail
	}
	for i := 0; i+1 < len(args); i += 2 {
		c.Args[args[i]] = args[i+1]
	}
	return c
}

// resolve asks the real DNS. An address that only this network can reach may
// still be right: the name may have another one outside.
func (r *runner) resolve(ctx context.Context, host string) Check {
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	addrs, err := r.o.Lookup(ctx, host)
	if err != nil || len(addrs) == 0 {
		return check("dns", false, "host", host, "error", plain(err))
	}
	c := check("dns", true, "host", host, "addresses", strings.Join(addrs, ", "))
	for _, a := range addrs {
		if ip, err := netip.ParseAddr(a); err == nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()) {
			c.Status = Warn
		}
	}
	return c
}

func (r *runner) tls(ctx context.Context, host, address string) []Check {
	state, err := r.handshake(ctx, host, address, tls.VersionTLS12, 0)
	if err != nil {
		name := "tls"
		var invalid *tls.CertificateVerificationError
		if errors.As(err, &invalid) {
			name = "certificate"
		}
		return []Check{check(name, false, "host", host, "error", plain(err))}
	}
	leaf := state.PeerCertificates[0]
	until := leaf.NotAfter
	cert := check("certificate", true, "host", host, "issuer", leaf.Issuer.String(), "until", until.UTC().Format(time.DateOnly))
	if until.Sub(r.o.Now()) < expiresSoon {
		cert.Status = Warn
	}
	checks := []Check{check("tls", true, "version", tls.VersionName(state.Version), "cipher", tls.CipherSuiteName(state.CipherSuite)), cert}
	old := check("old_tls", true)
	if _, err := r.handshake(ctx, host, address, tls.VersionTLS10, tls.VersionTLS11); err == nil {
		old.Status = Warn
	}
	return append(checks, old)
}

// handshake makes one TLS connection; the highest version 0 is the library's.
func (r *runner) handshake(ctx context.Context, host, address string, lowest, highest uint16) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	conn, err := r.o.Dial(ctx, "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	c := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: r.o.RootCAs, MinVersion: lowest, MaxVersion: highest})
	if err := c.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, err
	}
	return c.ConnectionState(), nil
}

func plain(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
