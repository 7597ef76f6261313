package console

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

// shell is what a page has around its content. It costs no statement; whole adds
// what does.
func (k *Console) shell(c *fiber.Ctx, room view.Room) (view.Shell, error) {
	csrf, err := session.CSRFToken(c)
	if err != nil {
		return view.Shell{}, err
	}
	s := k.frame(c)
	s.Room, s.CSRF = room, csrf
	return s, nil
}

// frame is the shell of a page that need not be able to change anything.
func (k *Console) frame(c *fiber.Ctx) view.Shell {
	person := session.Of(c).Person
	name, _, _ := strings.Cut(person.Email, "@")
	s := view.Shell{
		Operator: view.Operator{Name: name, Email: person.Email, Role: person.Role},
		Locale:   k.o.Sessions.Locale(c),
		Theme:    theme(c),
		Clock:    k.clock(),
		Here:     here(c),
		Version:  k.o.Version,
	}
	if s.Here == "" {
		s.Here = "/"
	}
	if s.Operator.SignedIn() {
		s.Banners = k.banners(person.Role)
	}
	return s
}

func (k *Console) clock() view.Clock { return view.Clock{Zone: k.o.Zone, Now: k.o.Now()} }

func (k *Console) localizer(c *fiber.Ctx) *i18n.Localizer { return i18n.For(k.o.Sessions.Locale(c)) }

// whole adds what only a whole page shows: what waits for a person (one
// statement) and what the last act did.
func (k *Console) whole(c *fiber.Ctx, s *view.Shell) error {
	if !s.Operator.SignedIn() {
		return nil
	}
	n, err := k.read.NavCounts(c.UserContext())
	if err != nil {
		return err
	}
	s.Counts = navCounts(n)
	s.Banners = append(s.Banners, lowPools(*s, n.LowPools)...)
	if s.Flash == nil {
		s.Flash = takeFlash(c)
	}
	return nil
}

// lowPools says on every page which pools run out, of accounts and of Licenses,
// and leads to them.
func lowPools(s view.Shell, names []string) (out []view.Banner) {
	var accounts, licenses []string
	for _, n := range names {
		if name, license := strings.CutPrefix(n, "license/"); license {
			licenses = append(licenses, name)
		} else {
			accounts = append(accounts, name)
		}
	}
	for _, low := range []struct {
		names []string
		text  string
		may   staff.Permission
		all   string
		one   func(string) string
	}{{accounts, "pool_banner.low", staff.PoolsRead, poolsPath, poolURL},
		{licenses, "pool_banner.licenses", staff.LicensesRead, licensePoolsPath, licensePoolURL}} {
		if len(low.names) == 0 {
			continue
		}
		b := view.Banner{Tone: "warn", Text: view.Say(low.text, "n", len(low.names), "pools", strings.Join(low.names, ", "))}
		if s.May(low.may) {
			b.URL, b.Link = low.all, view.Say("pool_banner.link", "n", len(low.names))
			if len(low.names) == 1 {
				b.URL = low.one(low.names[0])
			}
		}
		out = append(out, b)
	}
	return out
}

func navCounts(n store.NavCounts) map[view.Room]int {
	return map[view.Room]int{
		view.RoomMessages: n.Conflicts.N, view.RoomFailures: n.OpenGroups.N, view.RoomProvisioning: n.WaitingInstances.N,
		view.RoomDeliveries: n.FailedDeliveries.N, view.RoomEvents: n.FailedEvents.N, view.RoomReconcile: n.OpenFindings.N,
		view.RoomLeftovers: n.OpenLeftovers.N, view.RoomStuck: n.Stuck.N, view.RoomLicenses: n.WaitingLicenses.N,
	}
}

// banners are what is true of the whole installation.
func (k *Console) banners(role staff.Role) []view.Banner {
	var out []view.Banner
	switch {
	case k.o.NoMail && k.o.NoSMS:
		out = append(out, view.Banner{Tone: "warn", Text: view.Say("banner.no_mail_no_sms")})
	case k.o.NoMail:
		out = append(out, view.Banner{Tone: "warn", Text: view.Say("banner.no_mail")})
	case k.o.NoSMS:
		out = append(out, view.Banner{Tone: "info", Text: view.Say("banner.no_sms")})
	}
	if role == staff.Viewer {
		out = append(out, view.Banner{Tone: "info", Text: view.Say("banner.read_only")})
	}
	return out
}

// manyChannels tells whether a list should say which channel its rows are of.
func (k *Console) manyChannels(ctx context.Context) ([]store.ChannelRow, bool, error) {
	channels, err := k.channels.get(ctx, k.o.Now(), choicesLast)
	return channels, len(channels) > 1, err
}

// channelChoice are the channels that a form offers, the first of them chosen.
func (k *Console) channelChoice(ctx context.Context) (slugs []string, chosen string, err error) {
	channels, _, err := k.manyChannels(ctx)
	for _, ch := range channels {
		slugs = append(slugs, ch.Slug)
	}
	if len(slugs) > 0 {
		chosen = slugs[0]
	}
	return slugs, chosen, err
}

// action is something that the reader's role may allow.
func action(s view.Shell, p staff.Permission, url string, why view.Text) view.Action {
	return view.Action{URL: url, Show: s.May(p), Why: why}
}
