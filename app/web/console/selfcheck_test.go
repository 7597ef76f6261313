package console_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/selfcheck"
	"koodesk/app/selfcheck/desk"
	"koodesk/app/staff"
	"koodesk/app/store/storetest"
	"koodesk/app/web/console"
)

// A check is begun on the page, runs apart from it, and its report is shown and
// can be downloaded; a second one has to wait.
func TestASelfCheckRunsInTheBackgroundAndItsReportIsKept(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	asked := make(chan selfcheck.Options, 1)
	s := storetest.Open(t)
	d := desk.New(desk.Options{Store: s, PublicURL: "https://koodesk.example", Version: "1.2.3",
		Run: func(_ context.Context, o selfcheck.Options) (selfcheck.Report, error) {
			asked <- o
			<-gate
			return selfcheck.Report{Channel: o.Channel, URL: o.URL, Version: o.Version, Types: []selfcheck.Type{selfcheck.Period}, Finished: time.Now().UTC(),
				Address: []selfcheck.Check{{Name: "scheme", Status: selfcheck.OK}},
				Cases: []selfcheck.Case{{Guide: "v2", Activity: "newInstance", Sent: true, Code: "000004",
					Checks: []selfcheck.Check{{Name: "code", Status: selfcheck.Fail, Args: map[string]string{"code": "000004", "msg": "later"}}}}}}, nil
		}})
	t.Cleanup(d.Stop)
	h := openOn(t, s, func(o *console.Options) { o.SelfCheck = d })
	viewer, v := h.as(staff.Viewer), h.as(staff.Operator)
	first := v.get("/self-check")
	require.Contains(t, first.Text(), "/koogallery/default")
	require.Zero(t, viewer.get("/self-check").Find(`form[action^="/self-check"]`).Length(), "a reader may look only")
	require.Equal(t, http.StatusForbidden, viewer.post("/self-check?channel=default", viewer.get("/self-check")).status)

	require.Equal(t, http.StatusSeeOther, v.post("/self-check?channel=default", first, "type", "period").status)
	o := <-asked
	require.Equal(t, []selfcheck.Type{selfcheck.Period}, o.Types)
	require.NotEmpty(t, o.Keys["basic"])
	v.post("/self-check?channel=default", first)
	page := v.get("/self-check?channel=default")
	require.Equal(t, 1, page.Find(`#live[hx-get]`).Length(), "it looks again by itself")
	close(gate)
	require.Eventually(t, func() bool { return v.get("/self-check").Find(`#live[hx-get]`).Length() == 0 }, time.Minute, 30*time.Millisecond)
	page = v.get("/self-check")
	require.Contains(t, page.Text(), "000004")
	require.Equal(t, 1, page.Find(".card details[open]").Length(), "what failed is unfolded")
	for _, kind := range []string{"html", "md", "json"} {
		file := viewer.get("/self-check/report." + kind + "?channel=default")
		require.Contains(t, file.header.Get("Content-Disposition"), "koodesk-default-")
		require.Contains(t, file.body, "newInstance")
	}
	require.Equal(t, http.StatusNotFound, v.get("/self-check?channel=nowhere").status)
}
