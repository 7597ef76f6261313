package deliver

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/wording"
)

// languages are those that every text is written in.
var languages = []string{"zh-CN", "en"}

// Languages lists the languages of messages.
func Languages() []string { return []string{"zh-CN", "en"} }

// Media lists how customers are told.
func Media() []string { return []string{Email, SMS} }

// spoken is the language that a message is written in: zh-CN for every one that
// no text is written in.
func spoken(language string) string {
	for _, l := range languages {
		if l == language {
			return l
		}
	}
	return languages[0]
}

// shipped are the texts that come with the program, and the frame of mails.
type shipped struct {
	texts map[string]wording.Text // "usage_info.email.en"
	frame *htmltemplate.Template
}

// parseTemplates reads the shipped texts. They are held to the same rules as
// those that people write.
func parseTemplates(files fs.FS) (*shipped, error) {
	s := &shipped{texts: map[string]wording.Text{}}
	for _, kind := range market.Notices() {
		for _, language := range languages {
			for _, medium := range Media() {
				if err := s.read(files, kind, medium, language); err != nil {
					return nil, fmt.Errorf("deliver: text of %s for %s in %s: %w", kind, medium, language, err)
				}
			}
		}
	}
	var err error
	s.frame, err = htmltemplate.New("mail").Option("missingkey=error").ParseFS(files, "email/layout.html", "email/message.html")
	return s, err
}

func (s *shipped) read(files fs.FS, kind, medium, language string) error {
	b, err := fs.ReadFile(files, medium+"/"+kind+"."+language+".txt")
	if err != nil {
		return err
	}
	t := wording.Text{Body: string(b)}
	if medium == Email {
		t.Subject, t.Body, _ = strings.Cut(string(b), "\n")
	}
	t = wording.Tidy(t)
	if _, problems := wording.Parse(t, RulesFor(kind, medium)); len(problems) > 0 {
		p := problems[0]
		return fmt.Errorf("%s, line %d: %w", p.Part, p.Line, p.Fault)
	}
	s.texts[kind+"."+medium+"."+language] = t
	return nil
}

// text is the shipped text of a message.
func (s *shipped) text(kind, medium, language string) wording.Text {
	return s.texts[kind+"."+medium+"."+spoken(language)]
}

// frame is what views/email/layout.html and message.html are filled from.
type frame struct {
	wording.Mail
	Language string
}

var errWrong = errors.New("a text is kept that does not pass its own check")

// compose fills a text.
func (d *Deliverer) compose(kind, medium, language string, t wording.Text, v wording.Values) (store.Content, error) {
	letter, problems := wording.Parse(t, RulesFor(kind, medium))
	if len(problems) > 0 {
		return store.Content{}, errors.Join(errWrong, problems[0].Fault)
	}
	return d.fill(medium, language, letter, v)
}

// fill writes the message. What it holds of secrets is named.
func (d *Deliverer) fill(medium, language string, letter *wording.Letter, v wording.Values) (store.Content, error) {
	var c store.Content
	if medium == SMS {
		c.Text, c.Variables = letter.Short(v), all(v)
	} else {
		m := letter.Mail(v)
		var b strings.Builder
		if err := d.templates.frame.ExecuteTemplate(&b, "layout", frame{Mail: m, Language: spoken(language)}); err != nil {
			return c, err
		}
		c.Subject, c.Text, c.HTML = m.Subject, m.Text, strings.TrimSpace(b.String())+"\n"
	}
	if secret := v["password"] + v["password_url"]; secret != "" {
		c.Secrets = []string{secret}
		if escaped := escape(secret); escaped != secret {
			c.Secrets = append(c.Secrets, escaped)
		}
	}
	return c, nil
}

var asHTML = htmltemplate.Must(htmltemplate.New("").Parse("{{.}}"))

// escape writes a text as it stands in a mail's markup.
func escape(s string) string {
	var b strings.Builder
	if err := asHTML.Execute(&b, s); err != nil { // a string into a buffer
		return s
	}
	return b.String()
}

// values are what stands behind the variables of a message, as things are now.
// Only the usage information holds access data. Times are in a customer's zone
// and in the message's language.
func (d *Deliverer) values(kind string, i *store.Instance, language string, zone *time.Location, now time.Time) wording.Values {
	v := wording.Values{"seller": d.seller, "customer_name": i.RealName, "product_name": i.ProductName, "instance_id": i.InstanceID,
		"order_id": i.OrderID, "expires_at": moment(i.ExpiresAt, zone, language), briefExpiry: brief(i.ExpiresAt, zone)}
	if i.RealName == "" {
		v["customer_name"] = i.CustomerName
	}
	switch kind {
	case UsageInfo:
		v["front_end_url"], v["admin_url"], v["user_name"] = i.App.FrontEndURL, i.App.AdminURL, i.App.UserName
		v["password"], v["memo"] = i.App.Password, i.App.Memo
	case market.ExpiryNotice:
		v["days"] = strconv.Itoa(daysUntil(i.ExpiresAt, now, zone))
		switch countdown(i.ExpiresAt, now, zone) {
		case expired:
			v["expired"] = "1"
		case "0":
			v["today"] = "1"
		case "1":
			v["tomorrow"] = "1"
		}
	}
	return v
}

// moment writes a time for a customer, to the minute and with its zone.
func moment(t time.Time, zone *time.Location, language string) string {
	switch {
	case t.IsZero():
		return ""
	case spoken(language) == "en":
		return t.In(zone).Format("2 January 2006, 15:04 (UTC-07:00)")
	}
	return t.In(zone).Format("2006年1月2日 15:04（UTC-07:00）")
}
