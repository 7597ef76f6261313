package view

import (
	"koodesk/app/i18n"
	"koodesk/app/staff"
)

// Room is a place in the navigation.
type Room string

// The rooms.
const (
	RoomHome         Room = "home"
	RoomMessages     Room = "messages"
	RoomFailures     Room = "failures"
	RoomInstances    Room = "instances"
	RoomProvisioning Room = "provisioning"
	RoomCalendar     Room = "calendar"
	RoomDeliveries   Room = "deliveries"
	RoomTasks        Room = "tasks"
	RoomEvents       Room = "events"
	RoomOrders       Room = "orders"
	RoomLicenses     Room = "licenses"
	RoomLicenseCodes Room = "license_codes"
	RoomReconcile    Room = "reconcile"
	RoomLeftovers    Room = "leftovers"
	RoomStuck        Room = "stuck"
	RoomPools        Room = "pools"
	RoomRestarts     Room = "restarts"
	RoomSelfCheck    Room = "selfcheck"
	RoomChannels     Room = "channels"
	RoomListing      Room = "listing"
	RoomAlerts       Room = "alerts"
	RoomTemplates    Room = "templates"
	RoomProducts     Room = "products"
	RoomAccount      Room = "account" // not in the navigation: it hangs on the person
)

// room is one line of the navigation: where it leads, what it looks like, who
// may enter and the letter that follows g.
type room struct {
	Room  Room
	Path  string
	Icon  string
	Key   string
	Group string // translation key below nav.group; "" is the first, without a heading
	Needs staff.Permission
}

// rooms is the navigation in its order. A new room is a line here, an icon in
// the sprite and the keys nav.<room> in the catalogues. On a phone the first
// ones stand below, the rest in a drawer.
var rooms = []room{
	{RoomHome, "/", "bell", "h", "", staff.SignedIn},
	{RoomMessages, "/messages", "messages", "m", "", staff.MessagesRead},
	{RoomFailures, "/failures", "failed", "f", "", staff.FailuresRead},
	{RoomInstances, "/instances", "instances", "i", "", staff.InstancesRead},
	{RoomProvisioning, "/provisioning", "provision", "p", "", staff.InstancesRead},
	{RoomCalendar, "/calendar", "clock", "x", "", staff.InstancesRead},
	{RoomDeliveries, "/deliveries", "deliveries", "d", "", staff.DeliveriesRead},
	{RoomOrders, "/orders", "order", "o", "", staff.OrdersRead},
	{RoomLicenses, "/licenses", "upgrade", "n", "", staff.LicensesRead},
	{RoomLicenseCodes, "/license-codes", "lock", "c", "", staff.LicenseCodesRead},
	{RoomPools, "/pools", "empty", "a", "", staff.PoolsRead},
	{RoomReconcile, "/reconcile", "reconcile", "r", "system", staff.ReconcileRead},
	{RoomLeftovers, "/leftovers", "released", "e", "system", staff.LeftoversRead},
	{RoomStuck, "/stuck", "pending", "s", "system", staff.StuckRead},
	{RoomRestarts, "/restarts", "restart", "b", "system", staff.MessagesRead},
	{RoomEvents, "/events", "external", "w", "system", staff.EventsRead},
	{RoomTasks, "/tasks", "tasks", "t", "system", staff.TasksRead},
	{RoomListing, "/listing", "active", "l", "system", staff.ListingRead},
	{RoomAlerts, "/alerts", "alert", "v", "system", staff.AlertsRead},
	{RoomProducts, "/products", "order", "u", "system", staff.ProductsRead},
	{RoomTemplates, "/templates", "edit", "z", "system", staff.ProductsRead},
	{RoomChannels, "/channels", "settings", "y", "system", staff.ChannelsRead},
	{RoomSelfCheck, "/self-check", "check", "k", "system", staff.SelfCheckRead},
}

// waits are the lists of what the numbers in the navigation count: of some rooms all that
// they have.
var waits = map[Room]string{
	RoomMessages:     "/messages?quarantined=1",
	RoomFailures:     "/failures?status=waiting",
	RoomProvisioning: "/provisioning",
	RoomDeliveries:   "/deliveries?status=waiting",
	RoomLicenses:     "/licenses?status=waiting",
	RoomReconcile:    "/reconcile?status=open",
	RoomLeftovers:    "/leftovers?status=open",
	RoomStuck:        "/stuck",
	RoomEvents:       "/events?status=waiting",
}

// Waits is the list of just what waits for a person in a room; "" if nothing ever does.
func Waits(r Room) string { return waits[r] }

// NavItem is one line of the navigation as the reader sees it.
type NavItem struct {
	Room   Room
	Path   string
	Icon   string
	Key    string
	Count  int    // what waits for a person; 0 shows no badge
	Waits  string // the list of that; "" without a number
	Active bool
}

// NavGroup is the lines under one heading.
type NavGroup struct {
	Name  string // translation key below nav.group; "" has no heading
	Items []NavItem
}

// Operator is who is reading.
type Operator struct {
	Name  string // the part before the @ if there is no other
	Email string
	Role  staff.Role
}

// SignedIn tells whether somebody is logged in.
func (o Operator) SignedIn() bool { return o.Email != "" }

// Themes are what the reader may choose; the first is the default.
var Themes = []string{"auto", "light", "dark"}

// Banner is something that is true of the whole installation and matters on
// every page, e.g. that no mail leaves the machine.
type Banner struct {
	Tone string // "warn" or "info"
	Text Text
	URL  string // where to read or do more; may be empty
	Link Text
}

// Flash says once, on the next page, what the last act did.
type Flash struct {
	Tone string // "ok", "bad", "warn", "info"
	Text Text
}

// Shell is what every page has around its content. Every page struct embeds it.
type Shell struct {
	Room     Room
	Operator Operator
	CSRF     string // token for forms and htmx requests
	Locale   i18n.Locale
	Theme    string // one of Themes
	Clock    Clock
	Here     string // this page's own address with its query, to come back to
	Search   string // what the global search found this page with
	Banners  []Banner
	Flash    *Flash
	Counts   map[Room]int // what waits for a person, by room
	Version  string       // of the program; "" shows none
}

// May tells whether the reader may do something.
func (s Shell) May(p staff.Permission) bool { return s.Operator.Role.May(p) }

// ReadOnly tells whether the reader may look but change nothing.
func (s Shell) ReadOnly() bool { return s.Operator.Role == staff.Viewer }

// Nav is the navigation for this reader, in groups.
func (s Shell) Nav() []NavGroup {
	var groups []NavGroup
	for _, r := range rooms {
		if !s.May(r.Needs) {
			continue
		}
		if n := len(groups); n == 0 || groups[n-1].Name != r.Group {
			groups = append(groups, NavGroup{Name: r.Group})
		}
		g := &groups[len(groups)-1]
		item := NavItem{Room: r.Room, Path: r.Path, Icon: r.Icon, Key: r.Key, Count: s.Counts[r.Room], Active: s.Room == r.Room}
		if item.Count > 0 {
			item.Waits = Waits(r.Room)
		}
		g.Items = append(g.Items, item)
	}
	return groups
}

// onPhone is how many rooms stand at the bottom of a phone beside the drawer.
const onPhone = 4

// Dock is the navigation at the bottom of a phone.
func (s Shell) Dock() []NavItem { return dockOf(s.items()) }

func dockOf(items []NavItem) []NavItem {
	if len(items) <= onPhone+1 {
		return items
	}
	return items[:onPhone]
}

// Drawer is what the dock of a phone has no room for.
func (s Shell) Drawer() []NavItem { return s.items()[len(s.Dock()):] }

func (s Shell) items() []NavItem {
	var items []NavItem
	for _, g := range s.Nav() {
		items = append(items, g.Items...)
	}
	return items
}

// Locales is what the language switch offers.
func (s Shell) Locales() []i18n.Locale { return i18n.Locales() }

// Themes is what the theme switch offers.
func (s Shell) Themes() []string { return Themes }

// DarkMedia is for which screens the dark colours count: the style sheet with
// them is linked under this media query, so that no script has to run first and
// no page flashes.
func (s Shell) DarkMedia() string {
	switch s.Theme {
	case "dark":
		return "all"
	case "light":
		return "not all"
	}
	return "(prefers-color-scheme: dark)"
}
