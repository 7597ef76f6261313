package store

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lib/pq"

	"koodesk/app/fault"
)

// Bounds of a page of a list.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// Paging says which page of a list is wanted. Cursor is one that a Page gave, ""
// for the first page; it knows by itself whether it leads to newer or to older
// rows. Limit 0 means DefaultLimit; more than MaxLimit is cut.
type Paging struct {
	Cursor string
	Limit  int
}

func (p Paging) limit() int {
	switch {
	case p.Limit <= 0:
		return DefaultLimit
	case p.Limit > MaxLimit:
		return MaxLimit
	}
	return p.Limit
}

// Page is a part of a list, in the list's order (newest first, unless the list
// says otherwise). Newer and Older are cursors towards the beginning and the end
// of the list; "" where there is nothing more.
type Page[T any] struct {
	Items []T
	Newer string
	Older string
}

// list is the order of one list: by a time and the id, or by the id alone.
// Cursors carry the list's letter, so that one of another list is refused.
type list struct {
	letter byte
	at     string // column of the time, "" for lists by id alone
	id     string // column of the id
	asc    bool   // the first page has the smallest keys
}

// position is where a page ends: the keys of a row, and the way to go from it.
type position struct {
	back bool // towards the beginning of the list
	at   time.Time
	id   int64
}

const cursorSize = 1 + 1 + 8 + 8

func (l list) encode(p position) string {
	b := make([]byte, cursorSize)
	b[0] = l.letter
	if p.back {
		b[1] = 1
	}
	binary.BigEndian.PutUint64(b[2:], uint64(p.at.UnixMicro()))
	binary.BigEndian.PutUint64(b[10:], uint64(p.id))
	return base64.RawURLEncoding.EncodeToString(b)
}

// decode reads a cursor. Fault: invalid "cursor.invalid".
func (l list) decode(s string) (position, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(s) != base64.RawURLEncoding.EncodedLen(cursorSize) || // line breaks are passed over
		len(b) != cursorSize || b[0] != l.letter || b[1] > 1 {
		return position{}, fault.New(fault.Invalid, "cursor.invalid")
	}
	p := position{
		back: b[1] == 1,
		at:   time.UnixMicro(int64(binary.BigEndian.Uint64(b[2:]))).UTC(),
		id:   int64(binary.BigEndian.Uint64(b[10:])),
	}
	if y := p.at.Year(); y < 1 || y > 9999 { // of no row, and beyond what the database can compare with
		return position{}, fault.New(fault.Invalid, "cursor.invalid")
	}
	return p, nil
}

// beyond keeps the rows on the far side of a position.
func (l list) beyond(c *clause, p position) {
	sign := "<"
	if l.asc != p.back {
		sign = ">"
	}
	if l.at == "" {
		c.and(l.id+" "+sign+" ?", p.id)
		return
	}
	c.and("("+l.at+", "+l.id+") "+sign+" (?, ?)", p.at, p.id)
}

func (l list) order(back bool) string {
	way := " DESC"
	if l.asc != back {
		way = ""
	}
	if l.at == "" {
		return l.id + way
	}
	return l.at + way + ", " + l.id + way
}

// clause collects the conditions of a WHERE with their arguments.
type clause struct {
	conds []string
	args  []any
	found string  // placeholder of the ids that a search found; "" without a search
	ids   []int64 // which are these
	sides []side  // of which it is counted; none where an index knows all conditions
}

// and adds a condition; each ? in it stands for the next of args. A text that
// PostgreSQL cannot hold matches nothing instead of failing.
func (c *clause) and(cond string, args ...any) {
	for _, a := range args {
		if s, ok := a.(string); ok && !storable(s) {
			c.conds = append(c.conds, "FALSE")
			return
		}
	}
	var b strings.Builder
	for _, a := range args {
		before, after, _ := strings.Cut(cond, "?")
		b.WriteString(before)
		b.WriteString(c.arg(a))
		cond = after
	}
	b.WriteString(cond)
	c.conds = append(c.conds, b.String())
}

// arg adds an argument and gives its placeholder.
func (c *clause) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

// equal adds column = value, unless value is "" (not filtered).
func (c *clause) equal(column, value string) {
	if value != "" {
		c.and(column+" = ?", value)
	}
}

// only keeps the rows with these ids, however few they are.
func (c *clause) only(ids []int64) { c.found, c.ids = c.arg(pq.Array(ids)), ids }

// among is the clause for some of the ids that a search found.
func (c *clause) among(some []int64) *clause {
	out := c.clone()
	out.args = slices.Clone(out.args)
	out.args[idOf(strings.TrimPrefix(c.found, "$"))-1], out.ids = pq.Array(some), some
	return out
}

// where writes the WHERE; "" without conditions.
func (c *clause) where() string {
	if len(c.conds) == 0 {
		return ""
	}
	return "\n WHERE " + strings.Join(c.conds, "\n   AND ")
}

// clone gives a copy that can grow by itself.
func (c *clause) clone() *clause {
	return &clause{conds: c.conds[:len(c.conds):len(c.conds)], args: c.args[:len(c.args):len(c.args)], found: c.found, ids: c.ids, sides: c.sides}
}

// storable tells whether PostgreSQL's text can hold s.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// prefix is a LIKE pattern for texts that begin with s.
func prefix(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s) + "%"
}

// heads lists the beginnings of s: an order line's id begins with its order's.
func heads(s string) []string {
	var out []string
	for i := range s {
		if i > 0 {
			out = append(out, s[:i])
		}
	}
	return out
}
