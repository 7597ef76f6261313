package marketapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"koodesk/app/market"
)

// node is one place in a JSON answer, read as leniently as the documents are
// loose: numbers where strings are documented and the other way round, null or
// nothing for anything, one object where a list is meant. What is there but
// cannot be read becomes a doubt and a zero value.
type node struct {
	value  any
	path   string
	doubts *[]string
}

// maxDoubts bounds the list for an answer that is wrong all over.
const maxDoubts = 20

var errNotObject = errors.New("not a JSON object")

// parseTree reads one JSON object; a byte order mark before it is tolerated.
func parseTree(raw []byte) (node, error) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))))
	dec.UseNumber()
	var v map[string]any
	if err := dec.Decode(&v); err != nil {
		return node{}, err
	}
	if v == nil {
		return node{}, errNotObject
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return node{}, errNotObject
	}
	return node{value: v, doubts: new([]string)}, nil
}

func (n node) doubt() {
	if len(*n.doubts) < maxDoubts {
		*n.doubts = append(*n.doubts, n.path)
	}
}

// get is a member of an object; an empty node if there is none.
func (n node) get(name string) node {
	child := node{doubts: n.doubts, path: name}
	if n.path != "" {
		child.path = n.path + "." + name
	}
	if m, ok := n.value.(map[string]any); ok {
		child.value = m[name]
	}
	return child
}

// first is the first of the named members that is there.
func (n node) first(names ...string) node {
	for _, name := range names {
		if c := n.get(name); c.value != nil {
			return c
		}
	}
	return n.get(names[0])
}

// text is a string without blanks around it and without NUL, which PostgreSQL's
// text cannot hold. Numbers keep their digits as written.
func (n node) text() string {
	switch v := n.value.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(strings.ReplaceAll(v, "\x00", ""))
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	n.doubt()
	return ""
}

// integer reads "10", 10 and 10.0.
func (n node) integer() int64 {
	s := n.text()
	if s == "" {
		return 0
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		n.doubt()
		return 0
	}
	return int64(f)
}

// stamp reads yyyyMMddHHmmss with or without milliseconds.
func (n node) stamp(zone *time.Location) time.Time {
	s := n.text()
	if s == "" {
		return time.Time{}
	}
	t, err := market.ParseStamp(s, zone)
	if err != nil {
		n.doubt()
	}
	return t
}

// list is the objects of an array, or the one object that stands in its place.
func (n node) list() []node {
	switch v := n.value.(type) {
	case []any:
		var items []node
		for i, e := range v {
			item := node{value: e, doubts: n.doubts, path: fmt.Sprintf("%s[%d]", n.path, i)}
			if _, ok := e.(map[string]any); ok {
				items = append(items, item)
			} else if e != nil {
				item.doubt()
			}
		}
		return items
	case map[string]any:
		return []node{n}
	}
	if n.text() != "" {
		n.doubt()
	}
	return nil
}
