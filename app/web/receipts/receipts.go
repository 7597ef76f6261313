// Package receipts is where SMS and mail services report what became of
// messages. The address is the first proof, since it ends in a token that only
// this installation makes; what a service signs beyond that is its sender's
// business. Nothing here waits for more than the database.
package receipts

import (
	"bytes"
	"context"
	"crypto/subtle"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/throttle"
	"koodesk/app/web/session"
)

// Path is what the address begins with; the medium and the token follow.
const Path = "/receipts/"

// A report is no larger, in bytes: of SMS fifty in a batch are well below; of a
// mail that came back the service may post the mail itself.
const (
	maxBody = 64 << 10
	maxMail = 1 << 20
)

// Options of New.
type Options struct {
	Deliver   *deliver.Deliverer
	Keys      *seal.Keyring
	Limit     *throttle.Limiter
	PublicURL string        // the address that services were given; what they sign
	Rate      throttle.Rate // of reports, for each medium; zero: 6000 a minute
	Strangers throttle.Rate // of calls with a wrong token, for each caller; zero: 20 a minute
}

// Handler answers reports. It is safe for concurrent use.
type Handler struct{ o Options }

// New makes the handler.
func New(o Options) *Handler {
	if o.Rate.Tries == 0 {
		o.Rate = throttle.Rate{Tries: 6000, In: time.Minute}
	}
	if o.Strangers.Tries == 0 {
		o.Strangers = throttle.Rate{Tries: 20, In: time.Minute}
	}
	return &Handler{o: o}
}

// URL is the address at which a medium's service reports.
func URL(publicURL string, keys *seal.Keyring, medium string) string {
	return publicURL + Path + medium + "/" + keys.Token(seal.Receipts, []byte(medium))
}

// Routes is the one address.
func (h *Handler) Routes() []session.Route {
	return []session.Route{session.To(fiber.MethodPost, Path+":medium/:token", staff.Public, h.Receive)}
}

// Receive answers 200 with nothing when the report is written down, or was
// before; 404 to whoever does not know the address.
func (h *Handler) Receive(c *fiber.Ctx) error {
	medium, token := c.Params("medium"), c.Params("token")
	if !h.known(medium, token) {
		if h.late(c, "stranger:"+c.IP(), h.o.Strangers) {
			return nil
		}
		return c.SendStatus(fiber.StatusNotFound)
	}
	if h.late(c, medium, h.o.Rate) {
		return nil
	}
	body := bytes.Clone(c.Body())
	if len(body) > maxBody && (medium != deliver.Email || len(body) > maxMail) {
		return c.SendStatus(fiber.StatusRequestEntityTooLarge)
	}
	r, err := h.request(c, body)
	if err == nil {
		err = h.o.Deliver.Receive(c.UserContext(), medium, r, body)
	}
	return c.SendStatus(status(err))
}

func (h *Handler) known(medium, token string) bool {
	payload, err := h.o.Keys.OpenToken(seal.Receipts, token)
	return err == nil && subtle.ConstantTimeCompare(payload, []byte(medium)) == 1
}

// late answers 429 if there was too much of a kind.
func (h *Handler) late(c *fiber.Ctx, key string, r throttle.Rate) bool {
	wait := h.o.Limit.Allow(c.UserContext(), key, r)
	if wait == 0 {
		return false
	}
	c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(wait/time.Second)+1))
	_ = c.SendStatus(fiber.StatusTooManyRequests)
	return true
}

// request is the call as its service signed it: at the address that it was
// given, whatever a reverse proxy made of that.
func (h *Handler) request(c *fiber.Ctx, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, h.o.PublicURL+c.Path(), bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "receipt.unreadable")
	}
	r.URL.RawQuery = string(c.Request().URI().QueryString())
	for name, values := range c.GetReqHeaders() {
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
	return r, nil
}

func status(err error) int {
	switch fault.CodeOf(err) {
	case "":
		return fiber.StatusOK
	case fault.Invalid:
		return fiber.StatusBadRequest
	case fault.Unauthenticated:
		return fiber.StatusUnauthorized
	case fault.NotFound:
		return fiber.StatusNotFound
	case fault.Unavailable:
		return fiber.StatusServiceUnavailable
	}
	return fiber.StatusInternalServerError
}
