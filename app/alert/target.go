package alert

import (
	"context"
	"maps"
	netmail "net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// The bounds of targets.
const (
	maxTargets  = 20 // of one operator
	maxName     = 64 // characters
	maxPerHour  = 60
	usedPerHour = 12 // where nothing else is said
	testsAnHour = 10
)

// Setting is what somebody wants a target to be. Empty texts of a target that is
// there leave address and secret as they are.
type Setting struct {
	ID         int64 // 0: a new one
	OperatorID int64 // whose a new one is
	Name       string
	Medium     string // of a new one: it does not change
	Address    string
	Secret     string
	NoSecret   bool // the stored secret is taken away
	Kinds      []string
	Severity   string // "" is warning
	Language   string // "" is Chinese
	QuietHours string // "22:00-08:00"; "" or "none": none
	Endings    bool
	PerHour    int // 0: 12
	Enabled    bool
}

// SetTarget makes or changes a target. secret is the one of our own webhook when
// it was made here, to be shown once. owner is whose targets may be touched: an
// operator, or 0 for all.
//
// Faults: not_found "alert_target.unknown", also of somebody else's; invalid
// "alert_target.bad_name", "alert_target.bad_medium", "alert_target.bad_address"
// (medium), "alert_target.bad_secret", "alert_target.bad_kind" (kind),
// "alert_target.bad_setting" (field); conflict "alert_target.name_taken" (name),
// "alert_target.too_many" (max); and those of webhook.Allow.CheckURL and
// webhook.CheckSecret.
func (d *Desk) SetTarget(ctx context.Context, s Setting, owner int64, by staff.Actor) (id int64, secret string, err error) {
	if err := s.check(); err != nil {
		return 0, "", err
	}
	err = d.o.Store.Write(ctx, func(tx *store.Tx) error {
		t, err := d.before(ctx, tx, s, owner)
		if err != nil {
			return err
		}
		if secret, err = d.fill(&t, s); err != nil {
			return err
		}
		if id = t.ID; id == 0 {
			id, err = tx.AddAlertTarget(ctx, t)
		} else {
			err = tx.ChangeAlertTarget(ctx, t)
		}
		if err != nil {
			return err
		}
		t.ID = id
		return tx.Audit(ctx, audit(staff.ActSetAlertTarget, t, by, map[string]string{"medium": t.Medium, "to": t.Mask, "enabled": strconv.FormatBool(t.Enabled)}))
	})
	return id, secret, err
}

func audit(action string, t store.AlertTarget, by staff.Actor, more map[string]string) staff.Audit {
	detail := map[string]string{"operator": t.Operator, "name": t.Name}
	maps.Copy(detail, more)
	return staff.Audit{Actor: by.Name, Action: action, Target: "alert_target/" + strconv.FormatInt(t.ID, 10), Reason: by.Reason, IP: by.IP, Detail: detail}
}

// before is the target as it is, locked, or a new one.
func (d *Desk) before(ctx context.Context, tx *store.Tx, s Setting, owner int64) (store.AlertTarget, error) {
	if s.ID != 0 {
		return owned(ctx, tx, s.ID, owner)
	}
	if !slices.Contains(Media(), s.Medium) {
		return store.AlertTarget{}, fault.New(fault.Invalid, "alert_target.bad_medium", "known", strings.Join(Media(), ", "))
	}
	o, err := tx.Reader().OperatorByID(ctx, s.OperatorID)
	if err != nil {
		return store.AlertTarget{}, err
	}
	if o.Disabled {
		return store.AlertTarget{}, fault.New(fault.NotFound, "operator.unknown")
	}
	theirs, err := tx.Reader().AlertTargets(ctx, o.ID)
	if err == nil && len(theirs) >= maxTargets {
		err = fault.New(fault.Conflict, "alert_target.too_many", "max", number(maxTargets))
	}
	return store.AlertTarget{OperatorID: o.ID, Operator: o.Email, Medium: s.Medium}, err
}

// owned locks a target that an operator may touch; owner 0 may touch all.
func owned(ctx context.Context, tx *store.Tx, id, owner int64) (store.AlertTarget, error) {
	t, err := tx.LockAlertTarget(ctx, id)
	if err == nil && owner != 0 && t.OperatorID != owner {
		err = fault.New(fault.NotFound, "alert_target.unknown")
	}
	return t, err
}

func (s *Setting) check() error {
	s.Name, s.Address = strings.TrimSpace(s.Name), strings.TrimSpace(s.Address)
	if n := utf8.RuneCountInString(s.Name); n == 0 || n > maxName || !utf8.ValidString(s.Name) || strings.ContainsFunc(s.Name, unicode.IsControl) {
		return fault.New(fault.Invalid, "alert_target.bad_name")
	}
	for _, k := range s.Kinds {
		if !slices.Contains(market.AlertKinds(), k) {
			return fault.New(fault.Invalid, "alert_target.bad_kind", "kind", k, "known", strings.Join(market.AlertKinds(), ", "))
		}
	}
	if s.QuietHours == "" {
		s.QuietHours = market.NoQuietHours
	}
	if s.Severity == "" {
		s.Severity = market.SeverityName(market.Warning)
	}
	if s.PerHour == 0 {
		s.PerHour = usedPerHour
	}
	if s.Language == "" {
		s.Language = string(i18n.Default)
	}
	_, _, some := market.QuietHours(s.QuietHours)
	for field, wrong := range map[string]bool{"quiet_hours": !some && s.QuietHours != market.NoQuietHours, "severity": market.SeverityOf(s.Severity) == 0,
		"per_hour": s.PerHour < 1 || s.PerHour > maxPerHour, "language": !i18n.Locale(s.Language).Valid()} {
		if wrong {
			return fault.New(fault.Invalid, "alert_target.bad_setting", "field", field)
		}
	}
	return nil
}

// fill writes what is wanted into the target. secret is one that was made here.
func (d *Desk) fill(t *store.AlertTarget, s Setting) (secret string, err error) {
	t.Name, t.Kinds, t.Severity, t.Language = s.Name, s.Kinds, market.SeverityOf(s.Severity), s.Language
	t.QuietHours, t.Endings, t.PerHour, t.Enabled = s.QuietHours, s.Endings, s.PerHour, s.Enabled
	if s.Address != "" || t.Address == "" {
		if t.Address = s.Address; t.Medium == SMS {
			t.Address = strings.NewReplacer(" ", "", "-", "").Replace(s.Address)
		}
	}
	if err := d.checkAddress(t.Medium, t.Address); err != nil {
		return "", err
	}
	t.Mask = mask(t.Medium, t.Address)
	switch {
	case s.NoSecret:
		t.Secret = ""
	case s.Secret != "":
		t.Secret = s.Secret
	}
	return secretOf(t)
}

// secretOf looks at a target's secret. Our own webhook must have one, and is given
// one; those whose address is all there is to prove can have none.
func secretOf(t *store.AlertTarget) (made string, err error) {
	switch t.Medium {
	case Koodesk:
		if t.Secret == "" {
			made = webhook.NewSecret()
			t.Secret = made
		}
		return made, webhook.CheckSecret(t.Secret)
	case DingTalk, Feishu:
		if len(t.Secret) > 256 || strings.ContainsFunc(t.Secret, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return "", fault.New(fault.Invalid, "alert_target.bad_secret")
		}
		return "", nil
	}
	if t.Secret != "" {
		return "", fault.New(fault.Invalid, "alert_target.bad_secret")
	}
	return "", nil
}

var phone = regexp.MustCompile(`^\+?[0-9]{6,17}$`)

func (d *Desk) checkAddress(medium, address string) error {
	bad := fault.New(fault.Invalid, "alert_target.bad_address", "medium", medium)
	switch medium {
	case Email:
		if a, err := netmail.ParseAddress(address); err != nil || a.Address != address || len(address) > 254 {
			return bad
		}
		return nil
	case SMS:
		if !phone.MatchString(address) {
			return bad
		}
		return nil
	}
	return d.o.Webhook.Allow().CheckURL(address)
}

// mask is an address for people: who knows it can tell it, nobody else can use it.
// The addresses of robots hold what opens them, in path or query.
func mask(medium, address string) string {
	switch medium {
	case Email:
		return store.MaskEmail(address)
	case SMS:
		return store.MaskPhone(address)
	}
	u, err := url.Parse(address)
	if err != nil {
		return "?"
	}
	tail := ""
	if len(address) > len(u.Scheme+"://"+u.Host)+16 {
		tail = address[len(address)-3:]
	}
	return u.Scheme + "://" + u.Host + "/•••" + tail
}

// RemoveTarget ends a target; what is still to be sent to it is cancelled. Fault:
// not_found "alert_target.unknown", also of somebody else's.
func (d *Desk) RemoveTarget(ctx context.Context, id, owner int64, by staff.Actor) error {
	return d.o.Store.Write(ctx, func(tx *store.Tx) error {
		t, err := owned(ctx, tx, id, owner)
		if err != nil {
			return err
		}
		if err := tx.RemoveAlertTarget(ctx, id); err != nil {
			return err
		}
		return tx.Audit(ctx, audit(staff.ActRemoveAlertTarget, t, by, map[string]string{"medium": t.Medium, "to": t.Mask}))
	})
}

// TestTarget sends a message that says it is a test. Faults: those of
// RemoveTarget; conflict "alert_target.off"; rate_limited
// "alert_target.too_many_tests" (max).
func (d *Desk) TestTarget(ctx context.Context, id, owner int64, by staff.Actor) (message int64, err error) {
	err = d.o.Store.Write(ctx, func(tx *store.Tx) error {
		t, err := owned(ctx, tx, id, owner)
		if err != nil {
			return err
		}
		if !t.Enabled {
			return fault.New(fault.Conflict, "alert_target.off")
		}
		tests, err := tx.SaidLately(ctx, id, tx.Now.Add(-time.Hour), true)
		if err != nil {
			return err
		}
		if len(tests) >= testsAnHour {
			return fault.New(fault.RateLimited, "alert_target.too_many_tests", "max", number(testsAnHour))
		}
		if message, err = d.write(ctx, tx, id, 0, d.sample(t, tx.Now)); err != nil {
			return err
		}
		return tx.Audit(ctx, audit(staff.ActTestAlertTarget, t, by, nil))
	})
	if err == nil {
		d.o.Wake()
	}
	return message, err
}

// sample is the content of a test.
func (d *Desk) sample(t store.AlertTarget, now time.Time) Content {
	z := i18n.For(i18n.Locale(t.Language))
	c := d.frame(z, t)
	c.Test, c.Title, c.Link, c.LinkText = true, z.T("alert.text.test"), c.Settings, z.T("alert.text.open_settings")
	c.Items = []Item{{Kind: "test", Change: market.AlertOpened, Severity: market.SeverityName(market.Warning), Label: z.T("alert.text.test_label"),
		Title: z.T("alert.text.test"), Cause: z.T("alert.text.test_lead"), At: now, Link: c.Settings, Facts: map[string]string{}}}
	return c
}

// TakesSecret tells whether a medium's messages are signed with a secret.
func TakesSecret(medium string) bool {
	return medium == Koodesk || medium == DingTalk || medium == Feishu
}
