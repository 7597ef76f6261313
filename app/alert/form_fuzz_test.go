package alert

import (
	"testing"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/webhook"
)

// FuzzVerdict: whatever a robot answers is a yes, a no or a "later", and what is
// kept of it is short and fit to be shown.
func FuzzVerdict(f *testing.F) {
	for _, seed := range []string{"", "ok", `{"errcode":0}`, `{"code":0,"errcode":0}`, `{"errcode":"310000","errmsg":"sign\nnot\u0000match"}`, `{"code":1e5,"msg":"\ud800"}`,
		`{"code":11232}`, `{"code":-0}`, `<html>`, `{"errcode":000000000000000000000000000000000000000000001}`, `{"errcode":1111111111111111111111111111111111111111111111111111111111111111111111111111}`} {
		f.Add(200, []byte(seed))
		f.Add(404, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, answer []byte) {
		for medium, form := range forms {
			var errs []error
			if form.judge != nil {
				errs = append(errs, form.judge(answer).fault(medium))
			}
			errs = append(errs, refusedStatus(medium, webhook.Answer{Status: status, Body: answer}, fault.New(fault.Unavailable, "webhook.status")))
			for _, err := range errs {
				if err == nil {
					continue
				}
				r := fault.ToRecord(fault.From(err))
				for name, v := range r.Args {
					if len(v) > 64 || !utf8.ValidString(v) {
						t.Fatalf("%s: %s is %q", medium, name, v)
					}
				}
				if len(r.Detail) > 1000 || !utf8.ValidString(r.Detail) {
					t.Fatalf("%s: %q", medium, r.Detail)
				}
			}
		}
	})
}
