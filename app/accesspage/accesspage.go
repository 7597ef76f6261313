// Package accesspage is the buyer's access page as a use case: it makes and
// opens the unguessable links, says what the buyer may see, shows the access
// data when asked to (once only, if the product wants it so), and lets operators
// issue new links. It knows neither HTTP nor how a page looks.
package accesspage

import (
	"context"
	"encoding/binary"
	"log/slog"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Path is where the pages are, below the program's public address; a token
// follows.
const Path = "/access/"

// State is what an instance is to its buyer.
type State string

// The states.
const (
	Preparing State = "preparing" // sold, not ready
	Active    State = "active"
	Over      State = "over"    // the term has ended, but it is not frozen yet: still usable
	Expired   State = "expired" // frozen because the term has ended
	Frozen    State = "frozen"  // frozen for another reason
	Released  State = "released"
)

// Shows tells whether the access data may be seen in this state.
func (s State) Shows() bool { return s == Active || s == Over }

// Options of New.
type Options struct {
	Store     *store.Store
	PublicURL string // where buyers' browsers find the program
	Log       *slog.Logger
}

// Pages is the use case. It is safe for concurrent use.
type Pages struct {
	store *store.Store
	base  string
	log   *slog.Logger
}

// New makes the use case.
func New(o Options) *Pages {
	return &Pages{store: o.Store, base: strings.TrimSuffix(o.PublicURL, "/"), log: o.Log}
}

// generationSize is how many bytes of a token's payload are the generation; the
// instanceId follows.
const generationSize = 4

// URL is the link of an instance's page: always the same for the same generation,
// until SECRET_KEY changes, and then both open it while the old key is
// configured.
func (p *Pages) URL(instanceID string, generation int) string {
	payload := binary.BigEndian.AppendUint32(make([]byte, 0, generationSize+len(instanceID)), uint32(generation)) //nolint:gosec // counts up from 0
	return p.base + Path + p.store.Keys().Token(seal.AccessPage, append(payload, instanceID...))
}

// Page is what a buyer may see.
type Page struct {
	Instance *store.Instance
	Link     store.Link
	State    State
	OneTime  bool   // the access data is shown once only
	Language string // of the product's buyers: zh-CN or en
	// Access is the access data of an instance that shows it, without what only a
	// reveal shows: the address alone; all of it after Reveal.
	Access market.AppInfo
	Hidden bool // there is more to be revealed
}

// Used tells whether the access data has been shown and is not shown again.
func (p *Page) Used() bool { return p.OneTime && p.Link.Spent() }

// unknown is the fault of every link that opens nothing: tampered with, of
// another installation, or ended by a newer one. Nobody can tell which.
func unknown() error { return fault.New(fault.NotFound, "access_page.unknown") }

// Find opens a link. Fault: not_found "access_page.unknown".
func (p *Pages) Find(ctx context.Context, token string) (*Page, error) {
	instanceID, generation, err := p.read(token)
	if err != nil {
		return nil, err
	}
	r := p.store.Reader()
	i, err := r.InstanceByID(ctx, instanceID)
	if fault.Is(err, fault.NotFound) || err == nil && i.LinkGeneration != generation {
		return nil, unknown()
	}
	if err != nil {
		return nil, err
	}
	return p.page(ctx, r, i)
}

func (p *Pages) read(token string) (instanceID string, generation int, err error) {
	payload, err := p.store.Keys().OpenToken(seal.AccessPage, token)
	if err != nil || len(payload) <= generationSize {
		return "", 0, unknown()
	}
	return string(payload[generationSize:]), int(binary.BigEndian.Uint32(payload)), nil
}

func (p *Pages) page(ctx context.Context, r *store.Reader, i *store.Instance) (*Page, error) {
	out := &Page{Instance: i, State: stateOf(i, time.Now())}
	var err error
	if out.Link, err = r.LinkOf(ctx, i.PK, i.LinkGeneration); err != nil {
		return nil, err
	}
	if err := p.product(ctx, r, i, out); err != nil {
		return nil, err
	}
	if out.State.Shows() {
		out.Access.FrontEndURL = i.App.FrontEndURL
		out.Hidden = i.App != out.Access
	}
	return out, nil
}

// product adds what the product's entry says; without one, the site's language.
func (p *Pages) product(ctx context.Context, r *store.Reader, i *store.Instance, out *Page) error {
	product, err := r.ProductOf(ctx, i)
	if err == nil {
		out.OneTime, out.Language = product.Settings.ShownOnce(), product.MailLanguage
		return nil
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	ch, err := r.ChannelByID(ctx, i.ChannelID)
	if err != nil {
		return err
	}
	out.Language = "en"
	if ch.Site == market.SiteCN {
		out.Language = "zh-CN"
	}
	return nil
}

func stateOf(i *store.Instance, now time.Time) State {
	over := !i.ExpiresAt.IsZero() && !i.ExpiresAt.After(now)
	switch {
	case i.Status == market.Released:
		return Released
	case i.Status == market.Frozen && (i.FrozenBy == market.ByExpiry || i.Protocol != market.V1 && over): // V2.0 names no reason
		return Expired
	case i.Status == market.Frozen:
		return Frozen
	case !i.Usable():
		return Preparing
	case over:
		return Over
	}
	return Active
}

// Viewed counts that the page was opened. It never fails the page.
func (p *Pages) Viewed(ctx context.Context, page *Page) {
	if err := p.store.CountView(ctx, page.Instance.PK, page.Link.Generation); err != nil {
		p.log.WarnContext(ctx, "a view of an access page was not counted", "instance", page.Instance.InstanceID, "error", err)
	}
}

// Reveal opens a link and all of the access data, and notes it in the same
// transaction: what is not noted is not shown. Faults: not_found
// "access_page.unknown"; conflict "access_page.not_shown" (its state does not
// allow it) and "access_page.used" (shown before, and once is all).
func (p *Pages) Reveal(ctx context.Context, token string) (*Page, error) {
	instanceID, generation, err := p.read(token)
	if err != nil {
		return nil, err
	}
	var out *Page
	err = p.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstanceID(ctx, instanceID)
		if fault.Is(err, fault.NotFound) || err == nil && i.LinkGeneration != generation {
			return unknown()
		}
		if err != nil {
			return err
		}
		if out, err = p.page(ctx, tx.Reader(), i); err != nil {
			return err
		}
		if !out.State.Shows() || !out.Hidden {
			return fault.New(fault.Conflict, "access_page.not_shown")
		}
		counted, err := tx.CountReveal(ctx, i.PK, generation, out.OneTime)
		if err == nil && !counted {
			return fault.New(fault.Conflict, "access_page.used")
		}
		if err != nil {
			return err
		}
		out.Access = i.App
		return tx.PasswordGiven(ctx, i) // the customer has got it
	})
	if err != nil {
		return nil, err
	}
	p.log.InfoContext(ctx, "access data shown to the buyer", "instance", instanceID, "link", generation)
	return out, nil
}

// Renew issues a new link for an instance and ends the present one. Faults:
// not_found "instance.unknown"; conflict "access_page.released".
func (p *Pages) Renew(ctx context.Context, instanceID string, actor staff.Actor) error {
	return p.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstanceID(ctx, instanceID)
		if err != nil {
			return err
		}
		if i.Status == market.Released {
			return fault.New(fault.Conflict, "access_page.released")
		}
		if err := tx.RenewLink(ctx, i); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: actor.Name, Action: staff.ActRenewLink, Target: "instance/" + i.InstanceID,
			Reason: actor.Reason, IP: actor.IP})
	})
}
