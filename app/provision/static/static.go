// Package static is the driver for products that are there already: the access
// data is written from templates over the order's fields, with a password that
// is generated once per instance. It calls nobody and keeps nothing.
package static

import (
	"context"
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/store"
)

// Name is the driver's name in a product's entry.
const Name = "static"

// The fields of the settings that hold templates.
const (
	fieldFrontEndURL = "front_end_url"
	fieldAdminURL    = "admin_url"
	fieldUserName    = "user_name"
	fieldMemo        = "memo"
)

// Driver implements provision.Driver.
type Driver struct{}

// Provision renders the templates and generates the password, if the product
// wants one.
func (Driver) Provision(_ context.Context, r provision.Request) (provision.Result, error) {
	a, err := render(r.Settings, values(r))
	if err != nil {
		return provision.Result{}, err
	}
	if r.Settings.GeneratePassword {
		a.Password = generatePassword(r.Settings)
	}
	return provision.Result{Access: a}, nil
}

// Change renders addresses and memo again; user name and password stay. Access
// data that another driver or a person made waits for a person: the templates
// know nothing of it.
func (Driver) Change(_ context.Context, r provision.Request) (provision.Result, error) {
	if r.MadeBy != Name {
		return provision.Result{Waiting: true}, nil
	}
	r.Settings.UserName = ""
	a, err := render(r.Settings, values(r))
	if err != nil {
		return provision.Result{}, err
	}
	a.UserName, a.Password = r.Access.UserName, r.Access.Password
	return provision.Result{Access: a}, nil
}

// CanChange tells whether the templates would give access data that fits; what a
// person is going to see to is possible.
func (d Driver) CanChange(ctx context.Context, r provision.Request, target []market.ProductInfo) error {
	if r.MadeBy != "" && r.MadeBy != Name {
		return nil
	}
	r.MadeBy = Name
	for _, product := range target {
		r.Product = product
		result, err := d.Change(ctx, r)
		if err != nil {
			return err
		}
		if err := result.Access.Check(); err != nil {
			return err
		}
	}
	return nil
}

// CheckSettings is CheckTemplates; the driver needs no secret.
func (Driver) CheckSettings(s store.ProductSettings, _ string) error { return CheckTemplates(s) }

// CheckTemplates tells whether the templates of a product can give access data,
// by filling in values of the usual form. Faults, all invalid, each naming the
// field of the settings: template.missing (no front_end_url), template.unclosed,
// template.unknown_placeholder, template.place, template.bad_url,
// template.too_long (limit), template.control.
func CheckTemplates(s store.ProductSettings) error {
	a, err := render(s, sampled)
	if err != nil {
		return err
	}
	err = a.Check()
	if err == nil {
		return nil
	}
	f := fault.From(err)
	key := map[string]string{"access.field_missing": "template.missing", "access.field_url": "template.bad_url",
		"access.field_too_long": "template.too_long", "access.field_control": "template.control"}[f.Key]
	field := map[string]string{"frontEndUrl": fieldFrontEndURL, "adminUrl": fieldAdminURL, "userName": fieldUserName,
		"memo": fieldMemo}[f.Args["field"]]
	args := []string{"field", field}
	if limit := f.Args["limit"]; limit != "" {
		args = append(args, "limit", limit)
	}
	return fault.New(fault.Invalid, key, args...)
}

// sampled fills in the samples, and a plain word for any extension parameter.
func sampled(name string) (string, bool) {
	if _, isParam := paramName(name); isParam {
		return "value", true
	}
	p, _ := find(name)
	return p.sample, true
}

func values(r provision.Request) lookup {
	return func(name string) (string, bool) {
		if param, isParam := paramName(name); isParam {
			v, known := r.Params[param]
			return v, known
		}
		p, _ := find(name)
		return p.value(r), true
	}
}

// number writes a size; one that the product does not have is empty, as any other
// value that is not there.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// render fills every template.
func render(s store.ProductSettings, values lookup) (provision.Access, error) {
	var a provision.Access
	for _, f := range []struct {
		to    *string
		field string
		from  string
		isURL bool
	}{
		{&a.FrontEndURL, fieldFrontEndURL, s.FrontEndURL, true},
		{&a.AdminURL, fieldAdminURL, s.AdminURL, true},
		{&a.UserName, fieldUserName, s.UserName, false},
		{&a.Memo, fieldMemo, s.Memo, false},
	} {
		t, err := parse(f.field, f.from, f.isURL)
		if err != nil {
			return a, err
		}
		if *f.to, err = t.render(values); err != nil {
			return a, err
		}
	}
	return a, nil
}
