package console_test

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/provision/static"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// filled is what a browser would send of the form of a product, with some fields
// filled in otherwise.
func filled(page answer, instead ...string) []string {
	var out []string
	with := map[string]string{}
	for i := 0; i < len(instead); i += 2 {
		with[instead[i]] = instead[i+1]
	}
	add := func(name, value string) {
		if _, other := with[name]; !other && name != "_csrf" {
			out = append(out, name, value)
		}
	}
	page.Find("form.product-form").Find("input, textarea").Each(func(_ int, n *goquery.Selection) {
		_, checked := n.Attr("checked")
		if kind := n.AttrOr("type", ""); (kind == "radio" || kind == "checkbox") && !checked {
			return
		}
		value := n.AttrOr("value", "")
		if goquery.NodeName(n) == "textarea" {
			value = strings.ReplaceAll(n.Text(), "\n", "\r\n") // as browsers send it
		}
		add(n.AttrOr("name", ""), value)
	})
	return append(out, instead...)
}

func TestAnAdministratorSetsProductsOnTheirPages(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Admin)
	require.Contains(t, v.get("/products").words("main"), "No product is set")
	page := v.get("/products/new")
	known := fault.From(static.CheckTemplates(store.ProductSettings{FrontEndURL: "https://x/{nonsense}"})).Args["known"]
	require.NotEmpty(t, known)
	for _, name := range strings.Fields(known) {
		require.Contains(t, page.words(".for-static .below"), "{"+name+"}")
	}
	static := []string{"key", "sku", "key_id", "sku-50", "front_end_url", "https://app.example.com/{instance_id}", "generate_password", "on", "password_length", "24"}
	for _, c := range []struct{ field, value, says string }{
		{"key_id", "a b", "skuCode cannot be used"},
		{"front_end_url", "https://x/{nonsense}", "nonsense"},
		{"password_length", "six", "cannot have six characters"},
		{"expiry_days", "30, soon", "soon"},
		{"wipe_password_days", "1000", "1000 days"},
	} {
		other := slices.Clone(static)
		if i := slices.Index(other, c.field); i >= 0 {
			other[i+1] = c.value
		} else {
			other = append(other, c.field, c.value)
		}
		bad := v.post("/products/new", page, filled(page, other...)...)
		require.Equal(t, http.StatusUnprocessableEntity, bad.status, c.field)
		require.Equal(t, c.value, bad.value("#f-"+c.field+`[aria-invalid="true"]`, "value"), c.field)
		require.Contains(t, bad.words("#e-"+c.field), c.says)
	}
	require.Equal(t, "0", h.text(`SELECT count(*) FROM products`))
	require.Equal(t, "/products/1", v.post("/products/new", page, filled(page, static...)...).to())
	require.Equal(t, "sku-50 static 24 zh-CN", h.text(`SELECT sku_code || ' ' || driver || ' ' || (settings->>'password_length') || ' ' || mail_language FROM products`))
	twice := v.post("/products/new", page, filled(page, static...)...)
	require.Equal(t, http.StatusConflict, twice.status, "it is not replaced by the way")

	// A secret is shown in the answer that made it, and never again.
	page = v.get("/products/1")
	hook := filled(page, "driver", "webhook", "webhook_url", "https://crm.example.com/hook")
	made := v.post("/products/1", page, hook...)
	require.Equal(t, http.StatusOK, made.status)
	secret := made.words(".note .revealed")
	require.NotEmpty(t, secret)
	stale := v.post("/products/1", page, filled(page, "driver", "manual")...)
	require.Equal(t, http.StatusConflict, stale.status, "somebody else has changed it since")
	require.Contains(t, stale.words(".trouble"), "Somebody else has changed this product")
	require.Equal(t, http.StatusConflict, v.post("/products/1", stale, filled(stale)...).status, "also when it is sent once more")
	page = v.get("/products/1")
	require.NotContains(t, page.body, secret)
	require.Equal(t, "webhook", page.value(`input[name="driver"][checked]`, "value"))
	require.Equal(t, "https://app.example.com/{instance_id}", page.value("#f-front_end_url", "value"), "what belongs to another driver is kept")
	renewed := v.post("/products/1", page, filled(page, "renew_secret", "on", "reason", "it leaked")...)
	require.NotEqual(t, secret, renewed.words(".note .revealed"))
	page = v.get("/products/1")
	require.Equal(t, "/products/1", v.post("/products/1", page, filled(page, "driver", "manual", "renew_secret", "on")...).to(), "it has no secret to show")
	require.Equal(t, "true", h.text(`SELECT old_secret_sealed IS NOT NULL AND old_secret_until > now() + interval '23 hours' FROM products`))
	require.Equal(t, "4", h.text(`SELECT count(*) FROM audit WHERE action = 'product.set' AND target = 'product/default/sku/sku-50' AND actor = 'operator:admin@seller.example'`))
	require.Equal(t, "1", h.text(`SELECT count(*) FROM audit WHERE action = 'product.set' AND reason = 'it leaked'`))
}

// Whatever an entry says stays what it is when its page is saved as it is: the
// form knows every setting that there is.
func TestAProductsPageKeepsEverySetting(t *testing.T) {
	t.Parallel()
	h := open(t)
	var s store.ProductSettings
	all := reflect.ValueOf(&s).Elem()
	for i := range all.NumField() {
		switch f := all.Field(i); f.Kind() {
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int:
			f.SetInt(9)
		case reflect.String:
			f.SetString("crm-" + all.Type().Field(i).Name)
		}
	}
	s.FrontEndURL, s.AdminURL, s.WebhookURL, s.Memo = "https://a.example.com/{order_id}", "https://a.example.com/", "https://hook.example.com/", "line one\nline {email} <b>"
	s.PoolOnRelease, s.WebhookWait, s.License, s.PasswordBy, s.QuietHours = "return", "90m", "", store.PasswordByLink, "22:00-08:00"
	s.NoticesOff, s.ExpiryDays, s.PasswordClasses = []string{"frozen", "released"}, []int{30, 7, 0}, []string{"lower", "digit"}
	require.NoError(t, h.store.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.SetProduct(context.Background(), store.Product{ChannelID: h.channel.ID, ProductID: "OFFI1", Driver: "static", Settings: s, MailLanguage: "en"})
		return err
	}))
	before := h.text(`SELECT settings FROM products`)
	v := h.as(staff.Admin)
	page := v.get("/products/1")
	require.Equal(t, "/products/1", v.post("/products/1", page, filled(page)...).to())
	require.JSONEq(t, before, h.text(`SELECT settings FROM products`))
	require.Equal(t, "en", h.text(`SELECT mail_language FROM products`))
}

func TestTheListOfProductsSaysWhatIsSoldOfEach(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.buy("CS1")
	h.buy("CS2")
	h.work()
	ctx := context.Background()
	sku := h.text(`SELECT sku_code FROM instances LIMIT 1`)
	require.NotEmpty(t, sku)
	require.NoError(t, h.store.Write(ctx, func(tx *store.Tx) error {
		for _, p := range []store.Product{{ProductID: "OFFI1"}, {SkuCode: sku}, {SkuCode: "unsold"}} {
			p.ChannelID, p.Driver, p.MailLanguage = h.channel.ID, "manual", "en"
			if _, err := tx.SetProduct(ctx, p); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, role := range []staff.Role{staff.Viewer, staff.Operator} {
		r := h.as(role)
		list := r.get("/products")
		for n, want := range map[int]string{1: "unsoldskuCode: all of its productIds that have no entry | By hand | Instances 0 | None yet", 4: "All others"} {
			var cells []string
			list.Find("tbody tr").Eq(n - 1).Find("td").Each(func(_ int, c *goquery.Selection) { cells = append(cells, strings.Join(strings.Fields(c.Text()), " ")) })
			require.True(t, strings.HasPrefix(strings.Join(cells, " | "), want), "%v", cells)
		}
		require.Equal(t, 2, list.Find("td.c-count:contains('Instances 2')").Length(), "of the productId and of its skuCode")
		require.Zero(t, list.Find(`a[href="/products/new"]`).Length())
		require.Equal(t, "/instances?channel=default&product_id=OFFI1", r.get("/products/2").value(`a[href^="/instances?"]`, "href"), "what is counted: this channel's")
		require.Equal(t, "/instances?channel=default&sku_code="+sku, r.get("/products/3").value(`a[href^="/instances?"]`, "href"))
		require.Equal(t, 2, r.get("/instances?channel=default&sku_code="+sku).Find("td.c-status").Length())
		require.Zero(t, r.get("/instances?sku_code=unsold").Find("td.c-status").Length())
		page := r.get("/products/1")
		require.Contains(t, page.words("title"), "All others")
		require.Contains(t, page.words("p.for-manual"), "A freeze gives nobody work")
		require.Zero(t, page.Find(`main form[method="post"]`).Length(), role)
		require.Equal(t, 1, page.Find("fieldset.product-form[disabled]").Length())
		require.Equal(t, http.StatusForbidden, r.get("/products/new").status)
		require.Equal(t, http.StatusForbidden, r.post("/products/1", page, "driver", "manual").status)
	}
	require.Equal(t, http.StatusNotFound, h.as(staff.Viewer).get("/products/99").status)
}
