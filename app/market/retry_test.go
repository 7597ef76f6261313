package market_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
)

var writeRetries = flag.Bool("write-retries", false, "write docs/retries.md from the table")

const retriesDocument = "../../docs/retries.md"

func TestEveryInterfaceHasItsRetryRuleWithASource(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	of := map[string]bool{}
	for _, r := range market.RetryRules() {
		name := string(r.Protocol) + "/" + r.Activity
		require.False(t, seen[name], "%s twice", name)
		seen[name], of[r.Activity] = true, true
		require.Contains(t, market.Activities(), r.Activity)
		require.NotEmpty(t, r.Pages.String(), name)
		require.False(t, r.Once && r.Window > 0, name)
		require.LessOrEqual(t, r.Every, r.Window, name)
		require.Equal(t, r.Window > 0 || r.Once, r.Restartable(), "%s: what is called again can be restarted there", name)
		for _, s := range sites {
			doubts := r.DoubtsAt(s)
			require.False(t, slices.Contains(doubts, market.DoubtInterval) && r.Every == 0, name)
			require.False(t, slices.Contains(doubts, market.DoubtWindow) && r.Window == 0 && !r.Once, name)
			if r.Window > 0 && (r.Fragments || r.Pages[s] == "") {
				require.Contains(t, doubts, market.DoubtWindow, "%s on %s: no page says it", name, s)
			}
		}
		require.Equal(t, r, market.RetryOf(r.Protocol, r.Activity))
	}
	for _, a := range market.Activities() {
		require.True(t, of[a], "no rule for %s", a)
	}
	require.Equal(t, market.Unpublished, market.RetryOf(market.V2, "later").Then)
	require.Equal(t, 60, market.RetryOf(market.LicenseCode, market.RefreshLicenseCode).Times())
	require.Equal(t, 1, market.RetryOf(market.LicenseV1, market.RefreshLicense).Times())
	require.Zero(t, market.RetryOf(market.OrderNotice, market.OrderNotify).Times())
}

var sites = []market.Site{market.SiteCN, market.SiteIntl, market.SiteEU}

func TestDoubtsAreThoseOfTheSite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p        market.Protocol
		activity string
		site     market.Site
		evidence market.Evidence
		doubts   []market.Doubt
	}{
		{market.V2, market.NewInstance, market.SiteCN, market.OfFragment, []market.Doubt{market.DoubtWindow, market.DoubtInterval, market.DoubtAfter}},
		{market.V2, market.UpdateInstanceStatus, market.SiteCN, market.OfFragment, []market.Doubt{market.DoubtWindow, market.DoubtAfter}},
		{market.V2, market.UpdateInstanceStatus, market.SiteEU, market.OtherSite, []market.Doubt{market.DoubtWindow, market.DoubtAfter}},
		{market.V2, market.QueryInstance, market.SiteEU, market.OwnPage, nil},
		{market.V1, market.RefreshInstance, market.SiteCN, market.OwnPage, []market.Doubt{market.DoubtWindow}},
		{market.V1, market.ExpireInstance, market.SiteIntl, market.OwnPage, []market.Doubt{market.DoubtWindow}},
		{market.V1, market.ReleaseInstance, market.SiteEU, market.OtherSite, []market.Doubt{market.DoubtWindow, market.DoubtAfter}},
		{market.V1, market.NewInstance, market.SiteIntl, market.OwnPage, []market.Doubt{market.DoubtInterval}},
		{market.OrderNotice, market.OrderNotify, market.SiteCN, market.OwnPage, nil},
		{market.OrderNotice, market.OrderNotify, market.SiteIntl, market.OtherSite, []market.Doubt{market.DoubtWindow, market.DoubtAfter}},
		{market.LicenseV1, market.RefreshLicense, market.SiteIntl, market.OtherSite, []market.Doubt{market.DoubtWindow, market.DoubtAfter}},
	} {
		r := market.RetryOf(c.p, c.activity)
		require.Equal(t, c.evidence, r.EvidenceFor(c.site), "%v", c)
		require.Equal(t, c.doubts, r.DoubtsAt(c.site), "%v", c)
		clock, ok := market.ReadClock(market.Standing{Protocol: c.p, Activity: c.activity, Site: c.site, Until: at.Add(time.Hour), Failing: true}, at)
		require.True(t, ok)
		require.Equal(t, c.doubts, clock.Doubts)
	}
	require.Equal(t, "CN 0070649182, saascenter_usermanual_0134; intl 0070649056", market.RetryOf(market.V1, market.ReleaseInstance).Pages.String())
}

func TestWhereTheSellerMayWriteInstead(t *testing.T) {
	t.Parallel()
	require.Equal(t, "partner@huaweicloud.com", market.SiteCN.RestartMail(market.V1, market.ExpireInstance))
	require.Equal(t, "partner@huaweicloud.com", market.SiteCN.RestartMail(market.LicenseV1, market.ReleaseLicense))
	require.Empty(t, market.SiteIntl.RestartMail(market.V1, market.ExpireInstance))
	require.Empty(t, market.SiteCN.RestartMail(market.V1, market.NewInstance))
	require.Empty(t, market.SiteCN.RestartMail(market.V2, market.RefreshInstance))
}

// No page tells whether a call by hand begins retries anew: nobody is told to wait
// for them.
func TestASecondWindowIsNotReliedOn(t *testing.T) {
	t.Parallel()
	first, until := at.Add(-20*time.Hour), at.Add(time.Hour)
	for want, s := range map[market.Remedy]market.Standing{
		market.RestartBoth:   {Answered: market.OtherError, Failing: true},
		market.MendThenThere: {Answered: market.AuthFailed, Failing: true, Refused: true},
		market.DoneThenThere: {Answered: market.Processing, Working: true},
		market.RestartThere:  {Answered: market.OtherError},
	} {
		s.Protocol, s.Activity, s.Site, s.First, s.Until = market.LicenseCode, market.RefreshLicenseCode, market.SiteCN, first, until
		c, ok := market.ReadClock(s, at)
		require.True(t, ok)
		require.Equal(t, market.Calling, c.Progress)
		require.True(t, c.Again)
		require.Equal(t, want, c.Remedy)
		require.Equal(t, []market.Doubt{market.DoubtWindow}, c.Doubts)
		s.First = until.Add(-2 * time.Hour)
		c, ok = market.ReadClock(s, at)
		require.True(t, ok)
		require.False(t, c.Again)
		require.Empty(t, c.Doubts)
		require.False(t, c.Remedy.There())
	}
}

func TestRestartPageInTheSitesOwnWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		site     market.Site
		p        market.Protocol
		activity string
		want     string
		sure     bool
	}{
		{market.SiteCN, market.V2, market.NewInstance, "卖家中心 > 生产接口消息 > 重新启动", true},
		{market.SiteIntl, market.V2, market.NewInstance, "Application Tools > Service Interface Messages > Restart Debugging", true},
		{market.SiteIntl, market.V1, market.NewInstance, "Transaction Management > Service Interface Messages > Restart Debugging", true},
		{market.SiteIntl, market.V1, market.ExpireInstance, "Application Tools > Service Interface Messages > Restart Debugging", true},
		{market.SiteEU, market.V2, market.ReleaseInstance, "Application Tools > Service Interface Messages > Restart Debugging", false},
	} {
		path, sure := c.site.RestartPath(c.p, c.activity)
		require.Equal(t, c.want, strings.Join(path, " > "))
		there := c.want
		if !c.sure {
			there += fault.Unsure
		}
		require.Equal(t, there, c.site.RestartThere(c.p, c.activity))
		require.Equal(t, c.sure, sure)
	}
}

func TestTheClockOfAMessage(t *testing.T) {
	t.Parallel()
	now := at
	in, over := now.Add(40*time.Minute), now.Add(-time.Minute)
	for _, c := range []struct {
		name string
		s    market.Standing
		want market.Progress
		do   market.Remedy
		next time.Duration // from now; 0: none
	}{
		{"failing in its window", market.Standing{Protocol: market.V2, Activity: market.NewInstance, Until: in, Called: now.Add(-20 * time.Minute), Answered: market.Processing, Failing: true},
			market.Calling, market.RestartHere, 40 * time.Minute},
		{"a call that did not come is not expected in the past", market.Standing{Protocol: market.LicenseCode, Activity: market.RefreshLicenseCode, Until: in, Called: now.Add(-7 * time.Minute), Answered: market.InvalidParameter, Failing: true},
			market.Calling, market.RestartHere, time.Minute},
		{"due this very moment", market.Standing{Protocol: market.LicenseCode, Activity: market.RefreshLicenseCode, Until: in, Called: now.Add(-2 * time.Minute), Answered: market.InvalidParameter, Failing: true},
			market.Calling, market.RestartHere, 2 * time.Minute},
		{"the next would be after the end", market.Standing{Protocol: market.V1, Activity: market.Upgrade, Until: in, Called: now.Add(-10 * time.Minute), Answered: market.InvalidParameter, Failing: true},
			market.Calling, market.RestartHere, 0},
		{"no interval is published", market.Standing{Protocol: market.V2, Activity: market.RefreshInstance, Until: in, Called: now, Answered: market.InvalidParameter, Failing: true},
			market.Calling, market.RestartHere, 0},
		{"over", market.Standing{Protocol: market.V2, Activity: market.NewInstance, Until: over, Called: over.Add(-time.Hour), Answered: market.Processing, Failing: true},
			market.CallsEnded, market.RestartBoth, 0},
		{"over at its very end", market.Standing{Protocol: market.V2, Activity: market.NewInstance, Until: now, Called: over, Answered: market.Processing, Failing: true},
			market.CallsEnded, market.RestartBoth, 0},
		{"at work, and nothing has failed", market.Standing{Protocol: market.V2, Activity: market.NewInstance, Until: in, Called: now.Add(-20 * time.Minute), Answered: market.Processing, Working: true},
			market.Calling, market.GetDone, 40 * time.Minute},
		{"at work for too long", market.Standing{Protocol: market.V2, Activity: market.NewInstance, Until: over, Answered: market.Processing, Working: true},
			market.CallsEnded, market.DoneThenThere, 0},
		{"told success", market.Standing{Protocol: market.V1, Activity: market.NewInstance, Answered: market.Success, Failing: true},
			market.Satisfied, market.RestartHere, 0},
		{"refused, in its window", market.Standing{Protocol: market.V2, Activity: market.NewInstance, Until: in, Called: now.Add(-20 * time.Minute), Answered: market.AuthFailed, Failing: true, Refused: true},
			market.Calling, market.MendAndWait, 40 * time.Minute},
		{"refused, over", market.Standing{Protocol: market.V2, Activity: market.NewInstance, Until: over, Answered: market.AuthFailed, Failing: true, Refused: true},
			market.CallsEnded, market.MendThenThere, 0},
		{"called once", market.Standing{Protocol: market.LicenseV1, Activity: market.RefreshLicense, Answered: market.InvalidParameter, Failing: true},
			market.CallsEnded, market.RestartBoth, 0},
		{"nothing published", market.Standing{Protocol: market.License, Activity: market.GetLicenseAsync, Answered: market.InvalidParameter, Failing: true},
			market.CallUnknown, market.NotPublished, 0},
		{"polled", market.Standing{Protocol: market.V2, Activity: market.QueryInstance, Answered: market.InvalidParameter, Failing: true},
			market.CallUnknown, market.RestartHere, 0},
		{"the kit", market.Standing{Protocol: market.KitV2, Activity: "tenantSync", Answered: market.AuthFailed, Failing: true, Refused: true},
			market.CallUnknown, market.OthersDecide, 0},
		{"right here, the next call collects it", market.Standing{Protocol: market.V2, Activity: market.RefreshInstance, Until: in, Answered: market.InvalidParameter, Done: now},
			market.Calling, market.JustWait, 0},
		{"right here, but nobody will ask", market.Standing{Protocol: market.V2, Activity: market.RefreshInstance, Until: over, Answered: market.InvalidParameter, Done: now},
			market.CallsEnded, market.RestartThere, 0},
		{"finished after its time", market.Standing{Protocol: market.V2, Activity: market.NewInstance, Until: over, Answered: market.Processing, Done: now},
			market.CallsEnded, market.RestartThere, 0},
	} {
		got, ok := market.ReadClock(c.s, now)
		require.True(t, ok, c.name)
		require.Equal(t, c.want, got.Progress, c.name)
		require.Equal(t, c.do, got.Remedy, c.name)
		if c.next == 0 {
			require.Zero(t, got.Next, c.name)
		} else {
			require.Equal(t, c.next, got.Next.Sub(now), c.name)
		}
		if !got.Until.IsZero() {
			require.Equal(t, market.RetryWindow(c.s.Protocol, c.s.Activity), got.Until.Sub(got.From), c.name)
			require.Equal(t, max(0, c.s.Until.Sub(now)), got.Left(now), c.name)
		} else {
			require.Zero(t, got.Left(now), c.name)
		}
	}
}

func TestNothingIsToldOfWhatIsRightOnBothSides(t *testing.T) {
	t.Parallel()
	over := at.Add(-time.Minute)
	for name, s := range map[string]market.Standing{
		"answered with success":         {Protocol: market.V2, Activity: market.RefreshInstance, Until: over, Answered: market.Success, Done: at},
		"finished while it still asked": {Protocol: market.V2, Activity: market.NewInstance, Until: over, Answered: market.Processing, Done: over.Add(-time.Hour)},
		"finished, still asked":         {Protocol: market.V2, Activity: market.NewInstance, Until: at.Add(time.Hour), Answered: market.Processing, Done: at},
		"told success, at work":         {Protocol: market.V2, Activity: market.RefreshInstance, Until: at.Add(time.Hour), Answered: market.Success, Working: true},
		"at work, no time runs":         {Protocol: market.V2, Activity: market.QueryInstance, Answered: market.Processing, Working: true},
		"never called by it":            {Protocol: market.V2, Activity: market.RefreshInstance, Until: over, Done: at},
		"nothing published":             {Protocol: market.V1, Activity: market.ChangeInstanceStatus, Answered: market.InvalidParameter, Done: at},
	} {
		_, ok := market.ReadClock(s, at)
		require.False(t, ok, name)
	}
}

func TestAlarmsOfAWindow(t *testing.T) {
	t.Parallel()
	moments := func(window time.Duration) (out []string) {
		for _, a := range market.Alarms(at, at.Add(window)) {
			out = append(out, a.Name+" "+a.At.Sub(at).String())
		}
		return out
	}
	require.Equal(t, []string{"half 1h30m0s", "last 2h45m0s"}, moments(3*time.Hour))
	require.Equal(t, []string{"half 30m0s", "last 45m0s"}, moments(time.Hour))
	require.Equal(t, []string{"last 15m0s"}, moments(30*time.Minute))
	require.Equal(t, []string{"last 5m0s"}, moments(20*time.Minute))
	require.Equal(t, []string{"half 5m0s"}, moments(10*time.Minute))
	require.Empty(t, moments(0))
	require.Empty(t, moments(-time.Minute))

	due := func(after time.Duration) string {
		a, ok := market.AlarmDue(at, at.Add(time.Hour), at.Add(after))
		require.Equal(t, ok, a.Name != "")
		return a.Name
	}
	for after, want := range map[time.Duration]string{0: "", 30*time.Minute - 1: "", 30 * time.Minute: "half", 45*time.Minute - 1: "half",
		45 * time.Minute: "last", time.Hour - 1: "last", time.Hour: "", 2 * time.Hour: ""} {
		require.Equal(t, want, due(after), after)
	}
}

func TestTheRetryDocumentIsWrittenFromTheTable(t *testing.T) {
	t.Parallel()
	want := retryDocument()
	if *writeRetries {
		require.NoError(t, os.WriteFile(retriesDocument, []byte(want), 0o644))
	}
	got, err := os.ReadFile(retriesDocument)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "write it anew: go test ./app/market -run Document -write-retries")
}

func retryDocument() string {
	var b strings.Builder
	b.WriteString(`# What KooGallery does about a call that fails

Written from the table in ` + "`app/market/retry.go`" + `; a test holds both equal. Windows count from the first call. "?" marks what
is unconfirmed on the Chinese site: pages contradict each other there, or it was seen in fragments only, which name no page
and are taken for the one that they fit; "–" is not published. On a site of which the column "source" names no page, nothing
is confirmed: another site's values are used, and the page of a message says so. The numbers are used to show people the
time that is left, never to refuse: any call may be repeated for ever.

| interface | calls again for | every | afterwards | source |
| --- | --- | --- | --- | --- |
`)
	for _, r := range market.RetryRules() {
		doubted := func(d market.Doubt) bool { return slices.Contains(r.DoubtsAt(market.SiteCN), d) }
		window, every := span(r.Window, doubted(market.DoubtWindow)), span(r.Every, doubted(market.DoubtInterval))
		if r.Once {
			window = "called once"
		}
		then := afterwards[r.Then]
		if doubted(market.DoubtAfter) {
			then += "?"
		}
		source := r.Pages.String()
		if r.Fragments {
			source = "fragments, taken for " + source
		}
		fmt.Fprintf(&b, "| %s %s | %s | %s | %s | %s |\n", r.Protocol, r.Activity, window, every, then, source)
	}
	b.WriteString(`
Afterwards:

- **unsubscribed**: the order has failed, is unsubscribed automatically and paid back; the seller has to contact the customer.
  More than 5 such orders of a product in a month: it is removed from the catalogue.
- **Restart**: nothing more happens until the seller presses Restart in the Seller Center.
- **stays open**: the order waits at 商家实施交付License; Restart, or delivery by hand in 服务监管.
- **polled**: asked until the instance's information is answered; interval and end are not published.
- **buyer**, **administrator**: they decide whether it is called again. A fragment speaks of 5 calls instead.

The pages of V1.0's renewal, expiry and release say 1 h; the copy of saascenter says that renewal and release are called
once, and its page of the expiry was not read.

A call that comes after the end (Restart was pressed, say) begins a second window of the same length, whatever the interface;
calls within a window never move its end. No page tells whether KooGallery goes on by itself after such a call: the message's
page says that it is unconfirmed, and nobody is told to wait for it. A purchase of V1.0 that was answered with success has no
window; if it is called within the first one and fails after all, that one goes on.

The interfaces for instances of an online License are V2.0's to the byte, but its own page gives them the times of the rows
"license". They count for messages of an instance whose order has told its product, if that product's entry here supplies
Licenses: from the moment that the order is known (then for what has come already, too), or from the call on. Until then
those of v2 count, and the page of a message says how long it is if it is a License. What had come before an upgrade from a
version of Koodesk that did not know these times keeps those of v2 if its order was known by then. upgradeInstance has no row
of its own.

## Which restart is enough

| KooGallery | failing here | right here, but answered with a failure last |
| --- | --- | --- |
| still calls | restart it here: the next call collects the result | wait for the next call |
| has stopped | restart it here, then press Restart there | press Restart there |
| was answered with success | restart it here | – |
| nothing published | restart it here; if it is not called again, press Restart there | – |

A call that was refused, or not understood, cannot be run again here, since nothing of it is believed: put the cause right,
and KooGallery's next call passes; when it has stopped, press Restart there. A second window counts as stopped.

Restart is, during and after the retries, in the site's own words:

`)
	for _, s := range sites {
		path, sure := s.RestartPath(market.V2, market.NewInstance)
		mark := ""
		if !sure {
			mark = " (unconfirmed: the words of the international site)"
		}
		fmt.Fprintf(&b, "- %s: %s%s\n", s, strings.Join(path, " > "), mark)
	}
	path, _ := market.SiteIntl.RestartPath(market.V1, market.NewInstance)
	fmt.Fprintf(&b, "- %s, %s of V1.0: %s\n", market.SiteIntl, market.NewInstance, strings.Join(path, " > "))
	fmt.Fprintf(&b, "\nFor renewal, expiry and release of V1.0 and renewal and release of License 1.0 the Chinese pages name another way: a mail to %s.\n",
		market.SiteCN.RestartMail(market.V1, market.ReleaseInstance))
	return b.String()
}

var afterwards = map[market.Afterwards]string{market.Unsubscribed: "unsubscribed", market.StaysFailed: "Restart", market.StaysOpen: "stays open",
	market.Polled: "polled", market.BuyerDecides: "buyer", market.AdminDecides: "administrator", market.Unpublished: "–"}

func span(d time.Duration, doubted bool) string {
	if d == 0 {
		return "–"
	}
	text := fmt.Sprintf("%g min", d.Minutes())
	if d >= time.Hour {
		text = fmt.Sprintf("%g h", d.Hours())
	}
	if doubted {
		text += "?"
	}
	return text
}
