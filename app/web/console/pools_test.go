package console_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/provision"
	"koodesk/app/provision/pool"
	"koodesk/app/staff"
)

func TestEveryPageTellsThatAPoolIsLow(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	keeper := pool.NewKeeper(pool.Options{Store: h.store, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	_, err := keeper.Add(ctx, "crm", []pool.Row{{Line: 2, Account: provision.Access{FrontEndURL: "https://a.cn"}}}, staff.CLI())
	require.NoError(t, err)
	v := h.as(staff.Operator)
	require.NotContains(t, v.get("/tasks").words("body"), "crm")
	require.NoError(t, keeper.SetLowWater(ctx, "crm", 1, staff.CLI()))
	require.Contains(t, v.get("/tasks").words(".banner.warn"), "Pool crm runs low on accounts")
	require.Equal(t, "/pools/crm", v.get("/tasks").value(".banner.warn a", "href"))
	require.Equal(t, "/pools?status=low", v.get("/").value(`.need h2 a[href^="/pools"]`, "href"))
	require.Equal(t, "/pools/crm", v.get("/").value(`.need-label a`, "href"))
	h.exec(`INSERT INTO license_pools (name, low_water) VALUES ('office', 1), ('idle', 0)`)
	both := v.get("/tasks")
	require.Contains(t, both.words(".banner.warn"), "License pool office runs low")
	require.NotContains(t, both.words("body"), "idle")
	require.Equal(t, 1, both.Find(`.banner.warn a[href="/pools/crm"]`).Length())
	require.Equal(t, 1, both.Find(`.banner.warn a[href="/license-pools?pool=office"]`).Length(), "each banner leads to its pool")
}

// upload sends a form with a file, as a browser or a script does.
func (v *visitor) upload(path string, from answer, file string, header []string, fields ...string) answer {
	v.h.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	require.NoError(v.h.t, w.WriteField("_csrf", from.value(`input[name="_csrf"]`, "value")))
	for i := 0; i+1 < len(fields); i += 2 {
		require.NoError(v.h.t, w.WriteField(fields[i], fields[i+1]))
	}
	part, err := w.CreateFormFile("file", nameOf(file))
	require.NoError(v.h.t, err)
	_, err = io.WriteString(part, file)
	require.NoError(v.h.t, err)
	require.NoError(v.h.t, w.Close())
	return v.do(http.MethodPost, path, &b, append(header, "Content-Type", w.FormDataContentType())...)
}

// nameOf is the name of a file; browsers give none when none is chosen.
func nameOf(file string) string {
	if file == "" {
		return ""
	}
	return "accounts.csv"
}

func TestAccountsAreImportedAfterALook(t *testing.T) {
	t.Parallel()
	h := open(t)
	ann := h.as(staff.Operator)
	require.Equal(t, "/pools/crm/import", ann.get("/pools?new=crm").to())
	require.Contains(t, ann.get("/pools?new=a/b").words("#toasts"), "no name for a pool")
	page := ann.get("/pools/crm/import")
	require.Contains(t, page.words(".note"), "no pool of this name yet")
	script := []string{"HX-Request", "true", "HX-Target", "preview"}

	const bad = "front_end_url,user_name,password\nhttps://a.cn,u1,secret-one\nhttps://a.cn,u1,secret-two\nhttps://a.cn\nhttps://a.cn,u2,secret-three\nnowhere,u3,x\n"
	seen := ann.upload("/pools/crm/import", page, bad, script)
	require.Equal(t, http.StatusUnprocessableEntity, seen.status)
	require.Zero(t, seen.Find("main").Length(), "the preview alone")
	require.Equal(t, []string{"3", "4", "6"}, columnOf(seen, 1), "every kind of fault at once")
	require.Equal(t, []string{"—", "—", "front_end_url"}, columnOf(seen, 2))
	require.Contains(t, seen.words(".note-do"), "2 of 5")
	require.Zero(t, seen.Find(`[name="digest"]`).Length())
	require.NotContains(t, seen.body, "secret-")

	const good = "front_end_url,user_name,password\nhttps://a.cn,u1,secret-one\nhttps://a.cn,u2,secret-two\n"
	looked := ann.upload("/pools/crm/import", page, good, script)
	require.Equal(t, http.StatusOK, looked.status)
	require.Contains(t, looked.words("button"), "Import 2 accounts")
	require.NotContains(t, looked.body, "secret-")
	require.Equal(t, "0", h.text(`SELECT count(*) FROM pool_accounts`), "only looked at")
	digest := looked.value(`[name="digest"]`, "value")
	other := ann.upload("/pools/crm/import", page, bad, nil, "digest", digest)
	require.Equal(t, http.StatusUnprocessableEntity, other.status, "another file than the one looked at")
	require.Equal(t, "0", h.text(`SELECT count(*) FROM pool_accounts`))
	require.Equal(t, "/pools/crm", ann.upload("/pools/crm/import", page, good, nil, "digest", digest).to())
	require.Contains(t, ann.get("/pools/crm").words("#toasts"), "2 accounts were added")
	require.Equal(t, "operator:operator@seller.example", h.text(`SELECT actor FROM audit WHERE action = 'pool.add'`))

	again := ann.upload("/pools/crm/import", page, good, nil, "digest", digest)
	require.Equal(t, []string{"2", "3"}, columnOf(again, 1), "the pool has them already")
	both := ann.upload("/pools/crm/import", page, good, nil, "text", good)
	require.Contains(t, both.words("#preview"), "A file was chosen and a text was pasted")
	typed := ann.upload("/pools/crm/import", page, "", nil, "text", "front_end_url\r\nhttps://b.cn\r\n")
	require.Contains(t, typed.words("#preview button"), "Import 1 account")
	require.Equal(t, http.StatusForbidden, h.as(staff.Viewer).get("/pools/crm/import").status)
	require.Equal(t, http.StatusNotFound, ann.get("/pools/a%2Fb/import").status)

	large := "front_end_url,user_name,memo\n" + strings.Repeat("https://a.cn/"+strings.Repeat("x", 400)+",u,"+strings.Repeat("m", 200)+"\n", 4000)
	require.Greater(t, len(large), 2<<20)
	require.Contains(t, ann.upload("/pools/crm/import", page, large, script).words(".note-do"), "1 of 4,000")
}

// columnOf is what stands in a column of the wrong lines.
func columnOf(a answer, n int) []string {
	var out []string
	for _, td := range a.Find(".import-lines tbody td:nth-child(" + strconv.Itoa(n) + ")").EachIter() {
		out = append(out, strings.TrimSpace(td.Text()))
	}
	return out
}

func TestAccountsOfAPoolInTheConsole(t *testing.T) {
	t.Parallel()
	h := open(t)
	keeper := pool.NewKeeper(pool.Options{Store: h.store, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	var rows []pool.Row
	for i := range 60 {
		rows = append(rows, pool.Row{Line: i + 2, Account: provision.Access{FrontEndURL: "https://a.cn", UserName: "user-" + strconv.Itoa(i), Password: "pool-secret"}})
	}
	_, err := keeper.Add(context.Background(), "crm", rows, staff.CLI())
	require.NoError(t, err)
	ann := h.as(staff.Operator)
	require.Contains(t, ann.get("/pools").words("table.pools"), "60 free")
	page := ann.get("/pools/crm")
	require.NotContains(t, page.body, "pool-secret")
	require.Contains(t, page.words("table.accounts"), "user-59")
	next := ann.get(page.value(`.pager a[rel="next"]`, "href"))
	require.Contains(t, next.words("table.accounts"), "user-0https")
	require.NotContains(t, next.words("table.accounts"), "user-59")

	retire := page.value(`button[data-dialog="retire-confirm"]`, "data-action")
	ann.post(retire, page)
	require.Contains(t, ann.get("/pools/crm").words("#toasts"), "A reason is needed")
	ann.post(retire, page, "reason", "the password leaked")
	require.Contains(t, ann.get("/pools/crm?status=retired").words("table.accounts"), "user-59")
	require.Equal(t, "the password leaked", h.text(`SELECT reason FROM audit WHERE action = 'pool.retire'`))
	ann.post(retire, page, "reason", "again")
	require.Contains(t, ann.get("/pools/crm").words("#toasts"), "Only a free account can be retired")

	ann.post("/pools/crm/low-water", page, "low_water", "many")
	require.Contains(t, ann.get("/pools/crm").words("#toasts"), "not a number")
	ann.post("/pools/crm/low-water", page, "low_water", "70")
	require.Contains(t, ann.get("/pools/crm").words(".fact.warn"), "59")
	require.Contains(t, ann.get("/pools").words("table.pools"), "Low")
	require.Equal(t, http.StatusNotFound, ann.get("/pools/nowhere").status)
	reader := h.as(staff.Viewer)
	require.Zero(t, reader.get("/pools/crm").Find(`[data-dialog="retire-confirm"], [data-dialog="low-water"]`).Length())
	require.Equal(t, http.StatusForbidden, reader.post(retire, reader.get("/pools/crm"), "reason", "x").status)
}
