package store

import (
	"encoding/json"
	"net/url"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// MaskApp gives the access data without what names a person: the customer's
// address and number, in every form in which a template may have written them.
func MaskApp(a market.AppInfo, email, phone string) market.AppInfo {
	var pairs []string
	for _, p := range []struct{ value, mask string }{{email, MaskEmail(email)}, {phone, MaskPhone(phone)}} {
		if p.value == "" {
			continue
		}
		for _, form := range []string{p.value, url.QueryEscape(p.value), url.PathEscape(p.value)} {
			pairs = append(pairs, form, p.mask)
		}
	}
	r := strings.NewReplacer(pairs...)
	a.FrontEndURL, a.AdminURL = r.Replace(a.FrontEndURL), r.Replace(a.AdminURL)
	a.UserName, a.Memo = r.Replace(a.UserName), r.Replace(a.Memo)
	return a
}

// sealApp is what the plain columns show of the access data and, where that is
// not all, the whole of it sealed. The password has a column of its own.
func (t *Tx) sealApp(i *Instance) (shown market.AppInfo, sealed []byte, err error) {
	whole := i.App
	whole.Password = ""
	shown = MaskApp(whole, i.Email, i.Phone)
	if shown == whole {
		return shown, nil, nil
	}
	b, err := json.Marshal(whole)
	if err != nil {
		return shown, nil, fault.Wrap(err, fault.Internal, "internal")
	}
	return shown, t.keys.Seal(seal.Access, b), nil
}

// openApp puts the whole access data over what the plain columns show.
func (r *Reader) openApp(a *market.AppInfo, sealed []byte) error {
	if len(sealed) == 0 {
		return nil
	}
	plain, err := r.keys.Open(seal.Access, sealed)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	password := a.Password
	if err := json.Unmarshal(plain, a); err != nil {
		return fault.Wrap(err, fault.Internal, "internal")
	}
	a.Password = password
	return nil
}
