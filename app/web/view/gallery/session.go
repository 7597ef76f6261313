package gallery

import (
	"time"

	"koodesk/app/fault"
	"koodesk/app/web/view"
)

func (k look) stranger(here string) view.Shell {
	s := k.shell("", here)
	s.Operator, s.Counts = view.Operator{}, nil
	return s
}

func (k look) login() view.LoginPage {
	return view.LoginPage{Shell: k.stranger("/login"), Email: view.Field{Name: "email"}, Password: view.Field{Name: "password"}, Next: "/messages?status=failed"}
}

func (k look) broken(status int, code fault.Code, key, retry string) view.ErrorPage {
	return view.ErrorPage{Shell: k.shell("", "/x"), Status: status, Fault: &fault.Record{Code: code, Key: key},
		RequestID: "01JD8Z3V9K4QW6N2", Retry: retry, Home: "/"}
}

func (k look) account() view.AccountPage {
	return view.AccountPage{Shell: k.shell(view.RoomAccount, "/account"), MinLength: 12, Rows: 50, RowChoices: view.RowChoices,
		Facts: []view.Fact{
			{Label: view.Say("fact.email"), Value: "ann.zhang@example.com"}, {Label: view.Say("fact.role"), Text: view.Say("role.operator")},
			{Label: view.Say("fact.created"), Time: ago(200 * 24 * time.Hour)}, {Label: view.Say("fact.last_login"), Time: ago(3 * time.Hour)}},
		Current: view.Field{Name: "current"}, New: view.Field{Name: "new"}, Repeat: view.Field{Name: "repeat"}}
}

func session(op look) []Sample {
	wrong := op.login()
	wrong.Email.Value, wrong.Fault = "ann.zhang@example.com", &fault.Record{Code: fault.Unauthenticated, Key: "signin.wrong"}
	expired := op.login()
	expired.Notice = view.Say("login.expired")
	alone := op.broken(404, fault.NotFound, "page.unknown", "")
	alone.Shell = op.stranger("/x")
	change := op.account()
	change.MustChange, change.New.Wrong, change.Repeat.Wrong = true, view.Say("account.too_short", "n", 12), view.Say("account.mismatch")
	change.Theme = "dark"
	return []Sample{
		{"login", view.PageLogin, op.login()},
		{"login-wrong", view.PageLogin, wrong},
		{"login-expired", view.PageLogin, expired},
		{"account", view.PageAccount, op.account()},
		{"account-change", view.PageAccount, change},
		{"error-404", view.PageError, op.broken(404, fault.NotFound, "page.unknown", "")},
		{"error-404-alone", view.PageError, alone},
		{"error-403", view.PageError, op.broken(403, fault.Forbidden, "page.forbidden", "")},
		{"error-csrf", view.PageError, op.broken(403, fault.Forbidden, "session.csrf_expired", "/messages")},
		{"error-429", view.PageError, op.broken(429, fault.RateLimited, "signin.too_many", "")},
		{"error-500", view.PageError, op.broken(500, fault.Internal, "internal", "/messages")},
		{"error-503", view.PageError, op.broken(503, fault.Unavailable, "database.unreachable", "/messages")},
	}
}
