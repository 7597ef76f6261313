package console_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// send posts a form with files and the token of a page; a name that begins with @
// is a file of that field, "name.ext:content".
func (v *visitor) send(path string, from answer, fields ...string) answer {
	v.h.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	token, _ := from.Find(`input[name="_csrf"]`).Attr("value")
	require.NoError(v.h.t, w.WriteField("_csrf", token))
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] != "@file" {
			require.NoError(v.h.t, w.WriteField(fields[i], fields[i+1]))
			continue
		}
		name, content, _ := bytes.Cut([]byte(fields[i+1]), []byte(":"))
		part, err := w.CreateFormFile("file", string(name))
		require.NoError(v.h.t, err)
		_, err = part.Write(content)
		require.NoError(v.h.t, err)
	}
	require.NoError(v.h.t, w.Close())
	return v.do(http.MethodPost, path, &b, "Content-Type", w.FormDataContentType())
}

func (h *house) asked() string {
	h.t.Helper()
	id := h.buy("CSLICENSE")
	for _, event := range []string{"ev-1", "ev-2"} {
		h.exec(`INSERT INTO licenses (channel_id, instance_pk, protocol, request_key, event_id, supplier) SELECT channel_id, id, 'license', $2, $2, 'manual' FROM instances WHERE instance_id = $1`, id, event)
	}
	return id
}

// Who waits for a License stands on the start page and in the navigation.
func TestALicenseThatAPersonHandsInNeedsSomebody(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.asked()
	h.exec(`UPDATE tasks SET status = 'succeeded'`)
	v := h.as(staff.Operator)
	require.Contains(t, v.get("/").words("main"), "Nothing needs you")
	h.exec(`INSERT INTO tasks (kind, status, unique_key, license_id, instance_pk, run_at, parked_at)
SELECT 'license', 'pending', 'license/' || id, id, instance_pk, '9999-12-31', now() FROM licenses`)
	page := v.get("/")
	require.Contains(t, page.words("main"), "Licenses to hand in2")
	require.Contains(t, page.words(`a.nav-item[href="/licenses"] + .nav-waits .badge`), "2")
	require.Equal(t, 1, page.Find(`main a[href="/licenses?status=waiting"]`).Length())
	require.Equal(t, "/licenses/1", v.send("/licenses/1", v.get("/licenses/1"), "license", "A-1").to())
	page = v.get("/")
	require.Contains(t, page.words("main"), "Licenses to hand in1", "what was given needs nobody")
	require.Len(t, rowsOf(v.get("/licenses?status=waiting")), 1)
	h.exec(`UPDATE instances SET released_at = now(), status = 'released'`)
	require.Contains(t, v.get("/").words("main"), "Nothing needs you")
}

const licenseText = "KDSK-7Q2M-XA01-99PL"

func TestAPersonHandsALicenseIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.asked()
	v := h.as(staff.Operator)
	require.Equal(t, 2, v.get("/licenses?status=requested&channel=default&instance="+id).Find("tbody tr[data-href]").Length())
	require.Zero(t, v.get("/licenses?status=failed").Find("tbody tr[data-href]").Length())
	require.Equal(t, 2, v.get("/instances/"+id).Find("#licenses li").Length())
	require.Equal(t, "/licenses/1", v.get("/search?q=ev-1").to(), "by KooGallery's id of the request")
	page := v.get("/licenses/1")
	require.Contains(t, page.words("#hand-in"), "A customer waits for this License")
	both := v.send("/licenses/1", page, "license", licenseText, "@file", "a.lic:x")
	require.Equal(t, http.StatusUnprocessableEntity, both.status)
	require.NotContains(t, both.body, licenseText, "a secret does not come back")
	require.Equal(t, "/licenses/1", v.send("/licenses/1", page, "license", "  "+licenseText+"\r\n", "reason", "ticket 7").to())
	require.Equal(t, "ready 19", h.text(`SELECT status || ' ' || content_size FROM licenses WHERE id = 1`))
	require.Equal(t, "ticket 7", h.text(`SELECT reason FROM audit WHERE action = 'license.hand_in'`))
	require.Equal(t, "1", h.text(`SELECT count(*) FROM tasks WHERE kind = 'license_upload'`))

	page = v.get("/licenses/1")
	require.NotContains(t, page.body, licenseText)
	require.NotContains(t, v.post("/licenses/1/reveal", page).body, licenseText, "not without a reason")
	require.Contains(t, v.post("/licenses/1/reveal", page, "reason", "asked by phone").words(".revealed"), licenseText)
	require.Equal(t, "asked by phone", h.text(`SELECT reason FROM audit WHERE action = 'license.reveal'`))
	h.exec(`UPDATE tasks SET status = 'failed' WHERE kind = 'license_upload'`)
	require.Equal(t, "/licenses/1", v.post("/licenses/1/upload", page).to())
	require.Equal(t, "pending", h.text(`SELECT status FROM tasks WHERE kind = 'license_upload'`))
	require.Contains(t, v.get("/licenses/1").words(".toast"), "upload")
	require.Contains(t, v.get("/licenses/1").words("#upload-why"), "due already", "and the button is off")
	v.post("/licenses/1/upload", page)
	require.Contains(t, v.get("/licenses/1").words(".toast"), "It is due already")
	require.Equal(t, "1", h.text(`SELECT count(*) FROM audit WHERE action = 'license.upload'`))

	require.Equal(t, "/licenses/2", v.send("/licenses/2", page, "@file", "crm.lic:\x00\x01bin").to())
	file := v.post("/licenses/2/reveal", page, "reason", "r")
	require.Equal(t, []string{"\x00\x01bin", `attachment; filename="crm.lic"`, "no-store"}, []string{file.body, file.header.Get("Content-Disposition"), file.header.Get("Cache-Control")})
	reader := h.as(staff.Viewer)
	look := reader.get("/licenses/1")
	require.Zero(t, look.Find(`main form[method="post"]`).Length())
	require.Equal(t, http.StatusForbidden, reader.send("/licenses/1", reader.get("/account"), "license", "x").status)
}

func TestALicensePoolIsFilledOnItsPage(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Operator)
	const path = "/license-pools"
	page := v.get(path)
	require.Contains(t, page.words("main"), "No License pool yet")
	require.Equal(t, path, v.send(path, page, "pool", "crm", "as", "lines", "licenses", "A-1\r\nA-2\r\n", "low_water", "9").to())
	require.Equal(t, path, v.send(path, page, "pool", "crm", "as", "csv", "@file", "l.csv:note,license\nx,A-2\ny,A-3\n").to())
	require.Equal(t, path, v.send(path, page, "pool", "crm", "as", "file", "@file", "a.lic:whole").to())
	require.Equal(t, "4 9", h.text(`SELECT (SELECT count(*) FROM pooled_licenses) || ' ' || low_water FROM license_pools`))
	require.Contains(t, v.get(path).words("tbody"), "Low")
	require.Equal(t, "9", v.get(path+"?pool=crm").value("#f-low_water", "value"))
	for _, wrong := range [][]string{{"pool", "not a name", "as", "lines", "licenses", "A-9"}, {"pool", "crm", "as", "lines"},
		{"pool", "crm", "as", "lines", "licenses", "A-9", "low_water", "many"}, {"pool", "crm", "as", "csv", "licenses", "no such column\nA-9"},
		{"pool", "crm", "as", "lines", "licenses", "A-9", "@file", "l.txt:A-8"}} {
		again := v.send(path, page, wrong...)
		require.Equal(t, http.StatusUnprocessableEntity, again.status, "%v", wrong)
		require.NotContains(t, again.body, "A-9")
	}
	require.Equal(t, "4", h.text(`SELECT count(*) FROM pooled_licenses`), "all or none")
	require.Equal(t, http.StatusForbidden, h.as(staff.Viewer).send(path, page, "pool", "crm", "licenses", "A-7").status)
}
