package console

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	channels "koodesk/app/channel"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// Channel is one production address with its keys and settings.
func (k *Console) Channel(c *fiber.Ctx) error {
	p, err := k.channel(c)
	if err != nil {
		return err
	}
	return k.sendChannel(c, fiber.StatusOK, p)
}

// slugParam is the channel's name in the address, as text.
func slugParam(c *fiber.Ctx) string { return clean(c.Params("slug"), maxParameter) }

func (k *Console) channel(c *fiber.Ctx) (p view.ChannelPage, err error) {
	if p.Shell, err = k.shell(c, view.RoomChannels); err != nil {
		return p, err
	}
	row, err := k.read.ChannelShown(c.UserContext(), slugParam(c))
	if err != nil {
		return p, err
	}
	keys, err := k.read.ChannelKeys(c.UserContext(), row.ID)
	if err != nil {
		return p, err
	}
	self := channelURL(row.Slug)
	p.Shell.Here = self // also when a form is what was answered
	p.Channel, p.NoAKSK = k.channelRow(p.Shell, row, keys), !row.HasAK
	if err := k.endings(c, &p, row.Slug); err != nil {
		return p, err
	}
	for _, key := range keys {
		if key.Retired(p.Shell.Clock.Now) {
			p.Old = append(p.Old, oldKey(p.Shell.Clock, key))
		}
	}
	p.Facts = channelFacts(p.Shell.Clock, row)
	p.Form = view.ChannelForm{Action: action(p.Shell, staff.ChannelsWrite, self+"/settings", view.Text{}), Site: string(row.Site), Sites: sites(),
		Encrypt: row.EncryptType, Encrypts: []int{1, 2}, Pending: row.V1Pending, Pendings: []string{store.PendingPage, store.PendingCode}, BodySign: row.BodySign,
		OpenAPI: view.Field{Name: "open_api_url", Value: row.OpenAPIURL}}
	p.Secrets = view.SecretForm{Action: action(p.Shell, staff.ChannelsWrite, self+"/ak-sk", view.Text{}), AK: view.Field{Name: "ak"}, SK: view.Field{Name: "sk"}}
	return p, nil
}

// endings adds what ending each overlap would break, for those who may end it.
func (k *Console) endings(c *fiber.Ctx, p *view.ChannelPage, slug string) error {
	for i := range p.Channel.Keys {
		cell := &p.Channel.Keys[i]
		if cell.Old == nil || !cell.EndOld.On() {
			continue
		}
		breaks, err := k.o.Channels.Warnings(c.UserContext(), slug, channels.Change{RetireOld: []market.KeyClass{market.KeyClass(cell.Class)}})
		if err != nil {
			return err
		}
		cell.OldInUse = warned(p.Shell.Clock, breaks)
	}
	return nil
}

func (k *Console) sendChannel(c *fiber.Ctx, status int, p view.ChannelPage) error {
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageChannel, p)
}

func channelFacts(clock view.Clock, r store.ChannelRow) []view.Fact {
	set := func(yes bool) view.Text {
		if yes {
			return view.Say("channels.aksk_set")
		}
		return view.Say("channels.aksk_none")
	}
	onOff := view.Say("channels.off")
	if r.BodySign {
		onOff = view.Say("channels.on")
	}
	aksk := view.Fact{Label: view.Say("channels.aksk"), Text: set(r.HasAK)}
	if !r.HasAK {
		aksk.Tone = "warn"
	}
	return []view.Fact{
		{Label: view.Say("channels.site"), Text: view.Say("site." + string(r.Site))},
		aksk,
		{Label: view.Say("channels.open_api"), Value: r.BaseURL(), Mono: true},
		{Label: view.Say("channels.encrypt"), Text: view.Say("channels.encrypt_type." + strconv.Itoa(r.EncryptType))},
		{Label: view.Say("channels.v1_pending"), Text: view.Say("channels.pending." + r.V1Pending)},
		{Label: view.Say("channels.body_sign"), Text: onOff},
		{Label: view.Say("channels.kit_key"), Text: set(r.HasKitKey)},
		{Label: view.Say("channels.updated"), Time: clock.Time(r.UpdatedAt)},
	}
}

// SetChannel changes settings; what would break something has to be confirmed on
// the page that says so.
func (k *Console) SetChannel(c *fiber.Ctx) error {
	slug := slugParam(c)
	if _, err := k.read.ChannelShown(c.UserContext(), slug); err != nil {
		return err
	}
	change := settingsOf(c)
	_, err := k.o.Channels.Set(c.UserContext(), slug, channels.Change{Settings: change}, field(c, "confirm") == "1", actor(c))
	f := fault.From(err)
	if f == nil {
		k.channels.forget()
		flash(c, "ok", view.Say("channels.flash_saved"))
		return k.goTo(c, channelURL(slug))
	}
	if f.Code != fault.Invalid && f.Key != unconfirmedKey {
		return err
	}
	p, readErr := k.channel(c)
	if readErr != nil {
		return readErr
	}
	form := &p.Form
	form.Open, form.Site, form.Encrypt, form.Pending, form.BodySign = true, string(*change.Site), *change.EncryptType, *change.V1Pending, *change.BodySign
	form.OpenAPI.Value = *change.OpenAPIURL
	switch {
	case f.Key == unconfirmedKey:
		form.Warnings = warned(p.Shell.Clock, warningsOf(err))
	case f.Key == "order_query.bad_address":
		form.OpenAPI.Wrong = what(k.localizer(c), f)
	default:
		form.Fault = record(f)
	}
	return k.sendChannel(c, fiber.StatusUnprocessableEntity, p)
}

const unconfirmedKey = "channel.unconfirmed"

// warningsOf is what an unconfirmed change would break.
func warningsOf(err error) []*fault.Error {
	var u *channels.Unconfirmed
	if errors.As(err, &u) {
		return u.Warnings
	}
	return nil
}

// settingsOf reads the whole form.
func settingsOf(c *fiber.Ctx) store.ChannelChange {
	site, pending, openAPI := market.Site(field(c, "site")), field(c, "v1_pending"), strings.TrimSpace(field(c, "open_api_url"))
	encrypt, _ := strconv.Atoi(field(c, "encrypt_type")) // what is no number is no type either
	sign := field(c, "body_sign") == "on"
	return store.ChannelChange{Site: &site, V1Pending: &pending, OpenAPIURL: &openAPI, EncryptType: &encrypt, BodySign: &sign}
}

// SetAKSK takes AK and SK. Neither is ever sent back.
func (k *Console) SetAKSK(c *fiber.Ctx) error {
	slug := slugParam(c)
	if _, err := k.read.ChannelShown(c.UserContext(), slug); err != nil {
		return err
	}
	ak, sk := strings.TrimSpace(field(c, "ak")), strings.TrimSpace(field(c, "sk"))
	_, err := k.o.Channels.Set(c.UserContext(), slug, channels.Change{Settings: store.ChannelChange{AK: &ak, SK: &sk}}, true, actor(c))
	if f := fault.From(err); f != nil {
		if f.Code != fault.Invalid {
			return err
		}
		p, err := k.channel(c)
		if err != nil {
			return err
		}
		p.Secrets.Open, p.Secrets.SK.Wrong = true, what(k.localizer(c), f)
		return k.sendChannel(c, fiber.StatusUnprocessableEntity, p)
	}
	k.channels.forget()
	flash(c, "ok", view.Say("channels.flash_aksk"))
	return k.goTo(c, channelURL(slug))
}
