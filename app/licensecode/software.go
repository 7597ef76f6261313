package licensecode

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

func count(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// Told is what the seller's software is told of a code.
type Told struct {
	*store.LicenseCode
	Fresh   bool         // the marketplace confirmed it today, since nothing else happened
	Usable  bool         // the software may be used now
	Pending bool         // a task goes on with what could not be done at once
	Trouble *fault.Error // why the marketplace could not be asked, nil if it was or need not be
}

func (k *Codes) tell(c *store.LicenseCode) Told {
	now := k.now()
	return Told{LicenseCode: c, Fresh: fresh(c, now), Usable: c.Usable(now)}
}

// fresh tells whether the marketplace need not be asked: it has answered since
// the day began in China (the query is meant for the first use of a day, page CN
// 0070649245), and the expiry that it told has not passed since; or the code is
// released, which is final.
func fresh(c *store.LicenseCode, now time.Time) bool {
	if c.Status == market.CodeReleased {
		return true
	}
	if c.Said == "" || c.CheckedAt.Before(market.ChinaDayStart(now)) {
		return false
	}
	return c.ExpiresAt.IsZero() || now.Before(c.ExpiresAt) || !c.CheckedAt.Before(c.ExpiresAt)
}

// find looks for a code, in the channel that is named, or wherever it is known;
// c is nil for one that nobody has heard of. Without a name and a known code the
// only channel is meant. Faults: not_found "channel.unknown"; invalid
// "license_code.which_channel", "license_code.bad_code".
func (k *Codes) find(ctx context.Context, channel, code string) (ch *store.Channel, c *store.LicenseCode, err error) {
	if code == "" || utf8.RuneCountInString(code) > 64 || !utf8.ValidString(code) || strings.ContainsFunc(code, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, nil, fault.New(fault.Invalid, "license_code.bad_code", "field", "license")
	}
	r := k.store.Reader()
	if channel == "" {
		if channel, err = k.channelOf(ctx, code); err != nil {
			return nil, nil, err
		}
	}
	if ch, err = r.ChannelBySlug(ctx, channel); err != nil {
		return nil, nil, err
	}
	c, err = r.LicenseCode(ctx, ch.ID, code)
	if fault.Is(err, fault.NotFound) {
		return ch, nil, nil
	}
	return ch, c, err
}

func (k *Codes) channelOf(ctx context.Context, code string) (slug string, err error) {
	r := k.store.Reader()
	known, err := r.ChannelsOfCode(ctx, code)
	if err != nil || len(known) == 1 {
		return strings.Join(known, ""), err
	}
	all, err := r.Channels(ctx)
	if err != nil {
		return "", err
	}
	if len(all) != 1 {
		return "", fault.New(fault.Invalid, "license_code.which_channel", "field", "channel")
	}
	return all[0].Slug, nil
}

// Check tells whether a code may be used: from what is known if that is fresh,
// else by asking the marketplace, for at most three seconds. When the marketplace does not
// answer, what was known last is told, with Trouble, and a task asks again. A
// code that only the marketplace knows is taken over; one that it does not know
// leaves no trace.
//
// Faults: those of find; not_found "license_code.unknown_at_market"; invalid
// "license_code.no_credentials"; those of marketapi.QueryLicense when nothing is
// known of the code yet.
func (k *Codes) Check(ctx context.Context, channel, code string) (Told, error) {
	ch, c, err := k.find(ctx, channel, code)
	if err != nil {
		return Told{}, err
	}
	if c != nil {
		if err := k.store.UseLicenseCode(ctx, c.ID); err != nil {
			return Told{}, err
		}
		if t := k.tell(c); t.Fresh {
			return t, nil
		}
	}
	asked, err := k.askOnce(ctx, ch, code)
	if err == nil {
		return k.tell(asked), nil
	}
	f := fault.From(err)
	if c == nil || c.Said == "" && c.ExpiresAt.IsZero() {
		return Told{}, unknownAtMarket(f)
	}
	if f.Retry.Never {
		err = k.store.Write(ctx, func(tx *store.Tx) error { return tx.LicenseCodeFailed(ctx, c.ID, f) })
	} else {
		err = k.later(ctx, c.ID, f)
	}
	t := k.tell(c)
	t.Trouble, t.Pending = f, !f.Retry.Never
	return t, err
}

// unknownAtMarket is what "no such code" means to who asked for one: it is not
// there.
func unknownAtMarket(f *fault.Error) error {
	if f.Key == "license_api.no_such_code" {
		return fault.New(fault.NotFound, "license_code.unknown_at_market")
	}
	return f
}

// later leaves the question to a task, one a minute at most.
func (k *Codes) later(ctx context.Context, id int64, cause error) error {
	err := k.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LicenseCodeFailed(ctx, id, cause); err != nil {
			return err
		}
		open, err := tx.LicenseCodeTasks(ctx, id, string(outbox.LicenseQuery))
		if err != nil || len(open) > 0 {
			return err
		}
		_, err = tx.Enqueue(ctx, outbox.New{Kind: outbox.LicenseQuery, Purpose: outbox.OnDemand, LicenseCode: id,
			UniqueKey: outbox.Key(outbox.LicenseQuery, outbox.OnDemand, id, tx.Now.Unix()/60)})
		return err
	})
	k.wake()
	return err
}

// askOnce asks the marketplace and keeps the answer. Callers that want to know
// of the same code at the same moment share one question, which none of them
// can call off.
func (k *Codes) askOnce(ctx context.Context, ch *store.Channel, code string) (*store.LicenseCode, error) {
	cred, err := credentials(ch)
	if err != nil {
		return nil, err
	}
	key := strconv.FormatInt(ch.ID, 10) + "/" + k.store.CodeToken(code)
	v, err, _ := k.asking.Do(key, func() (any, error) {
		ctx := context.WithoutCancel(ctx)
		bounded, cancel := context.WithTimeout(ctx, checkPatience)
		defer cancel()
		asked := k.now()
		info, raw, err := k.market.QueryLicense(bounded, ch.BaseURL(), cred, code)
		if err != nil {
			return nil, err
		}
		return k.keep(ctx, ch, code, answer{info: info, raw: raw, asked: asked}, "")
	})
	c, _ := v.(*store.LicenseCode)
	return c, err
}

// keep writes an answer that came outside of a task; a code that is new is made.
func (k *Codes) keep(ctx context.Context, ch *store.Channel, code string, a answer, actor string) (out *store.LicenseCode, err error) {
	err = k.store.Write(ctx, func(tx *store.Tx) error {
		c, created, err := tx.TakeLicenseCode(ctx, ch.ID, code)
		if err != nil {
			return err
		}
		o := store.Origin{Actor: actor}
		if created {
			if err := tx.SaveLicenseCode(ctx, c, []market.Change{{Kind: market.CodeTakenOver}}, o); err != nil {
				return err
			}
		}
		out = c
		return k.learn(ctx, tx, c, a, o)
	})
	if err == nil {
		err = k.store.UseLicenseCode(ctx, out.ID)
	}
	return out, err
}

// ActivateNow activates a code for the seller's software and waits for the
// marketplace up to six seconds; what takes longer goes on as a task, and the
// answer is Pending. Activating again changes nothing. effect is when the use
// began, UTC; zero leaves it to the marketplace.
//
// Faults: those of find; not_found "license_code.unknown_at_market"; conflict
// "license_code.released_now"; invalid "license_code.no_credentials"; the
// refusals of marketapi.ActivateLicense.
func (k *Codes) ActivateNow(ctx context.Context, channel, code string, effect time.Time, by staff.Actor) (Told, error) {
	ch, c, err := k.find(ctx, channel, code)
	if err != nil {
		return Told{}, err
	}
	if c != nil && c.Status == market.CodeReleased {
		return Told{}, fault.New(fault.Conflict, "license_code.released_now")
	}
	if c != nil && !c.ActivatedAt.IsZero() {
		return k.tell(c), k.store.UseLicenseCode(ctx, c.ID)
	}
	cred, err := credentials(ch)
	if err != nil {
		return Told{}, err
	}
	ctx = context.WithoutCancel(ctx) // once begun, it is kept whatever becomes of the caller
	bounded, cancel := context.WithTimeout(ctx, activatePatience)
	defer cancel()
	asked := k.now()
	info, raw, err := k.market.ActivateLicense(bounded, ch.BaseURL(), cred, code, effect)
	if f := fault.From(err); f != nil {
		return k.notActivated(ctx, ch, c, code, effect, f, by)
	}
	c, err = k.keep(ctx, ch, code, answer{info: info, raw: raw, asked: asked, activated: true}, by.Name)
	if err != nil {
		return Told{}, err
	}
	return k.tell(c), k.audit(ctx, c.ID, staff.ActActivateCode, by)
}

// notActivated decides what becomes of an activation that failed: a refusal is
// told, anything else goes on as a task.
func (k *Codes) notActivated(ctx context.Context, ch *store.Channel, c *store.LicenseCode, code string, effect time.Time, f *fault.Error, by staff.Actor) (Told, error) {
	if f.Retry.Never {
		if c != nil {
			if err := k.store.Write(ctx, func(tx *store.Tx) error { return tx.LicenseCodeFailed(ctx, c.ID, f) }); err != nil {
				return Told{}, err
			}
		}
		return Told{}, unknownAtMarket(f)
	}
	err := k.store.Write(ctx, func(tx *store.Tx) error {
		var created bool
		var err error
		if c, created, err = tx.TakeLicenseCode(ctx, ch.ID, code); err != nil {
			return err
		}
		if _, err := k.wanted(ctx, tx, c, created, effect, by); err != nil {
			return err
		}
		if err := tx.LicenseCodeFailed(ctx, c.ID, f); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(c.ID, staff.ActActivateCode, by))
	})
	if err != nil {
		return Told{}, err
	}
	k.wake()
	t := k.tell(c)
	t.Trouble, t.Pending = f, true
	return t, k.store.UseLicenseCode(ctx, c.ID)
}

// wanted writes the task that activates a code, or restarts the one that is not done.
func (k *Codes) wanted(ctx context.Context, tx *store.Tx, c *store.LicenseCode, created bool, effect time.Time, by staff.Actor) (r store.Restarted, err error) {
	var changes []market.Change
	if created {
		changes = []market.Change{{Kind: market.CodeTakenOver}}
	}
	if !effect.IsZero() {
		c.RealEffectTime = effect
	}
	if err := tx.SaveLicenseCode(ctx, c, changes, store.Origin{Actor: by.Name}); err != nil {
		return r, err
	}
	id, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.LicenseActivate, Purpose: outbox.OnDemand, LicenseCode: c.ID,
		OrderID: c.OrderID, OrderLineID: c.OrderLineID, UniqueKey: outbox.Key(outbox.LicenseActivate, outbox.OnDemand, c.ID)})
	if err != nil || id != 0 {
		return r, err
	}
	open, err := tx.LicenseCodeTasks(ctx, c.ID, string(outbox.LicenseActivate))
	if err == nil && len(open) > 0 {
		r, err = tx.RestartTasks(ctx, open, by.Name)
	}
	return r, err
}

func entry(id int64, action string, by staff.Actor) staff.Audit {
	return staff.Audit{Actor: by.Name, Action: action, Target: "license_code/" + strconv.FormatInt(id, 10), Reason: by.Reason, IP: by.IP}
}

func (k *Codes) audit(ctx context.Context, id int64, action string, by staff.Actor) error {
	return k.store.Write(ctx, func(tx *store.Tx) error { return tx.Audit(ctx, entry(id, action, by)) })
}
