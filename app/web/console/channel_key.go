package console

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	channels "koodesk/app/channel"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

// ChannelKey is the page that sets or replaces the key of a class: it says what
// that breaks before a key is typed.
func (k *Console) ChannelKey(c *fiber.Ctx) error {
	p, err := k.channelKey(c)
	if err != nil {
		return err
	}
	return k.sendChannelKey(c, fiber.StatusOK, p)
}

// keyParams are the channel and the class in the address. Faults: not_found
// "channel.unknown", "channel.no_class".
func (k *Console) keyParams(c *fiber.Ctx) (slug string, class market.KeyClass, err error) {
	slug, class = slugParam(c), market.KeyClass(strings.Clone(c.Params("class")))
	if !slices.Contains(market.KeyClasses(), class) {
		return "", "", fault.New(fault.NotFound, "channel.no_class")
	}
	_, err = k.read.ChannelShown(c.UserContext(), slug)
	return slug, class, err
}

func (k *Console) channelKey(c *fiber.Ctx) (p view.ChannelKeyPage, err error) {
	slug, class, err := k.keyParams(c)
	if err != nil {
		return p, err
	}
	if p.Shell, err = k.shell(c, view.RoomChannels); err != nil {
		return p, err
	}
	row, err := k.read.ChannelShown(c.UserContext(), slug)
	if err != nil {
		return p, err
	}
	keys, err := k.read.ChannelKeys(c.UserContext(), row.ID)
	if err != nil {
		return p, err
	}
	// The key that is typed is not known yet; any other than the present one
	// breaks the same.
	lasting := channels.Change{Keys: map[market.KeyClass]string{class: ""}, Overlap: channels.Overlap}
	kept, err := k.o.Channels.Warnings(c.UserContext(), slug, lasting)
	if err != nil {
		return p, err
	}
	ending := channels.Change{Keys: lasting.Keys, RetireOld: []market.KeyClass{class}}
	ends, err := k.o.Channels.Warnings(c.UserContext(), slug, ending)
	if err != nil {
		return p, err
	}
	self := channelURL(slug) + "/keys/" + string(class)
	p.Shell.Here, p.Slug, p.Back, p.Cell = self, slug, channelURL(slug), keyCell(p.Shell, slug, class, keys)
	p.Save, p.Key = action(p.Shell, staff.ChannelsWrite, self, view.Text{}), view.Field{Name: "key"}
	p.Warnings, p.EndsNow, p.Confirm = warned(p.Shell.Clock, kept), warned(p.Shell.Clock, ends), len(kept)+len(ends) > 0
	return p, nil
}

func (k *Console) sendChannelKey(c *fiber.Ctx, status int, p view.ChannelKeyPage) error {
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageChannelKey, p)
}

// SetChannelKey sets or replaces a key. The page that asks for a confirmation has
// the field for the key empty again: a secret is never sent back.
func (k *Console) SetChannelKey(c *fiber.Ctx) error {
	slug, class, err := k.keyParams(c)
	if err != nil {
		return err
	}
	end, confirmed := field(c, "old_key") == "end", field(c, "confirm") == "1"
	change := channels.Change{Keys: map[market.KeyClass]string{class: strings.TrimSpace(field(c, "key"))}, Overlap: channels.Overlap}
	if end {
		change.Overlap, change.RetireOld = 0, []market.KeyClass{class}
	}
	done, err := k.o.Channels.Set(c.UserContext(), slug, change, confirmed, actor(c))
	f := fault.From(err)
	if f == nil {
		said := view.Say("channels.flash_key")
		if !done.Changed[class] {
			said = view.Say("channels.flash_key_same")
		}
		flash(c, "ok", said)
		return k.goTo(c, channelURL(slug))
	}
	if f.Code != fault.Invalid && f.Key != unconfirmedKey {
		return err
	}
	p, readErr := k.channelKey(c)
	if readErr != nil {
		return readErr
	}
	p.End = end
	if f.Key == unconfirmedKey {
		p.Key.Wrong, p.Wrong, p.Confirm = view.Say("channels.type_again"), view.Say("channels.confirm_needed"), true
		for _, w := range warningsOf(err) {
			if w.Key == "channel.key_twin" {
				p.More = append(p.More, warned(p.Shell.Clock, []*fault.Error{w})...)
			}
		}
	} else {
		p.Key.Wrong = what(k.localizer(c), f)
	}
	return k.sendChannelKey(c, fiber.StatusUnprocessableEntity, p)
}

// EndOldKey ends the overlap of a class. What that breaks, if anything, has to be
// confirmed: it may have come up since the page was shown.
func (k *Console) EndOldKey(c *fiber.Ctx) error {
	slug, class, err := k.keyParams(c)
	if err != nil {
		return err
	}
	_, err = k.o.Channels.Set(c.UserContext(), slug, channels.Change{RetireOld: []market.KeyClass{class}}, field(c, "confirm") == "1", actor(c))
	if err = k.done(c, err, view.Say("channels.flash_ended"), fault.Conflict); err != nil {
		return err
	}
	return k.goTo(c, channelURL(slug))
}
