package web_test

import (
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/signin"
	"koodesk/app/store"
	"koodesk/app/web/console"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
	"koodesk/views"
)

// pages are the console's, parsed once for all tests.
var pages = sync.OnceValues(func() (*view.Engine, error) { return view.New(views.Console, false) })

func consoleFor(t *testing.T, s *store.Store, people *signin.SignIn, sessions *session.Manager, in *intake.Intake, log *slog.Logger) *console.Console {
	t.Helper()
	pages, err := pages()
	require.NoError(t, err)
	return console.New(console.Options{Reader: s.Reader(), Intake: in, SignIn: people, Sessions: sessions, Views: pages,
		PublicURL: "http://127.0.0.1", Log: log})
}
