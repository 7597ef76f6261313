package store

import (
	"cmp"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// Shown is the access data without what names a person: the customer's address
// and number, and those among the parameters of the order, in every form in
// which a template may have written them.
func (i *Instance) Shown() market.AppInfo {
	personal := []struct{ value, mask string }{{i.Email, MaskEmail(i.Email)}, {i.Phone, MaskPhone(i.Phone)}}
	for _, v := range i.Params {
		switch {
		case strings.Contains(v, "@"):
			personal = append(personal, struct{ value, mask string }{v, MaskEmail(v)})
		case numbers.MatchString(v):
			personal = append(personal, struct{ value, mask string }{v, MaskPhone(v)})
		}
	}
	// The longest first: one may be a part of another.
	slices.SortFunc(personal, func(a, b struct{ value, mask string }) int {
		return cmp.Or(cmp.Compare(len(b.value), len(a.value)), strings.Compare(a.value, b.value))
	})
	a := i.App
	var pairs []string
	for _, p := range personal {
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

// numbers are telephone numbers, and others by which people are known.
var numbers = regexp.MustCompile(`^\+?[0-9][0-9 -]{6,}[0-9Xx]$`)

// sealApp is what the plain columns show of the access data and, where that is
// not all, the whole of it sealed. The password has a column of its own.
func (t *Tx) sealApp(i *Instance) (shown market.AppInfo, sealed []byte, err error) {
	whole := i.App
	shown = i.Shown()
	whole.Password, shown.Password = "", ""
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
