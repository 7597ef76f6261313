package gallery

import (
	"time"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

var templateKinds = []string{"usage_info", "license_ready", "expiry_notice", "renewed", "frozen", "unfrozen", "released"}

func (k look) templates(filters ...string) view.TemplatesPage {
	at := address("/templates", filters...)
	p := view.TemplatesPage{Shell: k.shell(view.RoomTemplates, at.String()), List: view.List{State: view.ListRows, Filter: view.Filter{URL: at, NoSearch: true, Selects: []view.Select{
		{Name: "channel", Label: view.Say("filter.channel"), Options: []view.Option{{Label: view.Say("filter.any_channel"), Selected: true}, {Value: "default"}, {Value: "welink"}}},
		{Name: "product_id", Label: view.Say("filter.product"), Options: []view.Option{{Label: view.Say("filter.any_product"), Selected: true}, {Value: "OFFI846204237451911168"}}}}}}}
	for n, kind := range templateKinds {
		row := view.TemplateRow{Kind: kind}
		for m, of := range [][2]string{{"email", "zh-CN"}, {"email", "en"}, {"sms", "zh-CN"}, {"sms", "en"}} {
			c := view.TemplateCell{Medium: of[0], Language: of[1], URL: "/templates/" + kind + "/" + of[0] + "/" + of[1], Source: "shipped"}
			switch {
			case n == 0 && m < 2:
				c.Source, c.Own, c.Version, c.At, c.By = "product", true, 3+m, ago(2*time.Hour), "li.wei@example.com"
			case n == 0 || n == 2 && m == 2:
				c.Source, c.Version, c.At, c.By = "channel", 1, ago(50*time.Hour), "li.wei@example.com"
			case n == 4:
				c.Source, c.Version, c.At, c.By = "house", 12, ago(400*24*time.Hour), "token:ci"
			}
			row.Cells = append(row.Cells, c)
		}
		p.Rows = append(p.Rows, row)
	}
	p.Columns = p.Rows[0].Cells
	return p
}

const mailBody = `~ 使用信息
# {product_name}已开通

{if customer_name}尊敬的 {customer_name}：{else}您好：{end}
感谢您的购买，以下是您的使用信息。

=> 开始使用 {front_end_url}

- 访问地址：{front_end_url}
{if user_name}- 账号：{user_name}{end}
{if password}- 初始密码：{password}{end}

---
本邮件由系统自动发送。`

func (k look) template(medium string) view.TemplatePage {
	const self = "/templates/usage_info/"
	here := self + medium + "/zh-CN?channel=default&product_id=OFFI846204237451911168"
	p := view.TemplatePage{Shell: k.shell(view.RoomTemplates, here), Kind: "usage_info", Medium: medium, Language: "zh-CN", Channel: "default", ProductID: "OFFI846204237451911168",
		Back: "/templates?channel=default&product_id=OFFI846204237451911168", Own: true, Base: 3, Instance: "10e758d0-31ad-4c4b-8f1b-81d03469a10e", To: map[string]string{"sms": "186••••8888"}[medium],
		Save: k.may(staff.ProductsWrite, here), Test: k.may(staff.ProductsWrite, self+medium+"/zh-CN/test"), Withdraw: k.may(staff.ProductsWrite, self+medium+"/zh-CN/withdraw"),
		Preview: self + medium + "/zh-CN/preview", Frame: self + medium + "/zh-CN/frame?channel=default", Max: 10000}
	for _, m := range []string{"email", "sms"} {
		for _, l := range []i18n.Locale{i18n.ZhCN, i18n.En} {
			p.Tabs = append(p.Tabs, view.Tab{Label: view.Say("templates.tab", "medium", view.Say("medium."+m), "language", view.Say("locale."+string(l))),
				URL: view.URL{Path: self + m + "/" + string(l)}, Count: -1, Active: m == medium && l == i18n.ZhCN})
		}
	}
	p.Chain = []view.TemplateLink{{Source: "product", Place: p.ProductID, Has: true, Counts: true, Version: 3, By: "li.wei@example.com", At: ago(2 * time.Hour)},
		{Source: "channel", Place: "default", URL: self + medium + "/zh-CN?channel=default"},
		{Source: "house", Has: true, Version: 12, By: "token:ci", At: ago(90 * 24 * time.Hour), URL: self + medium + "/zh-CN"}, {Source: "shipped", Has: true}}
	for _, name := range []string{"front_end_url", "admin_url", "user_name", "password", "memo", "customer_name", "product_name", "instance_id", "order_id", "expires_at", "seller"} {
		p.Variables = append(p.Variables, view.TemplateVariable{Name: name, Required: name == "front_end_url" || name == "user_name" || name == "password"})
	}
	p.Subject, p.Body = "{product_name}已开通：使用信息", mailBody
	p.Result = view.TemplatePreview{Mail: true, Subject: "云协作旗舰版已开通：使用信息",
		Text: "使用信息\n云协作旗舰版已开通\n\n尊敬的 张三：\n感谢您的购买，以下是您的使用信息。\n\n访问地址：https://app.example.com/\n账号：admin\n初始密码：••••••••\n\n本邮件由系统自动发送。\n"}
	if medium == "sms" {
		p.Max, p.Subject, p.Body = 1000, "", "{product_name}已开通：{front_end_url} 账号：{user_name} 初始密码：{password} 请勿转发。"
		p.Result = view.TemplatePreview{Text: "云协作旗舰版已开通：https://app.example.com/ 账号：admin 初始密码：•••••••• 请勿转发。", Encoding: "ucs2", Units: 61, Parts: 1, Left: 9, Whole: 70, Part: 67, Mainland: 1}
	}
	for _, v := range []view.TemplateVersion{{Version: 3, Restored: 1, Newest: true}, {Version: 2, Withdrawn: true, Reason: "先用通道的模板"}, {Version: 1}} {
		v.By, v.At, v.Subject, v.Body = "li.wei@example.com", ago(time.Duration(4-v.Version)*26*time.Hour), p.Subject, p.Body
		v.Restore = k.may(staff.ProductsWrite, self+medium+"/zh-CN/restore")
		v.Restore.Show = v.Restore.Show && v.Version == 1
		p.Versions = append(p.Versions, v)
	}
	return p
}

func templateSamples(op, ro look) []Sample {
	op.role = staff.Admin // who else edits texts
	list, held, lost := op.templates(), op.templates("channel", "default"), op.templates("product_id", "OFFI846204237451911168")
	held.AtService, lost.NoChannel = true, true
	broken := op.templates("channel", "gone")
	broken.Rows, broken.State, broken.Fault = nil, view.ListError, &fault.Record{Code: fault.NotFound, Key: "channel.unknown"}
	wrong := op.template("email")
	wrong.Result = view.TemplatePreview{Mail: true, Wrong: []view.Wrongness{
		{Part: "subject", Fault: &fault.Record{Code: fault.Invalid, Key: "message_template.secret_subject", Args: map[string]string{"line": "1", "name": "password"}}},
		{Part: "body", Fault: &fault.Record{Code: fault.Invalid, Key: "message_template.unknown", Args: map[string]string{"line": "9", "name": "pasword",
			"known": "front_end_url admin_url user_name password memo customer_name product_name instance_id order_id expires_at seller"}}},
		{Part: "body", Fault: &fault.Record{Code: fault.Invalid, Key: "message_template.missing", Args: map[string]string{"name": "user_name"}}}}}
	long := op.template("sms")
	long.Result.Units, long.Result.Parts, long.Result.Left, long.Result.Mainland, long.Result.Encoding, long.Result.Whole, long.Result.Part = 173, 2, 133, 3, "gsm7", 160, 153
	long.Held, long.Service, long.Filled = true, "8ff55eac1d0b478ab3c06c3c6a492300", "product_name, user_name, password"
	none := op.template("sms")
	none.Held, none.To, none.Result = true, "", view.TemplatePreview{Fault: &fault.Record{Code: fault.NotFound, Key: "instance.unknown"}}
	fresh := op.template("email")
	fresh.Chain = []view.TemplateLink{{Source: "house"}, {Source: "shipped", Has: true, Counts: true}}
	fresh.Channel, fresh.ProductID, fresh.Own, fresh.Base, fresh.Below, fresh.Versions, fresh.Instance, fresh.Result.Sample, fresh.Withdraw.Show = "", "", false, 0, 2, nil, "", true, false
	more := op.template("email")
	more.Older = "/templates/usage_info/email/zh-CN?before=1#versions"
	return []Sample{{"templates-full", view.PageTemplates, list}, {"templates-held", view.PageTemplates, held}, {"templates-no-channel", view.PageTemplates, lost},
		{"templates-error", view.PageTemplates, broken}, {"templates-read-only", view.PageTemplates, ro.templates()},
		{"template-mail", view.PageTemplate, more}, {"template-fresh", view.PageTemplate, fresh}, {"template-wrong", view.PageTemplate, wrong},
		{"template-sms", view.PageTemplate, op.template("sms")}, {"template-sms-long", view.PageTemplate, long}, {"template-sms-no-instance", view.PageTemplate, none},
		{"template-read-only", view.PageTemplate, ro.template("email")}}
}
