// Package conformance holds the marketplace's published tables as data, one file
// per interface below testdata/, and makes of them the calls that a seller must
// accept or refuse and the answers that it must give. The suite in app sends
// them to the running program; docs/conformance.md is written from them. The
// package shares nothing with app/protocol, which reads and writes by tables of
// its own: one holds the other.
package conformance

//go:generate go run koodesk/scripts/conformance

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed testdata
var files embed.FS

// Guide is one of the access guides: a folder of testdata.
type Guide struct {
	ID         string `yaml:"id"` // the protocol's name: v2, v1, license, …
	Title      string
	Form       string // FormSignature or FormToken
	Key        string // class of the key that signs: basic, license, general
	BodySign   string `yaml:"body_sign"` // what is published of the header
	Preface    string
	Interfaces []Interface `yaml:"-"`
}

// How the calls of a guide are made and proved.
const (
	FormSignature = "signature" // POST, JSON body, signature in the query
	FormToken     = "authToken" // GET, all in the query, authToken
)

// Interface is one published interface: the fields of its call and of its
// answer.
type Interface struct {
	Name    string `yaml:"interface"` // the value of activity
	Title   string
	Sources string // page ids
	Request []Field
	Answer  []Field
	Cases   []Case   // what does not follow from the tables
	Notes   []string // for readers
}

// Field is one row of a table.
type Field struct {
	Name    string `yaml:"field"` // in answers a path: info[].appInfo.frontEndUrl
	Need    string // "M" or "O", as printed
	Type    string // as printed
	Length  int    // characters, as printed; 0: none is printed
	Values  []string
	Example any
	Accepts []any  // further forms of the value that must be taken
	Refuses []any  // forms that must be refused
	Sealed  bool   // encrypted with the access key
	Proof   bool   // made by signing: a call's members do not have it
	Lenient string // why a mandatory field may be missing all the same
	Always  string // why an optional one must be there all the same
	Note    string
}

// Mandatory tells whether the table says M.
func (f Field) Mandatory() bool { return f.Need == "M" }

// wanted tells whether an answer without the field is refused.
func (f Field) wanted() bool { return f.Mandatory() || f.Always != "" }

// Case is one call and the answer that it must get.
type Case struct {
	Name string
	Set  map[string]any // fields beside those of the example call
	Drop []string       // fields left out
	Body string         // instead of all that: the body, or the query without its proof
	// Real leaves the testFlag out: the call is for a customer. Instance is then
	// "bought", one that exists, "device", one whose Licenses are bound to a device,
	// "package", one of which the use of two billing items was reported, "full", one
	// of which everything said is as long as may be, or "unknown".
	Real     bool
	Instance string

	Code   string // required resultCode; "" means 000000
	Names  string // what resultMsg must name: the field that is refused
	Answer string // the exact bytes; "" means what the table requires
	Has    string // bytes that must be in it
	Full   bool   // every text in it must have its greatest length, ciphertexts the greatest that fits
	Source string
}

// Refused tells whether the call must not be taken over.
func (c Case) Refused() bool { return c.Code != "" && c.Code != "000000" && c.Code != "000004" }

// Proof is a way to sign, send or spoil a call that holds for every interface of
// a form.
type Proof struct {
	Name string
	Code string // required resultCode; "" means that the call is taken
	Key  string // class of key that signs the answer; "" means the guide's
	Why  string
}

// Proofs reads the ways that a form is sent in: those that must be accepted, and
// those that must be refused.
func Proofs(form string) (accepted, refused []Proof, err error) {
	var all map[string]struct{ Accepted, Refused []Proof }
	err = decode("testdata/proofs.yaml", &all)
	return all[form].Accepted, all[form].Refused, err
}

// Load reads every guide, in the order of its file name. An error is a mistake
// in a file.
func Load() ([]Guide, error) {
	dirs, err := fs.ReadDir(files, "testdata")
	if err != nil {
		return nil, err
	}
	var guides []Guide
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		g, err := loadGuide("testdata/" + d.Name())
		if err != nil {
			return nil, err
		}
		guides = append(guides, g)
	}
	return guides, nil
}

func loadGuide(dir string) (Guide, error) {
	var g Guide
	if err := decode(dir+"/guide.yaml", &g); err != nil {
		return g, err
	}
	if g.Form != FormSignature && g.Form != FormToken {
		return g, fmt.Errorf("%s: form is %q", dir, g.Form)
	}
	names, err := fs.Glob(files, dir+"/*.yaml")
	if err != nil {
		return g, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "/guide.yaml") {
			continue
		}
		var i Interface
		if err := decode(name, &i); err != nil {
			return g, err
		}
		if err := i.check(); err != nil {
			return g, fmt.Errorf("%s: %w", name, err)
		}
		g.Interfaces = append(g.Interfaces, i)
	}
	return g, nil
}

func decode(name string, to any) error {
	b, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// check finds what would make a test mean nothing.
func (i Interface) check() error {
	if i.Name == "" || i.Sources == "" || len(i.Request) == 0 || len(i.Answer) == 0 {
		return fmt.Errorf("interface, sources, request and answer are needed")
	}
	for _, f := range slices.Concat(i.Request, i.Answer) {
		if f.Name == "" || f.Need != "M" && f.Need != "O" || f.Type == "" {
			return fmt.Errorf("field %q needs a name, M or O, and a type", f.Name)
		}
	}
	for _, f := range i.Answer {
		at := strings.LastIndexByte(f.Name, '.')
		if at >= 0 && !slices.ContainsFunc(i.Answer, func(o Field) bool { return o.Name == strings.TrimSuffix(f.Name[:at], "[]") }) {
			return fmt.Errorf("field %q is in an object that has no row", f.Name)
		}
	}
	for _, f := range i.Request {
		if f.Mandatory() && !f.Proof && f.Example == nil {
			return fmt.Errorf("field %q is mandatory and has no example", f.Name)
		}
	}
	return nil
}

// Field is a request field by its name; false if there is none.
func (i Interface) Field(name string) (Field, bool) {
	at := slices.IndexFunc(i.Request, func(f Field) bool { return f.Name == name })
	if at < 0 {
		return Field{}, false
	}
	return i.Request[at], true
}
