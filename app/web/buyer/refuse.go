package buyer

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/throttle"
	"koodesk/app/web/view"
)

// Refuser switches notices off and on for the customer that a link belongs to.
type Refuser interface {
	Refusal(ctx context.Context, token string) (*deliver.Refusal, error)
	Refuse(ctx context.Context, token, kind string, off bool, ip string) error
}

// Notices shows what a customer gets, and lets him change it. Looking changes
// nothing: programs follow links in mails.
func (b *Buyer) Notices(c *fiber.Ctx) error {
	private(c)
	r, err := b.refusal(c)
	if err != nil {
		return err
	}
	return b.noticesPage(c, r, "")
}

// SetNotices switches a kind off or on: by the buttons of the page, or as a mail
// program does at one click (RFC 8058), which knows no page and only posts
// List-Unsubscribe=One-Click. Who has the link may do it; nobody can guess it.
func (b *Buyer) SetNotices(c *fiber.Ctx) error {
	private(c)
	r, err := b.refusal(c)
	if err != nil {
		return err
	}
	kind, off := strings.Clone(c.FormValue("kind")), c.FormValue("want") == ""
	if err := b.o.Refuser.Refuse(c.UserContext(), token(c), kind, off, c.IP()); err != nil {
		return err
	}
	if c.FormValue("List-Unsubscribe") == "One-Click" {
		return c.SendString("OK\n")
	}
	if kind == "" {
		kind = r.Kind
	}
	if r, err = b.o.Refuser.Refusal(c.UserContext(), token(c)); err != nil {
		return err
	}
	return b.noticesPage(c, r, kind)
}

// refusal opens the link within the limits, which are those of the access page.
func (b *Buyer) refusal(c *fiber.Ctx) (*deliver.Refusal, error) {
	if b.o.Refuser == nil {
		return nil, fault.New(fault.NotFound, "access_page.unknown")
	}
	if err := b.allow(c, "address:"+throttle.Network(c.IP()), b.o.Limits.Address); err != nil {
		return nil, err
	}
	return b.o.Refuser.Refusal(c.UserContext(), token(c))
}

func (b *Buyer) noticesPage(c *fiber.Ctx, r *deliver.Refusal, changed string) error {
	l := i18n.Choose(c.Query("lang"), r.Language, c.Get(fiber.HeaderAcceptLanguage))
	p := view.BuyerNoticesPage{Buyer: b.frame(l), Product: r.Product, Kind: r.Kind, Off: r.Refused(), Changed: changed,
		URL: c.Path() + "?lang=" + string(l)}
	for _, kind := range r.Off {
		if kind != r.Kind {
			p.Refused = append(p.Refused, kind)
		}
	}
	return b.send(c, fiber.StatusOK, func(c *fiber.Ctx) error {
		return b.o.Views.Page(c.Response().BodyWriter(), l, view.PageBuyerNotices, p)
	})
}
