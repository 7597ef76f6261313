// Package deliver tells customers: who hears what, in which language and by
// which medium, what exactly was sent, and what came of it. It knows senders by
// their interface only, and nothing of HTTP, the queue or the marketplace's
// protocols.
package deliver

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/views"
)

// Media.
const (
	Email = "email"
	SMS   = "sms"
)

// UsageInfo is the kind of delivery that tells a customer how to use an
// instance.
const UsageInfo = market.UsageInfo

// NoAddress is the new value of the history entry (kind "customer") which says
// that a customer could not be told anything: neither an e-mail address nor a
// phone number is known.
const NoAddress = "no_address"

// Parcel is one message to one receiver.
type Parcel struct {
	DeliveryID int64             // for logs
	Kind       string            // what it is about, e.g. UsageInfo
	To         string            // address or number
	Mask       string            // the same for logs
	Ref        string            // Message-ID with its angle brackets: the same on every try of one sending
	Tag        string            // the sending's name for services: comes back in their reports
	Language   string            // zh-CN or en
	Subject    string            // of a mail
	Text       string            // as rendered
	HTML       string            // of a mail
	Variables  map[string]string // what Text was rendered from, for services that have the text themselves
	ReturnTo   string            // to which a mail comes back; "": to its sender
	RefuseURL  string            // where the receiver of a mail switches this kind off; "" where he cannot

	// Leave notes that the message leaves; nil: nobody wants to know. Without that
	// note it must not leave.
	Leave func(context.Context) error
}

// Leaving is for senders, just before the step after which nobody but the other
// side can tell whether the message was taken.
func (p Parcel) Leaving(ctx context.Context) error {
	if p.Leave == nil {
		return nil
	}
	return p.Leave(ctx)
}

// Receipt is what a sender has to show for it.
type Receipt struct {
	ProviderRef string // the other side's words or id, e.g. "2.0.0 Ok: queued as 4F1"
}

// Sender hands messages of one medium over. Its faults say whether trying again
// can help; what they carry holds neither the address nor the content.
//
// One whose messages leave the machine calls Parcel.Leaving before each does.
type Sender interface {
	// Transport names what takes the message: smtp, huawei, webhook; log or none for
	// a sender that keeps it on the machine.
	Transport() string
	// Repeatable tells whether the same parcel may be handed over again when nobody
	// saw how the last hand-over ended: its receiver, or the service, knows the
	// repeat by Ref or Tag. What is not is shown as Unknown, and waits for a person.
	Repeatable() bool
	Send(ctx context.Context, p Parcel) (Receipt, error)
}

// TextHolder is a Sender whose service has the texts itself: it is given names
// and values, and what is written here never reaches the customer.
type TextHolder interface {
	// TextOf is the service's own name of its text of a kind in a language, and the
	// variables that it is filled with; "" if it has none.
	TextOf(kind, language string) (id string, variables []string)
	// Filling are the values that the text of a parcel's kind is given, in its order, as
	// they leave.
	Filling(p Parcel) []string
}

// Options are what a Deliverer needs.
type Options struct {
	Store  *store.Store
	Email  Sender
	SMS    Sender
	Domain string                                         // of Message-IDs: the domain of MAIL_FROM
	Seller string                                         // how the seller signs: the name in MAIL_FROM; may be empty
	Zone   *time.Location                                 // of customers who have none of their own; nil: UTC
	Link   func(instanceID string, generation int) string // the buyer's access page; nil: there is none, and passwords are told in messages
	Log    *slog.Logger
	Public string // where customers' browsers find the program; empty: notices have no link to switch them off
	Wake   func() // called after a person's act has written work; may be nil

	// Bounce is the address that gets mails which come back, each at an address of its
	// own made from it, and Returns reads them. Both are empty, or neither.
	Bounce  string
	Returns Receiver
}

// Deliverer is the use case.
type Deliverer struct {
	store     *store.Store
	senders   map[string]Sender
	receivers map[string]Receiver
	bounce    string
	templates *shipped
	domain    string
	seller    string
	zone      *time.Location
	public    string
	link      func(instanceID string, generation int) string
	log       *slog.Logger
	wake      func()
	unopened  passedOver
}

// New makes the use case. An error is a defect of the templates.
func New(o Options) (*Deliverer, error) {
	t, err := parseTemplates(views.Messages)
	if err != nil {
		return nil, err
	}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Domain == "" {
		o.Domain = "koodesk.invalid"
	}
	return &Deliverer{store: o.Store, senders: map[string]Sender{Email: o.Email, SMS: o.SMS}, receivers: receivers(o), bounce: o.Bounce, templates: t,
		domain: o.Domain, seller: o.Seller, zone: o.Zone, public: strings.TrimSuffix(o.Public, "/"), link: o.Link, log: o.Log, wake: o.Wake}, nil
}
