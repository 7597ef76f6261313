// Package desk runs self-checks that somebody asked for on a page: one per
// channel at a time, in the background, with a limit, and keeps the last report.
// It is no task of the queue: a report that nobody waits for any more need not be
// made again. It knows neither pages nor how a check is done.
package desk

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/selfcheck"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Options of New.
type Options struct {
	Store     *store.Store
	PublicURL string
	Version   string
	Log       *slog.Logger
	Run       func(context.Context, selfcheck.Options) (selfcheck.Report, error) // nil: selfcheck.Run
}

// Desk is the use case.
type Desk struct {
	o      Options
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// New makes a desk; Stop ends it.
func New(o Options) *Desk {
	if o.Run == nil {
		o.Run = selfcheck.Run
	}
	d := &Desk{o: o}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// Stop breaks off what is under way and waits until that is written down.
func (d *Desk) Stop() {
	d.cancel()
	d.wg.Wait()
}

// Last is a channel's last self-check with its report, nil if there is none.
func (d *Desk) Last(ctx context.Context, channel int64) (store.SelfCheck, *selfcheck.Report, error) {
	c, err := d.o.Store.Reader().SelfCheck(ctx, channel)
	if err != nil || c.Report == nil {
		return c, nil, err
	}
	var r selfcheck.Report
	if err := json.Unmarshal(c.Report, &r); err != nil {
		return c, nil, fault.Wrap(err, fault.Internal, "internal")
	}
	return c, &r, nil
}

// Start begins a check of the types (none: all that there is a key for) and
// returns at once. Faults: not_found "channel.unknown", conflict
// "self_check.running", invalid "self_check.no_keys".
func (d *Desk) Start(ctx context.Context, slug string, types []selfcheck.Type, by staff.Actor) error {
	ch, err := d.o.Store.Reader().ChannelBySlug(ctx, slug)
	if err != nil {
		return err
	}
	o := OptionsOf(ch, d.o.PublicURL, d.o.Version, time.Now())
	o.Types = types
	if len(o.Keys) == 0 {
		return fault.New(fault.Invalid, "self_check.no_keys")
	}
	err = d.o.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.BeginSelfCheck(ctx, ch.ID, by.Name, selfcheck.Budget+grace); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "channel.self_check", Target: "channel/" + ch.Slug, Reason: by.Reason, IP: by.IP})
	})
	if err != nil {
		return err
	}
	d.wg.Go(func() { d.run(ch.ID, o) })
	return nil
}

// grace is what a run may take beyond its budget, to be written down.
const grace = 15 * time.Second

func (d *Desk) run(channel int64, o selfcheck.Options) {
	report, cause := d.o.Run(d.ctx, o)
	var kept []byte
	if d.ctx.Err() != nil && cause == nil {
		cause = fault.New(fault.Unavailable, "self_check.broken_off")
	}
	if cause == nil {
		kept, cause = json.Marshal(report)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), grace)
	defer cancel()
	err := d.o.Store.Write(ctx, func(tx *store.Tx) error { return tx.EndSelfCheck(ctx, channel, kept, cause) })
	if err != nil {
		d.o.Log.Error("the report of a self-check could not be kept", "channel", o.Channel, "error", err)
	}
}

// OptionsOf are a channel's production address and its present keys.
func OptionsOf(ch *store.Channel, public, version string, now time.Time) selfcheck.Options {
	o := selfcheck.Options{URL: strings.TrimSuffix(public, "/") + "/koogallery/" + ch.Slug, Channel: ch.Slug, Site: string(ch.Site), Version: version,
		BodySign: ch.BodySign, EncryptType: ch.EncryptType, Keys: map[market.KeyClass]string{}}
	for _, class := range market.KeyClasses() {
		if keys := ch.KeysOf(class, now); len(keys) > 0 {
			o.Keys[class] = keys[0].Secret
		}
	}
	return o
}
