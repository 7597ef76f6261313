package view

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// Node is a piece of a JSON document, drawn as a foldable tree. Names keep their
// order, doubled names stay doubled and numbers keep every digit: the reader
// must see what was really sent.
type Node struct {
	Kind     string // "object", "array", "string", "number", "literal"
	Name     string // the member's name, as JSON text with quotes; "" in arrays
	Text     string // a scalar as JSON text
	Children []*Node
	Last     bool // no comma after it
	Open     bool // drawn unfolded
}

// Bounds beyond which a document is shown as plain text: a page must stay
// usable whatever somebody sends.
const (
	maxNodes = 3000
	maxDepth = 40
	// openDepth is how deep documents are unfolded at first.
	openDepth = 4
)

var errTooBig = errors.New("too big for a tree")

// tree parses a document; nil when it is no JSON object or array, or too big.
func tree(body string) *Node {
	trimmed := strings.TrimSpace(body)
	if trimmed == "" || (trimmed[0] != '{' && trimmed[0] != '[') {
		return nil
	}
	p := &treeParser{dec: json.NewDecoder(strings.NewReader(trimmed))}
	p.dec.UseNumber()
	n, err := p.value(0)
	if err != nil {
		return nil
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return nil
	}
	n.Last = true
	return n
}

type treeParser struct {
	dec   *json.Decoder
	nodes int
}

func (p *treeParser) value(depth int) (*Node, error) {
	if p.nodes++; p.nodes > maxNodes || depth > maxDepth {
		return nil, errTooBig
	}
	tok, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case json.Delim:
		n := &Node{Kind: "object", Open: depth < openDepth}
		if v == '[' {
			n.Kind = "array"
		}
		return n, p.children(n, depth)
	case string:
		return &Node{Kind: "string", Text: quote(v)}, nil
	case json.Number:
		return &Node{Kind: "number", Text: v.String()}, nil
	case bool:
		if v {
			return &Node{Kind: "literal", Text: "true"}, nil
		}
		return &Node{Kind: "literal", Text: "false"}, nil
	default:
		return &Node{Kind: "literal", Text: "null"}, nil
	}
}

func (p *treeParser) children(n *Node, depth int) error {
	for p.dec.More() {
		var name string
		if n.Kind == "object" {
			tok, err := p.dec.Token()
			if err != nil {
				return err
			}
			s, _ := tok.(string) // a member's name is always a string
			name = quote(s)
		}
		child, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		child.Name = name
		n.Children = append(n.Children, child)
	}
	if k := len(n.Children); k > 0 {
		n.Children[k-1].Last = true
	}
	_, err := p.dec.Token() // the closing bracket
	return err
}

// quote writes a string as JSON does, without the escapes that are only for
// HTML: the template escapes by itself.
func quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string always encodes
		return `"` + s + `"`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
