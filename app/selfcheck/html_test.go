package selfcheck

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/i18n"
)

// The page holds the whole report in the reader's language, needs no other file,
// and runs nothing that an answer brought along.
func TestThePageOfAReport(t *testing.T) {
	t.Parallel()
	const evil = `{"resultMsg":"<script>alert(1)</script>"}`
	at := time.Date(2026, 11, 27, 2, 0, 0, 0, time.UTC)
	r := Report{Channel: "acme", Site: "cn", URL: "https://koodesk.example/koogallery/acme", Version: "1.2.3", Types: []Type{Period}, Started: at, Finished: at,
		Address: []Check{{Name: "scheme", Status: OK}},
		Cases: []Case{{Guide: "v2", Activity: "newInstance", Variant: "the published sample", Sources: "CN 1", Sent: true, Code: "000005", Millis: 12,
			Request: `{"activity":"newInstance"}`, Answer: evil, Checks: []Check{{Name: "code", Status: Fail, Args: map[string]string{"code": "000005", "msg": "<b>no</b>"}}}},
			{Guide: "v1", Activity: "upgrade"}}}
	for _, l := range i18n.Locales() {
		z := i18n.For(l)
		page, err := r.HTML(z)
		require.NoError(t, err)
		require.Contains(t, page, `<html lang="`+string(l)+`">`)
		for _, word := range []string{z.T("selfcheck.of", "channel", "acme"), z.T("selfcheck.page.failed"), z.T("selfcheck.sum", "ok", 1, "warn", 0, "fail", 2),
			z.T("selfcheck.scheme.ok"), z.T("selfcheck.not_sent"), "2026-11-27 02:00:00 UTC", "Koodesk 1.2.3", "the published sample", "CN 1", "12 ms", "@media print"} {
			require.Contains(t, page, word)
		}
		for _, foreign := range []string{"<script", "<b>", "<link", "src=", "@import", "url(", "selfcheck."} {
			require.NotContains(t, page, foreign)
		}
	}
	r.Cases = nil
	page, err := r.HTML(i18n.For(i18n.En))
	require.NoError(t, err)
	require.Contains(t, page, "does what KooGallery asks for")
	require.Equal(t, 1, strings.Count(page, "<h1>"))
}
