package api

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
)

// problem is an error of the API with the parts of the request that are wrong.
type problem struct {
	fault  *fault.Error
	fields []wrong
}

func (p *problem) Error() string { return p.fault.Error() }

func (p *problem) Unwrap() error { return p.fault }

// wrong is a part of a request that is wrong: a translation below api.wrong.
type wrong struct {
	in   string // "body", "query" or "path"
	name string
	key  string
	args []any
	why  *fault.Error // instead of key
}

// refuse makes the fault of a request with wrong parts.
func refuse(fields ...wrong) error {
	return &problem{fault: fault.New(fault.Invalid, "request.invalid", "names", names(fields)), fields: fields}
}

func names(fields []wrong) string {
	out := ""
	for i, f := range fields {
		if i > 0 {
			out += ", "
		}
		out += f.name
	}
	return out
}

// problemBody is RFC 9457. Code is the fault's key: stable, for machines.
type problemBody struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Code   string       `json:"code"`
	Errors []fieldError `json:"errors"`
}

type fieldError struct {
	In      string `json:"in"`
	Name    string `json:"name"`
	Message string `json:"message"`
}

var statuses = map[fault.Code]int{
	fault.Invalid:         fiber.StatusBadRequest,
	fault.NotFound:        fiber.StatusNotFound,
	fault.Conflict:        fiber.StatusConflict,
	fault.Unauthenticated: fiber.StatusUnauthorized,
	fault.Forbidden:       fiber.StatusForbidden,
	fault.RateLimited:     fiber.StatusTooManyRequests,
	fault.TooLarge:        fiber.StatusRequestEntityTooLarge,
	fault.Unavailable:     fiber.StatusServiceUnavailable,
	fault.Refused:         fiber.StatusBadGateway,
}

// statusOf is the HTTP status of a fault.
func statusOf(f *fault.Error) int {
	switch f.Key {
	case "http.method_not_allowed":
		return fiber.StatusMethodNotAllowed
	case "request.content_type":
		return fiber.StatusUnsupportedMediaType
	}
	if status, ok := statuses[f.Code]; ok {
		return status
	}
	return fiber.StatusInternalServerError
}

// accessFields are KooGallery's names of access data and the API's.
var accessFields = map[string]string{"frontEndUrl": "front_end_url", "adminUrl": "admin_url", "userName": "user_name",
	"password": "password", "memo": "memo"}

// Problem answers with an error as application/problem+json, in the language
// that the caller asks for. The cause of a defect of ours stays in the log.
func (a *API) Problem(c *fiber.Ctx, err error) error {
	f := fault.From(err)
	z := localizer(c)
	var fields []wrong
	var p *problem
	if errors.As(err, &p) {
		fields = p.fields
	}
	if name := f.Args["field"]; name != "" && f.Code == fault.Invalid {
		f = renamed(f)
		fields = append(fields, wrong{in: "body", name: f.Args["field"]})
	}
	text := z.FaultOf(f)
	body := problemBody{Type: "urn:koodesk:problem:" + string(f.Code), Title: z.T("fault_code." + string(f.Code) + ".what"),
		Status: statusOf(f), Detail: sentence(z, text.What, text.Do), Code: f.Key, Errors: []fieldError{}}
	for _, w := range fields {
		message := text.What
		switch {
		case w.why != nil:
			message = z.FaultOf(w.why).What
		case w.key != "":
			message = z.T("api.wrong."+w.key, w.args...)
		}
		body.Errors = append(body.Errors, fieldError{In: w.in, Name: w.name, Message: message})
	}
	if f.Code == fault.Unauthenticated {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="koodesk"`)
	}
	if f.Code == fault.RateLimited || f.Code == fault.Unavailable {
		seconds := max(1, int(math.Ceil(f.Retry.After.Seconds())))
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds))
	}
	return write(c, body.Status, "application/problem+json", body)
}

// renamed writes the field that a use case calls by KooGallery's name under the
// API's.
func renamed(f *fault.Error) *fault.Error {
	name, ok := accessFields[f.Args["field"]]
	if !ok {
		return f
	}
	named := *f
	named.Args = maps.Clone(f.Args)
	named.Args["field"] = name
	return &named
}

// sentence joins what is wrong and what to do.
func sentence(z *i18n.Localizer, what, do string) string {
	what = strings.TrimRight(what, ".。 ")
	return strings.TrimSpace(what + z.T("api.stop") + do)
}

func localizer(c *fiber.Ctx) *i18n.Localizer {
	// A program that names no language is read by its developer.
	asked := c.Get(fiber.HeaderAcceptLanguage)
	if asked == "" {
		return i18n.For(i18n.En)
	}
	return i18n.For(i18n.Choose("", "", asked))
}

// answer writes a result.
func answer(c *fiber.Ctx, status int, v any) error {
	return write(c, status, fiber.MIMEApplicationJSON, v)
}

func write(c *fiber.Ctx, status int, contentType string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal")
	}
	c.Set(fiber.HeaderContentType, contentType)
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderContentLanguage, string(localizer(c).Locale()))
	c.Vary(fiber.HeaderAcceptLanguage, fiber.HeaderAuthorization)
	return c.Status(status).Send(b)
}

// shown is a stored fault as the API writes it.
type shown struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Advice  string `json:"advice"`
	Detail  string `json:"detail"`
}

func show(z *i18n.Localizer, r *fault.Record) *shown {
	if r == nil {
		return nil
	}
	t := z.Fault(r)
	return &shown{Code: r.Key, Message: t.What, Advice: t.Do, Detail: t.Detail}
}
