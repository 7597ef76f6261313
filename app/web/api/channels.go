package api

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	channels "koodesk/app/channel"
	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Channels sets production addresses and their keys.
type Channels interface {
	Set(ctx context.Context, slug string, c channels.Change, confirmed bool, by staff.Actor) (channels.Done, error)
}

type channel struct {
	Slug        string       `json:"slug"`
	Site        string       `json:"site"`
	Address     string       `json:"address"`
	OpenAPIURL  string       `json:"open_api_url"`
	BodySign    bool         `json:"body_sign"`
	EncryptType int          `json:"encrypt_type"`
	V1Pending   string       `json:"v1_pending"`
	HasAKSK     bool         `json:"has_ak_sk"`
	HasKitKey   bool         `json:"has_kit_private_key"`
	Keys        []channelKey `json:"keys"`
	CreatedAt   moment       `json:"created_at"`
	UpdatedAt   moment       `json:"updated_at"`
}

type channelKey struct {
	Class      string `json:"class"`
	State      string `json:"state"`
	CreatedAt  moment `json:"created_at"`
	RetiresAt  moment `json:"retires_at"`
	LastUsedAt moment `json:"last_used_at"`
}

func (a *API) showChannel(c store.ChannelRow, keys []store.KeyRow) channel {
	now := time.Now()
	out := channel{Slug: c.Slug, Site: string(c.Site), Address: strings.TrimSuffix(a.o.PublicURL, "/") + "/koogallery/" + c.Slug, OpenAPIURL: c.BaseURL(),
		BodySign: c.BodySign, EncryptType: c.EncryptType, V1Pending: c.V1Pending, HasAKSK: c.HasAK, HasKitKey: c.HasKitKey,
		Keys: make([]channelKey, 0, len(keys)), CreatedAt: moment(c.CreatedAt), UpdatedAt: moment(c.UpdatedAt)}
	for _, k := range keys {
		out.Keys = append(out.Keys, channelKey{Class: string(k.Class), State: k.State(now), CreatedAt: moment(k.CreatedAt), RetiresAt: moment(k.RetiresAt),
			LastUsedAt: moment(k.LastUsedAt)})
	}
	return out
}

// Channels answers GET /channels; there are few, so that they are one page.
func (a *API) Channels(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	rows, err := a.store.Reader().Channels(c.UserContext())
	if err != nil {
		return a.Problem(c, err)
	}
	keys, err := a.store.Reader().ValidKeys(c.UserContext())
	if err != nil {
		return a.Problem(c, err)
	}
	show := func(_ *i18n.Localizer, r store.ChannelRow) channel { return a.showChannel(r, keys[r.ID]) }
	return answer(c, fiber.StatusOK, pageOf(localizer(c), store.Page[store.ChannelRow]{Items: rows}, show))
}

// Channel answers GET /channels/{channel}, with every key that it ever had.
func (a *API) Channel(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	return a.channel(c, fiber.StatusOK)
}

func (a *API) channel(c *fiber.Ctx, status int) error {
	row, err := a.store.Reader().ChannelShown(c.UserContext(), part(c, "channel"))
	if err != nil {
		return a.Problem(c, err)
	}
	keys, err := a.store.Reader().ChannelKeys(c.UserContext(), row.ID)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, status, a.showChannel(row, keys))
}

// channelBody is the body of PUT /channels/{channel}.
type channelBody struct {
	Site        *string `json:"site"`
	OpenAPIURL  *string `json:"open_api_url"`
	BodySign    *bool   `json:"body_sign"`
	EncryptType *int    `json:"encrypt_type"`
	V1Pending   *string `json:"v1_pending"`
	AK          *string `json:"ak"`
	SK          *string `json:"sk"`
	Confirm     bool    `json:"confirm"`
	Reason      string  `json:"reason"`
}

// SetChannel answers PUT /channels/{channel}.
func (a *API) SetChannel(c *fiber.Ctx) error {
	var in channelBody
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	if in.Site == nil { // a new one needs it, so that nothing is made by a misspelt name
		if _, err := a.store.Reader().ChannelShown(c.UserContext(), part(c, "channel")); err != nil {
			return a.Problem(c, err)
		}
	}
	change := channels.Change{Settings: store.ChannelChange{Site: (*market.Site)(in.Site), OpenAPIURL: in.OpenAPIURL, BodySign: in.BodySign,
		EncryptType: in.EncryptType, V1Pending: in.V1Pending, AK: in.AK, SK: in.SK}}
	return a.change(c, change, in.Confirm, in.Reason)
}

// keyBody is the body of PUT /channels/{channel}/keys/{class}.
type keyBody struct {
	Key     string `json:"key"`
	Old     string `json:"old_key"`
	Confirm bool   `json:"confirm"`
	Reason  string `json:"reason"`
}

// What becomes of a key that is replaced.
const (
	keepOld = "keep_24h"
	endOld  = "end_now"
)

// SetChannelKey answers PUT /channels/{channel}/keys/{class}.
func (a *API) SetChannelKey(c *fiber.Ctx) error {
	var in keyBody
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	if in.Old != "" && in.Old != keepOld && in.Old != endOld {
		return a.Problem(c, refuse(wrong{in: "body", name: "old_key", key: "choice", args: []any{"choices", keepOld + ", " + endOld}}))
	}
	class := market.KeyClass(part(c, "class"))
	if !slices.Contains(market.KeyClasses(), class) {
		return a.Problem(c, fault.New(fault.NotFound, "channel.no_class"))
	}
	if _, err := a.store.Reader().ChannelShown(c.UserContext(), part(c, "channel")); err != nil {
		return a.Problem(c, err)
	}
	if in.Key == "" {
		return a.Problem(c, refuse(wrong{in: "body", name: "key", key: "missing"}))
	}
	change := channels.Change{Keys: map[market.KeyClass]string{class: in.Key}, Overlap: channels.Overlap}
	if in.Old == endOld {
		change.Overlap, change.RetireOld = 0, []market.KeyClass{class}
	}
	return a.change(c, change, in.Confirm, in.Reason)
}

func (a *API) change(c *fiber.Ctx, change channels.Change, confirmed bool, reason string) error {
	by, err := actor(c, reason)
	if err != nil {
		return a.Problem(c, err)
	}
	done, err := a.o.Channels.Set(c.UserContext(), part(c, "channel"), change, confirmed, by)
	if err != nil {
		return a.Problem(c, unconfirmed(err))
	}
	if done.Created {
		return a.channel(c, fiber.StatusCreated)
	}
	return a.channel(c, fiber.StatusOK)
}

// unconfirmed lists what a change would break, under the field that confirms it.
func unconfirmed(err error) error {
	var u *channels.Unconfirmed
	if !errors.As(err, &u) {
		return err
	}
	p := &problem{fault: fault.From(err)}
	for _, w := range u.Warnings {
		p.fields = append(p.fields, wrong{in: "body", name: "confirm", why: w})
	}
	return p
}
