package buyer

import (
	"net/url"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/accesspage"
	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/web/view"
)

// late is how long a purchase may take before the page says that it takes long.
const late = 10 * time.Minute

// waits are the seconds between two looks of a page that is being prepared, from
// the first look on; the last one repeats.
var waits = []int{2, 2, 3, 3, 5, 5, 10, 10, 15, 20, 30, 60}

// plainWait is the same for browsers without scripts, which cannot slow down.
const plainWait = 20

func (b *Buyer) frame(l i18n.Locale) view.Buyer {
	f := view.Buyer{Seller: b.o.Seller}
	for _, other := range i18n.Locales() {
		if other != l {
			f.Others = append(f.Others, other)
		}
	}
	return f
}

// page is what the buyer may see, without the access data.
func (b *Buyer) page(c *fiber.Ctx, l i18n.Locale, page *accesspage.Page) view.BuyerPage {
	i := page.Instance
	now := b.o.Now()
	clock := view.Clock{Zone: b.o.Zone, Now: now}
	here := c.Path() + "?lang=" + url.QueryEscape(string(l))
	p := view.BuyerPage{
		Buyer: b.frame(l), State: string(page.State), Product: i.ProductName, OrderID: i.OrderID, Expires: clock.Time(i.ExpiresAt),
		FrontEndURL: page.Access.FrontEndURL, OneTime: page.OneTime, Used: page.Used(), Close: here,
	}
	if page.State.Shows() {
		p.Wiped = clock.Time(i.PasswordWipedAt)
	}
	if page.Hidden {
		p.Reveal = here
	} else {
		p.Used = false
	}
	if page.State == accesspage.Preparing {
		n := min(max(c.QueryInt("n"), 0), len(waits)-1)
		p.Poll = &view.Poll{URL: here + "&n=" + strconv.Itoa(n+1), Every: waits[n]}
		p.Refresh = plainWait
		p.Late = now.Sub(i.CreatedAt) > late
	}
	return p
}

// statuses are the HTTP statuses of the faults that a page can meet; any other
// is a defect.
var statuses = map[fault.Code]int{fault.NotFound: fiber.StatusNotFound, fault.RateLimited: fiber.StatusTooManyRequests,
	fault.Conflict: fiber.StatusConflict, fault.Invalid: fiber.StatusBadRequest, fault.Unavailable: fiber.StatusServiceUnavailable,
	fault.TooLarge: fiber.StatusRequestEntityTooLarge}

// Error answers what could not be done. Every link that opens nothing gets the
// same page, whatever is wrong with it.
func (b *Buyer) Error(c *fiber.Ctx, f *fault.Error) error {
	private(c)
	status, ok := statuses[f.Code]
	if !ok {
		status = fiber.StatusInternalServerError
	}
	if f.Code == fault.NotFound {
		f = fault.New(fault.NotFound, "access_page.unknown")
	}
	if f.Retry.After > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int((f.Retry.After+time.Second-1)/time.Second)))
	}
	l := b.locale(c, "")
	r := fault.ToRecord(f)
	r.Detail = "" // the cause is for the log
	p := view.BuyerErrorPage{Buyer: b.frame(l), Status: status, Fault: r,
		Retry: c.Method() == fiber.MethodGet && (status == fiber.StatusTooManyRequests || status >= fiber.StatusInternalServerError)}
	return b.send(c, status, func(c *fiber.Ctx) error {
		return b.o.Views.Page(c.Response().BodyWriter(), l, view.PageBuyerError, p)
	})
}
