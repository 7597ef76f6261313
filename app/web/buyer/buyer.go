// Package buyer is the buyer's access page on the web: a link that needs no
// login, shows how far a purchase is, and the access data when the buyer asks
// for it. It decides nothing: what may be seen is app/accesspage's business.
// Everything here is kept out of caches, logs and search engines, because the
// address is the secret.
package buyer

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/accesspage"
	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/throttle"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

// Options of New.
type Options struct {
	Pages   *accesspage.Pages
	Limit   *throttle.Limiter
	Refuser Refuser // nil: customers cannot switch notices off
	Views   *view.Engine
	Seller  string         // as buyers know the name; "" shows none
	Zone    *time.Location // in which times are shown
	Limits  Limits         // zero: as Limits says
	Now     func() time.Time
}

// Limits are how often pages may be opened from one address (an office behind
// one of them included; 0: 120 a minute) and by one link (60 a minute), and how
// often a link may show its access data (10 in 10 minutes).
type Limits struct{ Address, Link, Reveal throttle.Rate }

func (l Limits) orDefaults() Limits {
	for _, r := range []struct {
		rate *throttle.Rate
		or   throttle.Rate
	}{{&l.Address, throttle.Rate{Tries: 120, In: time.Minute}}, {&l.Link, throttle.Rate{Tries: 60, In: time.Minute}},
		{&l.Reveal, throttle.Rate{Tries: 10, In: 10 * time.Minute}}} {
		if r.rate.Tries == 0 {
			*r.rate = r.or
		}
	}
	return l
}

// Buyer answers with pages. It is safe for concurrent use.
type Buyer struct{ o Options }

// New makes the handlers.
func New(o Options) *Buyer {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Limits = o.Limits.orDefaults()
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Buyer{o: o}
}

// Routes is the page whole. No session stands before it.
func (b *Buyer) Routes() []session.Route {
	return []session.Route{
		session.To(fiber.MethodGet, accesspage.Path+":token", staff.Public, b.Page),
		session.To(fiber.MethodHead, accesspage.Path+":token", staff.Public, b.Page),
		session.To(fiber.MethodPost, accesspage.Path+":token", staff.Public, b.Reveal),
		session.To(fiber.MethodGet, deliver.RefusePath+":token", staff.Public, b.Notices),
		session.To(fiber.MethodPost, deliver.RefusePath+":token", staff.Public, b.SetNotices),
	}
}

// Page shows how far the purchase is. Looking again, as the page does by itself
// while it is being prepared, is no view.
func (b *Buyer) Page(c *fiber.Ctx) error {
	private(c)
	page, err := b.find(c)
	if err != nil {
		return err
	}
	l := b.locale(c, page.Language)
	p := b.page(c, l, page)
	if c.Get("HX-Request") == "true" {
		return b.send(c, fiber.StatusOK, func(w *fiber.Ctx) error {
			return b.o.Views.Block(w.Response().BodyWriter(), l, view.PageBuyerAccess, view.BlockBuyerCard, p)
		})
	}
	if c.Method() == fiber.MethodGet { // a HEAD is nobody's look
		b.o.Pages.Viewed(c.UserContext(), page)
	}
	return b.whole(c, fiber.StatusOK, l, p)
}

// Reveal shows the access data. It takes a POST, so that programs that follow
// links in mails do not see it, nor use a one-time link up. There is no token
// against forgery: nobody can forge the request without knowing the link, and
// who knows it may see the data.
func (b *Buyer) Reveal(c *fiber.Ctx) error {
	private(c)
	page, err := b.find(c)
	if err != nil {
		return err
	}
	if err := b.allow(c, linkKey("reveal", page), b.o.Limits.Reveal); err != nil {
		return err
	}
	l := b.locale(c, page.Language)
	shown, err := b.o.Pages.Reveal(c.UserContext(), token(c))
	if fault.Is(err, fault.Conflict) { // used, or frozen, in the meantime: the page says so
		if page, err = b.find(c); err != nil {
			return err
		}
		return b.whole(c, fiber.StatusConflict, l, b.page(c, l, page))
	}
	if err != nil {
		return err
	}
	p := b.page(c, l, shown)
	p.Used = false
	p.Revealed = &view.BuyerAccess{UserName: shown.Access.UserName, Password: shown.Access.Password,
		AdminURL: shown.Access.AdminURL, Memo: shown.Access.Memo}
	if p.OneTime { // switching the language would lose what is on the screen
		p.Others = nil
	}
	return b.whole(c, fiber.StatusOK, l, p)
}

// find opens the link within the limits.
func (b *Buyer) find(c *fiber.Ctx) (*accesspage.Page, error) {
	if err := b.allow(c, "address:"+throttle.Network(c.IP()), b.o.Limits.Address); err != nil {
		return nil, err
	}
	page, err := b.o.Pages.Find(c.UserContext(), token(c))
	if err != nil {
		return nil, err
	}
	return page, b.allow(c, linkKey("link", page), b.o.Limits.Link)
}

// linkKey names a link where its token must not stand.
func linkKey(what string, p *accesspage.Page) string {
	return fmt.Sprintf("%s:%d:%d", what, p.Instance.PK, p.Instance.LinkGeneration)
}

func (b *Buyer) allow(c *fiber.Ctx, key string, r throttle.Rate) error {
	wait := b.o.Limit.Allow(c.UserContext(), key, r)
	if wait == 0 {
		return nil
	}
	seconds := strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	return fault.New(fault.RateLimited, "access_page.too_many", "seconds", seconds).RetryAfter(wait)
}

func token(c *fiber.Ctx) string { return strings.Clone(c.Params("token")) }

// locale is the language that was switched to, else that of the product's
// customers.
func (b *Buyer) locale(c *fiber.Ctx, product string) i18n.Locale {
	return i18n.Choose(c.Query("lang"), product, c.Get(fiber.HeaderAcceptLanguage))
}

// private keeps the page out of caches, search engines and other sites' logs.
func private(c *fiber.Ctx) {
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	c.Vary("HX-Request", fiber.HeaderAcceptLanguage)
}

func (b *Buyer) whole(c *fiber.Ctx, status int, l i18n.Locale, p view.BuyerPage) error {
	return b.send(c, status, func(c *fiber.Ctx) error {
		return b.o.Views.Page(c.Response().BodyWriter(), l, view.PageBuyerAccess, p)
	})
}

func (b *Buyer) send(c *fiber.Ctx, status int, write func(*fiber.Ctx) error) error {
	c.Status(status).Type("html", "utf-8")
	return write(c)
}
