package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/store"
)

// query reads the parameters of a list. Unknown, repeated and malformed ones are
// collected, so that a mistyped filter is an error and not "everything".
type query struct {
	values url.Values
	known  []string
	wrong  []wrong
}

func queryOf(c *fiber.Ctx) *query {
	values, err := url.ParseQuery(string(c.Request().URI().QueryString()))
	q := &query{values: values}
	if err != nil {
		q.fail("", "query")
	}
	return q
}

func (q *query) fail(name, key string, args ...any) {
	q.wrong = append(q.wrong, wrong{in: "query", name: name, key: key, args: args})
}

// text is a parameter as it is; "" if it is not there.
func (q *query) text(name string) string {
	q.known = append(q.known, name)
	v := q.values[name]
	if len(v) > 1 {
		q.fail(name, "repeated")
		return ""
	}
	if len(v) == 0 {
		return ""
	}
	if len(v[0]) > 512 || !utf8.ValidString(v[0]) || strings.ContainsRune(v[0], 0) {
		q.fail(name, "text")
		return ""
	}
	return v[0]
}

// one is a parameter with a fixed set of values.
func (q *query) one(name string, of []string) string {
	v := q.text(name)
	if v != "" && !slices.Contains(of, v) {
		q.fail(name, "choice", "choices", strings.Join(of, ", "))
		return ""
	}
	return v
}

// number is the id of a thing; 0 if it is not there.
func (q *query) number(name string) int64 {
	v := q.text(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 {
		q.fail(name, "number")
	}
	return n
}

// time is a moment in RFC 3339.
func (q *query) time(name string) time.Time {
	v := q.text(name)
	if v == "" {
		return time.Time{}
	}
	t, err := parseTime(v)
	if err != nil {
		q.fail(name, "time")
	}
	return t
}

// parseTime also takes the "+" of an offset that a query has turned into a blank.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, strings.Replace(s, " ", "+", 1))
	if err != nil || t.Year() < 1970 || t.Year() > 9000 {
		return time.Time{}, errors.New("no time of RFC 3339")
	}
	return t.UTC(), nil
}

// flag is true or false; nil if it is not there.
func (q *query) flag(name string) *bool {
	v := q.text(name)
	if v == "" {
		return nil
	}
	b := v == "true" || v == "1"
	if !b && v != "false" && v != "0" {
		q.fail(name, "flag")
	}
	return &b
}

// yes is whether a flag is there and true.
func (q *query) yes(name string) bool {
	f := q.flag(name)
	return f != nil && *f
}

// paging reads limit and cursor.
func (q *query) paging() store.Paging {
	p := store.Paging{Cursor: q.text("cursor")}
	v := q.text("limit")
	if v == "" {
		return p
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > store.MaxLimit {
		q.fail("limit", "limit", "max", strconv.Itoa(store.MaxLimit))
	}
	p.Limit = n
	return p
}

// err is what is wrong with the parameters, once all have been read.
func (q *query) err() error {
	for name := range q.values {
		if !slices.Contains(q.known, name) {
			q.fail(name, "unknown", "known", strings.Join(q.known, ", "))
		}
	}
	if len(q.wrong) == 0 {
		return nil
	}
	slices.SortFunc(q.wrong, func(a, b wrong) int { return strings.Compare(a.name, b.name) })
	return refuse(q.wrong...)
}

// maxIDs is how many things may be named at once.
const maxIDs = 1000

// named reads the ids of a body, each once.
func named(raw []string) ([]int64, error) {
	if len(raw) == 0 {
		return nil, refuse(wrong{in: "body", name: "ids", key: "missing"})
	}
	if len(raw) > maxIDs {
		return nil, refuse(wrong{in: "body", name: "ids", key: "at_most", args: []any{"max", maxIDs}})
	}
	ids := make([]int64, len(raw))
	for n, one := range raw {
		var err error
		if ids[n], err = strconv.ParseInt(one, 10, 64); err != nil || ids[n] < 1 {
			return nil, refuse(wrong{in: "body", name: "ids." + strconv.Itoa(n), key: "number"})
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// cursorErr says which parameter a bad cursor came in.
func cursorErr(err error) error {
	if f := fault.From(err); err != nil && f.Key == "cursor.invalid" {
		return &problem{fault: f, fields: []wrong{{in: "query", name: "cursor", key: "cursor"}}}
	}
	return err
}

// idOf reads a number from the path; what is no number names nothing that
// exists, which is what key says.
func idOf(c *fiber.Ctx, key string) (int64, error) {
	id, err := strconv.ParseInt(c.Params("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, fault.New(fault.NotFound, key)
	}
	return id, nil
}

// part is a text from the path, decoded. What is no text names nothing.
func part(c *fiber.Ctx, name string) string {
	s, err := url.PathUnescape(c.Params(name))
	if err != nil || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return string(utf8.RuneError)
	}
	return s
}

// body reads a JSON object into dst, a pointer to a struct. Every unknown,
// repeated or mistyped field is named; null counts as absent. An empty body is
// an empty object.
func body(c *fiber.Ctx, dst any) error {
	if len(bytes.TrimSpace(c.Body())) == 0 {
		return nil
	}
	if t, _, _ := strings.Cut(c.Get(fiber.HeaderContentType), ";"); !strings.EqualFold(strings.TrimSpace(t), fiber.MIMEApplicationJSON) {
		return fault.New(fault.Invalid, "request.content_type")
	}
	return read(c.Body(), dst)
}

// read is body without the request around it.
func read(raw []byte, dst any) error {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 {
		return nil
	}
	if !utf8.Valid(raw) {
		return fault.New(fault.Invalid, "request.not_utf8")
	}
	r := &objectReader{}
	if err := r.object(raw, "", reflect.ValueOf(dst).Elem()); err != nil {
		return fault.Wrap(err, fault.Invalid, "request.no_json")
	}
	if len(r.wrong) > 0 {
		return refuse(r.wrong...)
	}
	return nil
}

type objectReader struct{ wrong []wrong }

// maxWrong is how many mistakes of a body are named: a person mends them one by
// one, and a body may hold a hundred thousand.
const maxWrong = 50

func (r *objectReader) fail(name, key string, args ...any) {
	if len(r.wrong) == maxWrong {
		return
	}
	r.wrong = append(r.wrong, wrong{in: "body", name: name, key: key, args: args})
}

var errNoObject = errors.New("the body is not one JSON object")

// object reads one JSON object; path stands before the names of its fields.
func (r *objectReader) object(raw []byte, path string, dst reflect.Value) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	if tok != json.Delim('{') {
		return errNoObject
	}
	fields := fieldsOf(dst)
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := tok.(string)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		field, known := fields[name]
		switch {
		case seen[name]:
			r.fail(path+name, "repeated")
		case !known:
			r.fail(path+name, "unknown", "known", knownOf(fields))
		case string(value) != "null":
			if err := r.field(value, path+name, field); err != nil {
				return err
			}
		}
		seen[name] = true
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errNoObject
	}
	return nil
}

func (r *objectReader) field(value []byte, name string, dst reflect.Value) error {
	if dst.Kind() == reflect.Struct && dst.Type() != reflect.TypeFor[time.Time]() {
		if value[0] != '{' {
			r.fail(name, "type", "type", "object")
			return nil
		}
		return r.object(value, name+".", dst)
	}
	if dst.Kind() == reflect.Slice && dst.Type().Elem().Kind() == reflect.Struct {
		return r.objects(value, name, dst)
	}
	if err := json.Unmarshal(value, dst.Addr().Interface()); err != nil {
		r.fail(name, "type", "type", typeName(dst.Type()))
	}
	return nil
}

// objects reads a list of objects, each as strictly as the whole.
func (r *objectReader) objects(value []byte, name string, dst reflect.Value) error {
	var items []json.RawMessage
	if err := json.Unmarshal(value, &items); err != nil {
		r.fail(name, "type", "type", "array")
		return nil
	}
	dst.Set(reflect.MakeSlice(dst.Type(), len(items), len(items)))
	for n, item := range items {
		if err := r.field(item, fmt.Sprintf("%s[%d]", name, n), dst.Index(n)); err != nil {
			return err
		}
	}
	return nil
}

func typeName(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[json.Number]() {
		return "number"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Slice:
		return "array"
	case reflect.Struct:
		return "date-time (RFC 3339)"
	}
	return "number"
}

func fieldsOf(v reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			maps.Copy(out, fieldsOf(v.Field(i)))
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out[name] = v.Field(i)
	}
	return out
}

func knownOf(fields map[string]reflect.Value) string {
	out := make([]string, 0, len(fields))
	for name := range fields {
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
