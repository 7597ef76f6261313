package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

const (
	mailText = "/templates/usage_info/email/zh-CN"
	smsText  = "/templates/frozen/sms/en"
)

func TestATextIsEditedInTheConsole(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.buy("CSTEXT")
	h.work()
	v := h.as(staff.Admin)
	list := v.get("/templates")
	require.Equal(t, http.StatusOK, list.status)
	require.Equal(t, 28, list.Find(`a.text-cell`).Length())
	page := v.get(mailText)
	require.Equal(t, "This text comes with the program", page.words("#chain-title"))
	require.Equal(t, "biz-CSTEXT", page.value("#f-instance", "value"), "the preview is of a real instance")
	require.Contains(t, page.words("#preview"), "智能客服云已开通")
	require.Contains(t, page.words("#preview"), "••••••••")

	const body = "您好\r\n{front_end_url} {user_name} {password}"
	wrong := v.post(mailText, page, "base", "0", "subject", "x", "body", "您好\r\n{front_end_url} {user} {password}")
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Contains(t, wrong.words("#preview"), "Line 2: there is no variable «user» here")
	require.Contains(t, wrong.words("#f-body"), "{user}", "what was typed is still there")
	res := v.post(mailText, page, "base", "0", "subject", "<b>{product_name}", "body", body)
	require.Equal(t, mailText, res.to())
	page = v.get(mailText)
	require.Equal(t, "This text comes from the house", page.words("#chain-title"))
	require.Contains(t, page.words(".toasts, #toasts"), "version 1")
	require.Equal(t, "<b>智能客服云", page.words("#preview h3"))
	require.Contains(t, page.words("#versions"), "admin@seller.example")
	late := v.post(mailText, page, "base", "0", "subject", "late", "body", body)
	require.Equal(t, http.StatusConflict, late.status)
	require.Equal(t, "late", late.value("#f-subject", "value"))

	frame := v.get(mailText + "/frame?instance=biz-CSTEXT")
	require.Equal(t, http.StatusOK, frame.status)
	require.Contains(t, frame.header.Get("Content-Security-Policy"), "sandbox")
	require.Contains(t, frame.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Equal(t, "SAMEORIGIN", frame.header.Get("X-Frame-Options"))
	require.Contains(t, frame.body, "&lt;b&gt;智能客服云")
	draft := v.post(mailText+"/frame", page, "subject", "s", "body", "draft "+body, "instance", "biz-CSTEXT")
	require.Contains(t, draft.body, "draft 您好")
	require.Equal(t, http.StatusUnprocessableEntity, v.post(mailText+"/frame", page, "subject", "s", "body", "{").status)

	v.post(mailText, page, "base", "1", "subject", "two", "body", body)
	page = v.get(mailText)
	require.Equal(t, mailText, v.post(mailText+"/restore", page, "base", "2", "version", "1").to())
	require.Equal(t, "3", v.get(mailText).value(`input[name="base"]`, "value"))
	require.Equal(t, mailText, v.post(mailText+"/withdraw", page, "base", "3").to())
	require.Equal(t, "This text comes with the program", v.get(mailText).words("#chain-title"))
	require.Equal(t, http.StatusNotFound, v.get("/templates/usage_info/fax/en").status)
	require.Equal(t, http.StatusNotFound, v.get(mailText+"?channel=nowhere").status)
	narrow := v.get(mailText + "?channel=default&product_id=OFFI1")
	require.Equal(t, 4, narrow.Find(".chain li").Length())

	h.mails(1)
	test := v.post(mailText+"/test", page, "subject", "{product_name}", "body", body, "instance", "biz-CSTEXT")
	require.Equal(t, http.StatusOK, test.status)
	tried := h.mails(2)[1]
	require.Equal(t, []string{"admin@seller.example"}, tried.To)
	require.Equal(t, "【测试】智能客服云", tried.Get("Subject"))

	require.Contains(t, v.get(smsText).words("#template-form"), "you have none yet")
	refused := v.post(smsText+"/test", v.get(smsText), "body", "frozen", "to", "13900000000")
	require.Equal(t, http.StatusUnprocessableEntity, refused.status)
	require.Contains(t, refused.words(".toast, .flash, [role=status], [role=alert]"), "You have no phone number here yet")
	tested := func() string {
		return h.text(`SELECT COALESCE(string_agg(detail->>'to', ','), '') FROM audit WHERE action = 'template.test' AND target LIKE '%/sms/%'`)
	}
	require.Empty(t, tested(), "not to whatever number somebody types")
	h.exec(`
INSERT INTO alert_targets (operator_id, name, medium, address_sealed, address_mask, language)
SELECT id, email, 'sms', $1, '186••••8888', 'en' FROM operators`, storetest.Keys(t).SealString(seal.AlertTarget, "18688888888"))
	require.Equal(t, http.StatusOK, v.post(smsText+"/test", v.get(smsText), "body", "frozen", "to", "13900000000").status)
	require.Equal(t, store.MaskPhone("18688888888"), tested())
	require.Contains(t, v.get(smsText).words("#template-form"), "186••••8888")

	reader := h.as(staff.Viewer)
	seen := reader.get(mailText)
	require.Zero(t, seen.Find(`button[formaction$="/test"], .form-foot .primary`).Length())
	for _, act := range []string{"", "/test", "/restore", "/withdraw"} {
		require.Equal(t, http.StatusForbidden, reader.post(mailText+act, seen, "subject", "x", "body", body).status)
	}
}

// The count is the server's, on the very form that is being typed.
func TestTheLengthOfAnSMSIsToldWhileTyping(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Admin)
	const sms = "/templates/frozen/sms/zh-CN"
	page := v.get(sms)
	require.Equal(t, sms+"/preview", page.value("#f-body", "hx-post"))
	require.Contains(t, page.value("#f-body", "hx-trigger"), "input changed")
	require.Equal(t, "#preview", page.value("#f-body", "hx-target"))
	count := func(body string) string {
		form := url.Values{"_csrf": {page.value(`input[name="_csrf"]`, "value")}, "body": {body}}
		got := v.do(http.MethodPost, sms+"/preview", strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded", "HX-Request", "true", "HX-Target", "preview")
		require.Equal(t, http.StatusOK, got.status)
		require.Zero(t, got.Find("main").Length(), "a part has no shell")
		return got.words("#preview .sms-size")
	}
	require.Equal(t, "1 SMS UCS-2 · 70 of 70 characters", count(strings.Repeat("字", 70)))
	require.Equal(t, "2 SMS UCS-2 · 71 characters, 67 to an SMS, 63 left", count(strings.Repeat("字", 71)))
	require.Equal(t, "1 SMS GSM-7 · 160 of 160 characters Carriers of mainland China count 3 SMS.", count(strings.Repeat("a", 160)))
	require.Equal(t, "2 SMS GSM-7 · 161 characters, 153 to an SMS, 145 left Carriers of mainland China count 3 SMS.", count(strings.Repeat("a", 161)))
	require.Empty(t, count("{nothing}"))
	whole := v.post(sms+"/preview", page, "body", "without a script")
	require.Equal(t, "without a script", whole.words("#f-body"))
	require.Contains(t, whole.words("#preview"), "1 SMS")
}
