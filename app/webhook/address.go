package webhook

import (
	"net/netip"
	"net/url"
	"strings"

	"koodesk/app/fault"
)

// maxURL bounds a target's address.
const maxURL = 2048

// CheckURL tells whether an address can be a target, before it is stored:
// absolute, https (http only if any private address is allowed at all), without
// user, password and fragment; and, where it names an address itself, one that
// may be called. Faults: invalid "webhook.bad_url", "webhook.plain_http"; refused
// "webhook.address_refused" (host).
func (a Allow) CheckURL(target string) error {
	u, err := url.Parse(target)
	if err != nil || len(target) > maxURL || u.Opaque != "" || u.Hostname() == "" || u.User != nil || u.Fragment != "" ||
		u.Scheme != "https" && u.Scheme != "http" || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fault.New(fault.Invalid, "webhook.bad_url")
	}
	if u.Scheme == "http" && !a.Any() {
		return fault.New(fault.Invalid, "webhook.plain_http", "host", u.Hostname())
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !a.permits(u.Hostname(), ip, u.Scheme == "https") {
		return fault.Wrap(errRefused, fault.Refused, "webhook.address_refused", "host", u.Hostname())
	}
	return nil
}

// Shown is a target's address for screens, logs and the audit: without its
// query, which may hold a secret.
func Shown(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "?"
	}
	shown := u.Scheme + "://" + u.Host + u.Path
	if u.RawQuery != "" {
		shown += "?…"
	}
	return shown
}

func hostOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "?"
	}
	return u.Host
}
