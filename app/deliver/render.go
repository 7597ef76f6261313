package deliver

import (
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"

	"koodesk/app/market"
	"koodesk/app/store"
)

// languages are those that every template is written in.
var languages = []string{"zh-CN", "en"}

// usage is what the templates of UsageInfo may use. Subject is there for the
// frame of the HTML part only.
type usage struct {
	Language     string
	Subject      string
	Seller       string
	CustomerName string
	ProductName  string
	InstanceID   string
	OrderID      string
	FrontEndURL  string
	AdminURL     string
	UserName     string
	Password     string
	PasswordURL  string // where it is shown once, instead of Password
	Memo         string
	ExpiresAt    string // "" when it does not expire

	// Of notices.
	Days    int  // whole days of the calendar until the expiry; 0 is today
	Expired bool // the expiry has passed
}

// row is one line of the table in a mail.
type row struct {
	Label, Value string
	URL, Mono    bool
}

var functions = htmltemplate.FuncMap{"row": func(label, value, kind string) row {
	return row{Label: label, Value: value, URL: kind == "url", Mono: kind == "mono"}
}}

// templates are keyed by event and language: "usage_info.en".
type templates struct {
	mailText map[string]*texttemplate.Template
	mailHTML map[string]*htmltemplate.Template
	sms      map[string]*texttemplate.Template
}

func parseTemplates(files fs.FS) (*templates, error) {
	t := &templates{mailText: map[string]*texttemplate.Template{}, mailHTML: map[string]*htmltemplate.Template{},
		sms: map[string]*texttemplate.Template{}}
	for _, event := range market.Notices() {
		for _, language := range languages {
			if err := t.parse(files, event+"."+language); err != nil {
				return nil, fmt.Errorf("deliver: templates of %s in %s: %w", event, language, err)
			}
		}
	}
	return t, nil
}

func (t *templates) parse(files fs.FS, name string) (err error) {
	parseText := func(file string) (*texttemplate.Template, error) {
		b, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, err
		}
		return texttemplate.New(file).Option("missingkey=error").Parse(string(b))
	}
	if t.mailText[name], err = parseText("email/" + name + ".txt"); err != nil {
		return err
	}
	if t.mailText[name].Lookup("subject") == nil {
		return fmt.Errorf("email/%s.txt has no block \"subject\"", name)
	}
	if t.sms[name], err = parseText("sms/" + name + ".txt"); err != nil {
		return err
	}
	t.mailHTML[name], err = htmltemplate.New(name).Funcs(functions).ParseFS(files, "email/layout.html", "email/notice.html", "email/"+name+".html")
	return err
}

// usageContent renders the usage information of an instance; its expiry is
// written in a customer's zone.
func (d *Deliverer) usageContent(i *store.Instance, medium, language string, zone *time.Location) (store.Content, error) {
	return d.usageContentWith(i, medium, language, zone, "")
}

// usageContentWith is usageContent, with the password behind a link if there is one.
func (d *Deliverer) usageContentWith(i *store.Instance, medium, language string, zone *time.Location, link string) (store.Content, error) {
	data := usage{Language: language, Seller: d.seller, CustomerName: i.RealName, ProductName: i.ProductName,
		InstanceID: i.InstanceID, OrderID: i.OrderID, FrontEndURL: i.App.FrontEndURL, AdminURL: i.App.AdminURL,
		UserName: i.App.UserName, Password: i.App.Password, Memo: i.App.Memo, ExpiresAt: moment(i.ExpiresAt, zone, language)}
	if data.CustomerName == "" {
		data.CustomerName = i.CustomerName
	}
	if link != "" {
		data.Password, data.PasswordURL = "", link
	}
	c, err := d.templates.render(UsageInfo, medium, language, &data)
	if err != nil {
		return c, err
	}
	if medium == SMS {
		c.Variables = data.variables()
	}
	if secret := data.Password + data.PasswordURL; secret != "" {
		c.Secrets, c.ByLink = []string{secret}, link != ""
		if escaped := htmltemplate.HTMLEscapeString(secret); escaped != secret {
			c.Secrets = append(c.Secrets, escaped)
		}
	}
	return c, nil
}

func (t *templates) render(event, medium, language string, data *usage) (store.Content, error) {
	name := event + "." + language
	if _, ok := t.sms[name]; !ok { // a language that is not spoken
		name = event + "." + languages[0]
	}
	var c store.Content
	var b strings.Builder
	if medium == SMS {
		if err := t.sms[name].Execute(&b, data); err != nil {
			return c, err
		}
		c.Text = strings.TrimSpace(b.String())
		return c, nil
	}
	if err := t.mailText[name].ExecuteTemplate(&b, "subject", data); err != nil {
		return c, err
	}
	c.Subject = oneLine(b.String())
	data.Subject = c.Subject
	b.Reset()
	if err := t.mailText[name].Execute(&b, data); err != nil {
		return c, err
	}
	c.Text = strings.TrimSpace(b.String()) + "\n"
	b.Reset()
	if err := t.mailHTML[name].ExecuteTemplate(&b, "layout", data); err != nil {
		return c, err
	}
	c.HTML = b.String()
	return c, nil
}

// oneLine keeps a subject from being more than one header line.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// moment writes a time for a customer, to the minute and with its zone.
func moment(t time.Time, zone *time.Location, language string) string {
	switch {
	case t.IsZero():
		return ""
	case language == "en":
		return t.In(zone).Format("2 January 2006, 15:04 (UTC-07:00)")
	}
	return t.In(zone).Format("2006年1月2日 15:04（UTC-07:00）")
}
