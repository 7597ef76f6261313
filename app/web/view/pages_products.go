package view

import "koodesk/app/fault"

// The pages of what products are provisioned by.
const (
	PageProducts = "products/list"   // ProductsPage
	PageProduct  = "products/detail" // ProductPage
)

// ProductRow is an entry in the list. Of ProductID and SkuCode one is there.
type ProductRow struct {
	URL       string
	Channel   string
	ProductID string // "*" is the channel's default
	SkuCode   string
	Name      string // as KooGallery calls it; "" before anything was sold
	Driver    string
	By        string // the pool, the address or the template that it works with
	License   string // who supplies its Licenses; "" nobody
	Instances int
	More      bool   // there are more than that
	All       string // the list of its instances; "" if there is none
	Last      Time   // the newest purchase
}

// Rest tells whether the entry is the channel's default.
func (r ProductRow) Rest() bool { return r.ProductID == "*" }

// ProductsPage is the list of entries.
type ProductsPage struct {
	Shell
	List
	Rows     []ProductRow
	Channels bool // there are several
	Add      Action
}

// Ticks are the choices of a set, and which of them are chosen.
type Ticks []Tick

// Tick is one of them.
type Tick struct {
	Value string
	On    bool
}

// ProductForm is everything that can be set. Names of fields are those of the API.
type ProductForm struct {
	Action   Action
	Fault    *fault.Record
	Seen     string // the version that the form was filled from
	New      bool
	Channels []string // to choose from, of a new entry
	Channel  string
	Key      string // what a new entry is for: product, sku or rest
	ID       Field

	Driver   string
	Drivers  []string
	License  string
	Licenses []string
	Fields   map[string]Field // texts and numbers
	Checks   map[string]bool
	Release  string   // pool_on_release
	Told     string   // password_by
	Language string   // of mails; "" the site's
	Classes  Ticks    // of a generated password's characters
	May      []string // be used in templates, beside param:NAME
	Kinds    Ticks    // of messages that customers get

	HasSecret bool
}

// ProductPage is one entry, or the form of a new one.
type ProductPage struct {
	Shell
	Product ProductRow
	Facts   []Fact
	Form    ProductForm
	Made    string // a secret that was made just now
}
