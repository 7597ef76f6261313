package gallery

import (
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func (k look) keyCells(slug string) []view.KeyCell {
	at := func(class string) view.Action { return k.may(staff.ChannelsWrite, "/channels/"+slug+"/keys/"+class) }
	basic := view.KeyCell{Class: "basic", State: "current", Since: ago(3 * time.Hour), Used: ago(4 * time.Minute), Set: at("basic"),
		Old: &view.KeyCell{Class: "basic", State: "retiring", Since: ago(400 * 24 * time.Hour), Until: ago(-21 * time.Hour), Used: ago(25 * time.Minute)}, EndOld: at("basic/end-old")}
	basic.OldInUse = []view.Warned{warnedOf("overlap_in_use")}
	return []view.KeyCell{basic, {Class: "kit", Set: at("kit")},
		{Class: "license", State: "current", Since: ago(90 * 24 * time.Hour), Set: at("license")},
		{Class: "general", State: "current", Since: ago(80 * 24 * time.Hour), Used: ago(26 * time.Hour), Set: at("general"),
			OldInUse: []view.Warned{warnedOf("overlap_cases")},
			Old:      &view.KeyCell{Class: "general", State: "retiring", Since: ago(400 * 24 * time.Hour), Until: ago(-2 * time.Hour)}, EndOld: at("general/end-old")}}
}

func warnedOf(key string) view.Warned {
	args := []any{"class", view.Say("channels.class.basic"), "other", view.Say("channels.class.general"), "used", "2025-11-22 13:38:00",
		"until", "2025-11-23 14:03:00", "cases", "12", "old", "1", "new", "2"}
	return view.Warned{What: view.Say("fault.channel."+key+".what", args...), Do: view.Say("fault.channel."+key+".do", args...)}
}

func (k look) channel(slug string) view.ChannelRow {
	return view.ChannelRow{Slug: slug, URL: "/channels/" + slug, Address: "https://koodesk.seller.example.com/koogallery/" + slug, Site: "cn", Encrypt: 1,
		OpenAPI: "https://mkt.myhuaweicloud.com", Keys: k.keyCells(slug)}
}

func (k look) channelPage() view.ChannelPage {
	p := view.ChannelPage{Shell: k.shell(view.RoomChannels, "/channels/default"), Channel: k.channel("default"),
		Old: []view.KeyCell{{Class: "basic", State: "retired", Since: ago(800 * 24 * time.Hour), Until: ago(399 * 24 * time.Hour), Used: ago(400 * 24 * time.Hour)},
			{Class: "license", State: "retired", Since: ago(800 * 24 * time.Hour), Until: ago(399 * 24 * time.Hour)}},
		Form: view.ChannelForm{Action: k.may(staff.ChannelsWrite, "/channels/default/settings"), Site: "cn", Sites: []string{"cn", "intl", "eu"}, Encrypt: 1,
			Encrypts: []int{1, 2}, Pending: "page", Pendings: []string{"page", "000004"}, BodySign: true, OpenAPI: view.Field{Name: "open_api_url"}},
		Secrets: view.SecretForm{Action: k.may(staff.ChannelsWrite, "/channels/default/ak-sk"), AK: view.Field{Name: "ak"}, SK: view.Field{Name: "sk"}}}
	p.Facts = []view.Fact{
		{Label: view.Say("channels.site"), Text: view.Say("site.cn")}, {Label: view.Say("channels.aksk"), Text: view.Say("channels.aksk_set")},
		{Label: view.Say("channels.open_api"), Value: p.Channel.OpenAPI, Mono: true}, {Label: view.Say("channels.encrypt"), Text: view.Say("channels.encrypt_type.1")},
		{Label: view.Say("channels.v1_pending"), Text: view.Say("channels.pending.page")}, {Label: view.Say("channels.body_sign"), Text: view.Say("channels.on")},
		{Label: view.Say("channels.kit_key"), Text: view.Say("channels.aksk_none")}, {Label: view.Say("channels.updated"), Time: ago(3 * time.Hour)}}
	return p
}

func (k look) keyPage() view.ChannelKeyPage {
	return view.ChannelKeyPage{Shell: k.shell(view.RoomChannels, "/channels/default/keys/basic"), Slug: "default", Back: "/channels/default",
		Cell: k.keyCells("default")[0], Save: k.may(staff.ChannelsWrite, "/channels/default/keys/basic"), Key: view.Field{Name: "key"},
		Warnings: []view.Warned{warnedOf("key_in_use")}, EndsNow: []view.Warned{warnedOf("key_ends_now"), warnedOf("overlap_in_use")}, Confirm: true}
}

func channelSamples(op, ro look) []Sample {
	op.role = staff.Admin // who else changes keys
	list := view.ChannelsPage{Shell: op.shell(view.RoomChannels, "/channels"), Channels: []view.ChannelRow{op.channel("default"), op.channel("welink")},
		Add: op.may(staff.ChannelsWrite, "/channels"), Prefix: "https://koodesk.seller.example.com/koogallery/", Slug: view.Field{Name: "slug"}, Site: "cn",
		Sites: []string{"cn", "intl", "eu"}}
	list.Channels[1].Site, list.Channels[1].OpenAPI, list.Channels[1].Keys = "intl", "", []view.KeyCell{{Class: "basic"}, {Class: "kit"}, {Class: "license"}, {Class: "general"}}
	empty, again := list, list
	empty.Channels = nil
	again.Slug = view.Field{Name: "slug", Value: "Default", Wrong: view.Say("fault.channel.bad_slug.what")}
	again.Fault = &fault.Record{Code: fault.Invalid, Key: "channel.bad_site"}
	reader := ro.channelPage()
	reader.Theme, reader.Channel.OpenAPI, reader.NoAKSK = "dark", "", true
	unsure := op.channelPage()
	unsure.Form.Open, unsure.Form.Encrypt, unsure.Form.BodySign = true, 2, false
	unsure.Form.Warnings = []view.Warned{warnedOf("encrypt_type_changes"), warnedOf("body_sign_ends"), warnedOf("site_changes")}
	unsure.Form.OpenAPI = view.Field{Name: "open_api_url", Value: "http://mkt.example.com", Wrong: view.Say("fault.channel.bad_site.what")}
	unsure.Secrets.SK.Wrong = view.Say("fault.channel.aksk_pair.what")
	first, twin := op.keyPage(), op.keyPage()
	first.Cell, first.Warnings, first.EndsNow, first.Confirm = view.KeyCell{Class: "kit"}, nil, nil, false
	twin.End, twin.More, twin.Theme = true, []view.Warned{warnedOf("key_twin")}, "dark"
	twin.Key.Wrong, twin.Wrong = view.Say("channels.type_again"), view.Say("channels.confirm_needed")
	unused := op.keyPage()
	unused.Warnings, unused.EndsNow, unused.Confirm = nil, nil, false
	return []Sample{{"channels-full", view.PageChannels, list}, {"channels-empty", view.PageChannels, empty}, {"channels-again", view.PageChannels, again},
		{"channel", view.PageChannel, op.channelPage()}, {"channel-reader", view.PageChannel, reader}, {"channel-unsure", view.PageChannel, unsure},
		{"channel-key", view.PageChannelKey, op.keyPage()}, {"channel-key-first", view.PageChannelKey, first}, {"channel-key-twin", view.PageChannelKey, twin},
		{"channel-key-unused", view.PageChannelKey, unused}}
}
