package marketapi

import (
	"net/url"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// parseBase checks the base address of the open APIs. HTTPS is the only way to
// the marketplace (page CN 0070649466); plain http is let through to this very
// machine, for a stand-in. Fault: Invalid, "<op>.bad_address", argument
// "address" (without credentials that somebody may have put in it).
func parseBase(op, baseURL string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(baseURL))
	if err != nil || u.Host == "" || u.Opaque != "" {
		return nil, fault.New(fault.Invalid, op+".bad_address", "address", "?")
	}
	shown := u.Scheme + "://" + u.Host
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || !market.Confidential(u) {
		return nil, fault.New(fault.Invalid, op+".bad_address", "address", shown)
	}
	return u, nil
}

// CheckAddress tells whether an address can be used for the open APIs, before it
// is stored. Fault: invalid "order_query.bad_address".
func CheckAddress(baseURL string) error {
	_, err := parseBase("order_query", baseURL)
	return err
}
