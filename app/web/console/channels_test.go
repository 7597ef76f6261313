package console_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

func TestAnAdministratorSetsUpAChannelOnItsPages(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Admin)
	page := v.get("/channels")
	bad := v.post("/channels", page, "slug", "Not A Slug", "site", "cn")
	require.Equal(t, http.StatusUnprocessableEntity, bad.status)
	require.Equal(t, http.StatusConflict, v.post("/channels", page, "slug", "default", "site", "intl").status, "it is not changed by the way")
	require.Equal(t, "cn", h.text(`SELECT site FROM channels WHERE slug = 'default'`))
	require.Equal(t, "/channels/welink", v.post("/channels", page, "slug", "welink", "site", "intl").to())
	page = v.get("/channels/welink")
	require.Contains(t, page.words("main"), h.base+"/koogallery/welink")
	require.Contains(t, page.words("main .note.warn"), "AK/SK Not set")

	again := v.post("/channels/welink/ak-sk", page, "ak", "the-ak-of-welink", "sk", "with blank")
	require.Equal(t, http.StatusUnprocessableEntity, again.status)
	require.NotContains(t, again.body, "the-ak-of-welink", "what was typed is not sent back")
	require.Equal(t, http.StatusSeeOther, v.post("/channels/welink/ak-sk", page, "ak", "the-ak-of-welink", "sk", "the-sk-of-welink").status)
	require.Equal(t, "/channels/welink", v.post("/channels/welink/keys/general", v.get("/channels/welink/keys/general"), "key", " the-general-key ").to())
	page = v.get("/channels/welink")
	for _, secret := range []string{"the-ak-of-welink", "the-sk-of-welink", "the-general-key"} {
		require.NotContains(t, page.body, secret)
		require.Equal(t, "0", h.text(`SELECT count(*) FROM audit WHERE detail::text LIKE $1`, "%"+secret+"%"))
	}
	ch, err := h.store.Reader().ChannelBySlug(t.Context(), "welink")
	require.NoError(t, err)
	require.Equal(t, "the-general-key", ch.KeysOf("general", time.Now())[0].Secret, "without the blanks of copying")
	require.Equal(t, "3", h.text(`SELECT count(*) FROM audit WHERE action = 'channel.set' AND actor = 'operator:admin@seller.example'`))
}

func TestAKeyInUseIsReplacedOnThePageOnceThatIsConfirmed(t *testing.T) {
	t.Parallel()
	h := open(t)
	require.NoError(t, h.store.TouchKey(t.Context(), 1, time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)))
	v := h.as(staff.Admin)
	const path = "/channels/default/keys/basic"
	page := v.get(path)
	require.Contains(t, page.words("#breaks"), "was last used at 2026-01-31 16:00:00", "what breaks is said before a key is typed, in the reader's zone")
	require.Equal(t, 1, page.Find(`input[name="confirm"][required]`).Length())
	again := v.post(path, page, "key", "another-key-2", "old_key", "keep")
	require.Equal(t, http.StatusUnprocessableEntity, again.status)
	require.NotContains(t, again.body, "another-key-2")
	require.Equal(t, "1", h.text(`SELECT count(*) FROM channel_keys`))
	require.Equal(t, "/channels/default", v.post(path, page, "key", "another-key-2", "old_key", "keep", "confirm", "1", "reason", "rotation").to())
	require.Equal(t, "2", h.text(`SELECT count(*) FROM channel_keys WHERE retires_at IS NULL OR retires_at > now() + interval '23 hours'`))

	require.NoError(t, h.store.TouchKey(t.Context(), 1, time.Now().Add(time.Minute)))
	page = v.get("/channels/default")
	require.Contains(t, page.words("#end-basic"), "still used the replaced key")
	require.Equal(t, "/channels/default", v.post(path+"/end-old", page).to(), "a page from before the old key was used again confirms nothing")
	require.Equal(t, "0", h.text(`SELECT count(*) FROM channel_keys WHERE retires_at <= now()`))
	require.Contains(t, v.get("/channels/default").Text(), "would break calls from KooGallery")
	require.Equal(t, "/channels/default", v.post(path+"/end-old", page, "confirm", "1").to())
	require.Equal(t, "1", h.text(`SELECT count(*) FROM channel_keys WHERE retires_at <= now()`))

	// The same key for another class: only the key itself shows that.
	const kit = "/channels/default/keys/kit"
	twin := v.post(kit, v.get(kit), "key", "another-key-2")
	require.Equal(t, http.StatusUnprocessableEntity, twin.status)
	require.Contains(t, twin.words("#breaks"), "The new key of “Joint-operations kit” is the key of “Basic interfaces” too")
	require.Equal(t, http.StatusNotFound, v.get("/channels/default/keys/usage").status)
	require.Equal(t, http.StatusNotFound, v.get("/channels/nowhere").status)
}

func TestSettingsThatBreakSomethingAreConfirmedAndOthersOnlyLookedAt(t *testing.T) {
	t.Parallel()
	h := open(t)
	require.NoError(t, h.store.TouchKey(t.Context(), 1, time.Now()))
	v := h.as(staff.Admin)
	page := v.get("/channels/default")
	form := []string{"site", "cn", "encrypt_type", "2", "v1_pending", "000004", "body_sign", "on", "open_api_url", ""}
	asked := v.post("/channels/default/settings", page, form...)
	require.Equal(t, http.StatusUnprocessableEntity, asked.status)
	require.Contains(t, asked.words("#breaks"), "encryptType changes from 1 to 2")
	require.Equal(t, "2", asked.value(`input[name="encrypt_type"][checked]`, "value"), "the form is as it was filled in")
	require.Equal(t, "1", h.text(`SELECT encrypt_type FROM channels`))
	require.Equal(t, "/channels/default", v.post("/channels/default/settings", asked, append(form, "confirm", "1")...).to())
	require.Equal(t, "2 000004", h.text(`SELECT encrypt_type || ' ' || v1_pending FROM channels`))
	wrong := v.post("/channels/default/settings", page, "site", "cn", "encrypt_type", "2", "v1_pending", "000004", "body_sign", "on", "open_api_url", "http://mkt.example.com")
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Equal(t, "http://mkt.example.com", wrong.value(`#f-open_api_url[aria-invalid]`, "value"))

	for _, role := range []staff.Role{staff.Viewer, staff.Operator} {
		r := h.as(role)
		page := r.get("/channels/default")
		require.Equal(t, http.StatusOK, page.status)
		require.Zero(t, page.Find(`main form[method="post"]`).Length(), role)
		require.Equal(t, http.StatusForbidden, r.get("/channels/default/keys/basic").status)
		require.Equal(t, http.StatusForbidden, r.post("/channels/default/settings", page, form...).status)
	}
}
