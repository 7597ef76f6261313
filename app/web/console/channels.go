package console

import (
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	channels "koodesk/app/channel"
	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

const channelsPath = "/channels"

func channelURL(slug string) string { return channelsPath + "/" + url.PathEscape(slug) }

// Channels is the list of production addresses with their keys.
func (k *Console) Channels(c *fiber.Ctx) error {
	p, err := k.channelsPage(c)
	if err != nil {
		return err
	}
	return k.sendChannels(c, fiber.StatusOK, p)
}

func (k *Console) channelsPage(c *fiber.Ctx) (p view.ChannelsPage, err error) {
	if p.Shell, err = k.shell(c, view.RoomChannels); err != nil {
		return p, err
	}
	rows, err := k.read.Channels(c.UserContext())
	if err != nil {
		return p, err
	}
	keys, err := k.read.ValidKeys(c.UserContext())
	if err != nil {
		return p, err
	}
	for _, r := range rows {
		p.Channels = append(p.Channels, k.channelRow(p.Shell, r, keys[r.ID]))
	}
	p.Add, p.Prefix, p.Sites = action(p.Shell, staff.ChannelsWrite, channelsPath, view.Text{}), k.production(""), sites()
	p.Slug, p.Site = view.Field{Name: "slug"}, string(market.SiteCN)
	return p, nil
}

func (k *Console) sendChannels(c *fiber.Ctx, status int, p view.ChannelsPage) error {
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageChannels, p)
}

// production is the address of a channel as KooGallery calls it.
func (k *Console) production(slug string) string {
	return strings.TrimSuffix(k.o.PublicURL, "/") + "/koogallery/" + slug
}

func sites() []string {
	return []string{string(market.SiteCN), string(market.SiteIntl), string(market.SiteEU)}
}

func (k *Console) channelRow(s view.Shell, r store.ChannelRow, keys []store.KeyRow) view.ChannelRow {
	row := view.ChannelRow{Slug: r.Slug, URL: channelURL(r.Slug), Address: k.production(r.Slug), Site: string(r.Site), Encrypt: r.EncryptType}
	if r.HasAK {
		row.OpenAPI = r.BaseURL()
	}
	for _, class := range market.KeyClasses() {
		row.Keys = append(row.Keys, keyCell(s, r.Slug, class, keys))
	}
	return row
}

// keyCell is the present key of a class and the replaced one that is still valid.
func keyCell(s view.Shell, slug string, class market.KeyClass, keys []store.KeyRow) view.KeyCell {
	self := channelURL(slug) + "/keys/" + string(class)
	out := view.KeyCell{Class: string(class), Set: action(s, staff.ChannelsWrite, self, view.Text{})}
	for _, key := range keys {
		if key.Class != class {
			continue
		}
		cell := oldKey(s.Clock, key)
		switch {
		case key.Present():
			out.State, out.Since, out.Used = cell.State, cell.Since, cell.Used
		case cell.State == store.KeyRetiring && out.Old == nil:
			out.Old, out.EndOld = &cell, action(s, staff.ChannelsWrite, self+"/end-old", view.Text{})
		}
	}
	return out
}

func oldKey(clock view.Clock, key store.KeyRow) view.KeyCell {
	return view.KeyCell{Class: string(key.Class), State: key.State(clock.Now), Since: clock.Time(key.CreatedAt), Until: clock.Time(key.RetiresAt),
		Used: clock.Time(key.LastUsedAt)}
}

// AddChannel makes a channel, or shows the form again.
func (k *Console) AddChannel(c *fiber.Ctx) error {
	slug, site := strings.TrimSpace(field(c, "slug")), market.Site(field(c, "site"))
	if _, err := k.read.ChannelShown(c.UserContext(), slug); err == nil {
		return k.addAgain(c, slug, fault.New(fault.Conflict, "channel.exists"))
	}
	_, err := k.o.Channels.Set(c.UserContext(), slug, channels.Change{Settings: store.ChannelChange{Site: &site}}, false, actor(c))
	if fault.Is(err, fault.Invalid) {
		return k.addAgain(c, slug, fault.From(err))
	}
	if err != nil {
		return err
	}
	k.channels.forget()
	flash(c, "ok", view.Say("channels.flash_added", "channel", slug))
	return k.goTo(c, channelURL(slug))
}

func (k *Console) addAgain(c *fiber.Ctx, slug string, f *fault.Error) error {
	p, err := k.channelsPage(c)
	if err != nil {
		return err
	}
	p.Shell.Here, p.Slug.Value, p.Site = channelsPath, clean(slug, maxParameter), field(c, "site")
	if f.Key == "channel.bad_slug" || f.Key == "channel.exists" {
		p.Slug.Wrong = what(k.localizer(c), f)
	} else {
		p.Fault = record(f)
	}
	return k.sendChannels(c, statusOf(f.Code), p)
}

// warned is what a change breaks, for a person: classes by their names, times in
// the reader's zone.
func warned(clock view.Clock, all []*fault.Error) []view.Warned {
	out := make([]view.Warned, 0, len(all))
	for _, f := range all {
		key := "fault." + f.Key
		w := view.Warned{What: view.Text{Key: key + ".what"}, Do: view.Text{Key: key + ".do"}}
		for name, v := range f.Args {
			var arg any = v
			switch name {
			case "class", "other":
				arg = view.Say("channels.class." + v)
			case "used", "until":
				if t, err := time.Parse(time.RFC3339, v); err == nil {
					arg = i18n.Exact(clock.Time(t).At)
				}
			}
			w.What.Args = append(w.What.Args, name, arg)
		}
		w.Do.Args = w.What.Args
		out = append(out, w)
	}
	return out
}
