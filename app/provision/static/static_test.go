package static_test

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/provision/static"
	"koodesk/app/store"
)

func request(s store.ProductSettings) provision.Request {
	return provision.Request{InstanceID: "87b94795-0603", OrderID: "CS22", OrderLineID: "CS22-000001", Settings: s, MadeBy: static.Name,
		Params:   map[string]string{"tenant": "Acme", "a b": "1/2 & 三", "empty": "", "platformParams.tenantName": "WeLink"},
		Product:  market.ProductInfo{ProductID: "OFFI1", SkuCode: "sku/1", LinearValue: 5, Size: market.Size{Amount: 5, DiskSize: 100}},
		Customer: provision.Customer{ID: "459bb", Name: "张 三&co", Email: "z+1@example.com"}}
}

func front(t *testing.T, template string) (string, *fault.Error) {
	t.Helper()
	res, err := static.Driver{}.Provision(context.Background(), request(store.ProductSettings{FrontEndURL: template}))
	if err != nil {
		return "", fault.From(err)
	}
	return res.Access.FrontEndURL, nil
}

func TestValuesStayInTheirPlace(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"https://app.cn/i/{instance_id}":                                             "https://app.cn/i/87b94795-0603",
		"https://app.cn/{sku_code}/x":                                                "https://app.cn/sku%2F1/x",
		"https://app.cn/u/{customer_name}":                                           "https://app.cn/u/%E5%BC%A0%20%E4%B8%89&co",
		"https://app.cn/?n={customer_name}&e={email}":                                "https://app.cn/?n=%E5%BC%A0+%E4%B8%89%26co&e=z%2B1%40example.com",
		"https://app.cn?o={order_id}#l={order_line_id}":                              "https://app.cn?o=CS22#l=CS22-000001",
		"https://app.cn/#/{sku_code}?x={email}":                                      "https://app.cn/#/sku%2F1?x=z+1@example.com",
		"https://{customer_id}.app.cn:8443/":                                         "https://459bb.app.cn:8443/",
		"https://app.cn/{disk_size}?n={linear_value},{amount}&b={band_width}":        "https://app.cn/100?n=5,5&b=",
		"https://{order_id}.app.cn":                                                  "https://cs22.app.cn",
		"https://app.cn/{{x}}/{product_id}":                                          "https://app.cn/{x}/OFFI1",
		"https://{param:tenant}.app.cn/{param:tenant}":                               "https://acme.app.cn/Acme",
		"https://app.cn/{param:a b}?q={param:a b}#{param:platformParams.tenantName}": "https://app.cn/1%2F2%20&%20%E4%B8%89?q=1%2F2+%26+%E4%B8%89#WeLink",
	} {
		got, f := front(t, template)
		require.Nil(t, f, template)
		require.Equal(t, want, got, template)
	}
}

func TestTemplatesThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for template, key := range map[string]string{
		"https://app.cn/{instanceid}":              "template.unknown_placeholder",
		"https://app.cn/{}":                        "template.unknown_placeholder",
		"https://app.cn/{instance_id":              "template.unclosed",
		"https://app.cn/{param:}":                  "template.unknown_placeholder",
		"https://app.cn/{param: x}":                "template.unknown_placeholder",
		"https://app.cn/{params:x}":                "template.unknown_placeholder",
		"{param:scheme}://app.cn/":                 "template.place",
		"https://app.cn:{param:port}/":             "template.place",
		"https://{param:user}@app.cn/x@{email":     "template.unclosed",
		"{instance_id}://app.cn/":                  "template.place",
		"{instance_id}":                            "template.place",
		"https://{customer_name}.app.cn/":          "template.place",
		"https://{email}/":                         "template.place",
		"https://app.cn:{order_id}/":               "template.place",
		"":                                         "template.missing",
		"app.cn/{instance_id}":                     "template.place",
		"ftp://app.cn/{instance_id}":               "template.bad_url",
		"https://例子.cn/{instance_id}":              "template.bad_url",
		"https://app.cn/a b/{instance_id}":         "template.bad_url",
		"https:///{instance_id}":                   "template.bad_url",
		"https://a.cn/\x01":                        "template.control",
		"https://a.cn/" + strings.Repeat("x", 512): "template.too_long",
	} {
		f := fault.From(static.CheckTemplates(store.ProductSettings{FrontEndURL: template}))
		require.NotNil(t, f, template)
		require.Equal(t, key, f.Key, template)
		require.Equal(t, "front_end_url", f.Args["field"], template)
		require.Equal(t, fault.Invalid, f.Code, template)
	}
	f := fault.From(static.CheckTemplates(store.ProductSettings{FrontEndURL: "https://a.cn/", Memo: "{nobody}"}))
	require.Equal(t, "memo", f.Args["field"])
	require.Equal(t, "nobody", f.Args["placeholder"])
	require.NoError(t, static.CheckTemplates(store.ProductSettings{FrontEndURL: "https://{instance_id}.a.cn/{email}", AdminURL: "http://a.cn/{order_id}",
		UserName: "{customer_name}", Memo: "订单 {order_id}\n{{JSON}}"}))
}

func TestValuesThatDoNotFitAreRefusedByName(t *testing.T) {
	t.Parallel()
	provisionWith := func(s store.ProductSettings, change func(*provision.Request)) *fault.Error {
		r := request(s)
		change(&r)
		_, err := static.Driver{}.Provision(context.Background(), r)
		return fault.From(err)
	}
	noMail := func(r *provision.Request) { r.Customer.Email = "" }
	f := provisionWith(store.ProductSettings{FrontEndURL: "https://a.cn/", UserName: "{email}"}, noMail)
	require.Equal(t, "template.value_missing", f.Key)
	require.Equal(t, map[string]string{"field": "user_name", "placeholder": "email"}, f.Args)
	f = provisionWith(store.ProductSettings{FrontEndURL: "https://a.cn/{email}"}, noMail)
	require.Equal(t, "template.value_missing", f.Key)
	require.Nil(t, provisionWith(store.ProductSettings{FrontEndURL: "https://a.cn/?e={email}", Memo: "{email}"}, noMail))
	none := func(*provision.Request) {}
	f = provisionWith(store.ProductSettings{FrontEndURL: "https://a.cn/", UserName: "{param:unknown}"}, none)
	require.Equal(t, "template.param_missing", f.Key, "also where an empty value would do")
	require.Equal(t, map[string]string{"field": "user_name", "param": "unknown"}, f.Args)
	require.Nil(t, provisionWith(store.ProductSettings{FrontEndURL: "https://a.cn/?e={param:empty}"}, none), "given, and empty")
	require.Equal(t, "template.value_missing", provisionWith(store.ProductSettings{FrontEndURL: "https://a.cn/{param:empty}"}, none).Key)
	require.Equal(t, "template.value_unfit", provisionWith(store.ProductSettings{FrontEndURL: "https://{param:a b}.a.cn/"}, none).Key)
	for _, host := range []string{"a.b", "evil.com/", "a@b", "-a", "a-", strings.Repeat("a", 64), "例"} {
		f = provisionWith(store.ProductSettings{FrontEndURL: "https://{customer_id}.a.cn/"}, func(r *provision.Request) { r.Customer.ID = host })
		require.Equal(t, "template.value_unfit", f.Key, host)
		require.NotContains(t, f.Error(), host)
	}
	f = provisionWith(store.ProductSettings{FrontEndURL: "https://a.cn/x/{customer_name}/y"}, func(r *provision.Request) { r.Customer.Name = ".." })
	require.Equal(t, "template.value_unfit", f.Key)
}

func TestNoValueLeavesItsPlace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name, mail := rapid.String().Draw(t, "name"), rapid.String().Draw(t, "mail")
		r := request(store.ProductSettings{FrontEndURL: "https://app.cn/u/{customer_name}/v?e={email}&x=1#f"})
		r.Customer.Name, r.Customer.Email = name, mail
		res, err := static.Driver{}.Provision(context.Background(), r)
		if err != nil {
			require.Contains(t, []string{"", ".", ".."}, name)
			return
		}
		u, err := url.Parse(res.Access.FrontEndURL)
		require.NoError(t, err)
		require.Equal(t, "app.cn", u.Host)
		require.Equal(t, "/u/"+name+"/v", u.Path)
		require.Equal(t, 4, strings.Count(u.EscapedPath(), "/")+1)
		require.Equal(t, url.Values{"e": {mail}, "x": {"1"}}, u.Query())
		require.Equal(t, "f", u.Fragment)
	})
}

func TestAChangeKeepsTheAccount(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := store.ProductSettings{FrontEndURL: "https://a.cn/{sku_code}", UserName: "{email}", GeneratePassword: true}
	r := request(s)
	first, err := static.Driver{}.Provision(ctx, r)
	require.NoError(t, err)
	r.Access, r.Product.SkuCode, r.Customer.Email = first.Access, "sku2", ""
	second, err := static.Driver{}.Change(ctx, r)
	require.NoError(t, err)
	require.Equal(t, "https://a.cn/sku2", second.Access.FrontEndURL)
	require.Equal(t, first.Access.Password, second.Access.Password)
	require.Equal(t, first.Access.UserName, second.Access.UserName)
	r.MadeBy = "manual"
	third, err := static.Driver{}.Change(ctx, r)
	require.NoError(t, err)
	require.True(t, third.Waiting, "the templates know nothing of it: a person does")
	require.NoError(t, static.Driver{}.CanChange(ctx, r, []market.ProductInfo{{SkuCode: "x"}}))
}

func TestGeneratedPasswords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	firsts := map[byte]bool{}
	allowed := regexp.MustCompile(`^[a-km-np-z2-9A-HJ-NP-Z@#%*+=?_-]{16}$`)
	for range 500 {
		res, err := static.Driver{}.Provision(context.Background(), request(store.ProductSettings{FrontEndURL: "https://a.cn/", GeneratePassword: true}))
		require.NoError(t, err)
		p := res.Access.Password
		require.Regexp(t, allowed, p)
		for _, set := range []string{"a-z", "A-Z", "0-9", "@#%*+=?_-"} {
			require.Regexp(t, "["+set+"]", p)
		}
		require.False(t, seen[p])
		seen[p] = true
		firsts[p[0]] = true
	}
	require.Greater(t, len(firsts), 20, "the guaranteed characters do not stand at fixed places")
}

// Whatever a product wishes for, its passwords have that length, a character of
// each class, and none of another.
func TestGeneratedPasswordsAreAsTheProductWantsThem(t *testing.T) {
	t.Parallel()
	sets := map[string]string{"lower": "abcdefghijkmnpqrstuvwxyz", "upper": "ABCDEFGHJKLMNPQRSTUVWXYZ", "digit": "23456789", "symbol": "@#%*+=?_-"}
	rapid.Check(t, func(t *rapid.T) {
		classes := rapid.SliceOfNDistinct(rapid.SampledFrom(store.PasswordClasses()), 2, 4, rapid.ID[string]).Draw(t, "classes")
		length := rapid.IntRange(8, 64).Draw(t, "length")
		res, err := static.Driver{}.Provision(context.Background(), request(store.ProductSettings{FrontEndURL: "https://a.cn/", GeneratePassword: true,
			PasswordLength: length, PasswordClasses: classes}))
		require.NoError(t, err)
		require.NoError(t, res.Access.CheckFor(market.V1), "encrypted, as V1.0 has it, it must fit too")
		require.Len(t, res.Access.Password, length)
		rest := res.Access.Password
		for _, class := range classes {
			require.True(t, strings.ContainsAny(rest, sets[class]), "%s has nothing of %s", res.Access.Password, class)
			rest = strings.Map(func(r rune) rune {
				if strings.ContainsRune(sets[class], r) {
					return -1
				}
				return r
			}, rest)
		}
		require.Empty(t, rest)
	})
}
