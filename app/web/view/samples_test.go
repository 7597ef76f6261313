package view_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"koodesk/app/i18n"
	"koodesk/app/web/view/gallery"
)

// sample is one page of the gallery.
func sample(t *testing.T, l i18n.Locale, name string) *goquery.Document {
	t.Helper()
	all := gallery.All(l)
	n := slices.IndexFunc(all, func(s gallery.Sample) bool { return s.Name == name })
	require.GreaterOrEqual(t, n, 0, name)
	var b bytes.Buffer
	require.NoError(t, engine().Page(&b, l, all[n].Page, all[n].Data))
	doc, err := goquery.NewDocumentFromReader(&b)
	require.NoError(t, err)
	return doc
}

// The reason of a restart stays with its result for good, where whoever may read
// messages sees it: the form says so.
func TestWhoRestartsOneThingIsToldThatTheReasonStays(t *testing.T) {
	t.Parallel()
	for dialog, name := range map[string]string{"#restart": "message-failed", "#restart-task-1": "message-failed", "#task-confirm": "tasks-full"} {
		form := sample(t, i18n.En, name).Find(dialog + " form")
		require.Equal(t, 1, form.Length(), dialog)
		require.NotContains(t, form.Text(), "audit", dialog)
		about, _ := form.Find(`input[name="reason"]`).Attr("aria-describedby")
		require.Equal(t, "Kept with the result. Write no personal data.", form.Find("#"+about).Text(), dialog)
	}
}

func TestAFieldThatIsWrongKeepsItsHint(t *testing.T) {
	t.Parallel()
	form := sample(t, i18n.En, "restart-preview-no-reason").Find(".restart-form")
	about, _ := form.Find(`input[name="reason"]`).Attr("aria-describedby")
	require.Equal(t, "e-reason h-reason", about)
	require.Equal(t, "Say why", strings.TrimSpace(form.Find("#e-reason").Text()))
	require.Contains(t, form.Find("#h-reason").Text(), "no personal data")
	typed := sample(t, i18n.En, "restart-preview-wrong").Find(".restart-form")
	about, _ = typed.Find(`input[name="confirm"]`).Attr("aria-describedby")
	require.Equal(t, "e-confirm", about)
}

func TestWhatARestartDidReadsAsItsLanguageIsWritten(t *testing.T) {
	t.Parallel()
	for l, want := range map[i18n.Locale]string{
		i18n.En:   "1 failed task runs again. 1 waiting task (such as an automatic retry) runs now instead of later.",
		i18n.ZhCN: "1 个失败的任务重新执行。1 个等待中的任务（包括自动重试）提前执行。",
	} {
		require.Contains(t, sample(t, l, "message-failed").Find(".restarts-of").Text(), want)
	}
}
