package provision_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/provision/manual"
	"koodesk/app/provision/nothing"
	"koodesk/app/provision/pool"
	"koodesk/app/provision/static"
	hook "koodesk/app/provision/webhook"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

var writeDrivers = flag.Bool("write-drivers", false, "write docs/drivers.md from the table")

const driversDocument = "../../docs/drivers.md"

// moments are what comes after the purchase, in the order of the columns.
var moments = []string{"upgradeInstance", "changeInstanceCheck", "FREEZE, expireInstance", "UNFREEZE", "UNSUBSCRIBE_RENEWAL_PERIOD", "releaseInstance"}

// conduct is what each driver does then. waits, ends and leaves are held against
// the drivers themselves.
var conduct = []struct {
	name   string
	driver provision.Driver
	waits  bool // an upgrade waits for a person
	ends   bool // lets go at the release what it holds
	leaves bool // a release leaves something for a person
	cells  [6]string
}{
	{static.Name, static.Driver{}, false, false, false, [6]string{
		"addresses and memo are written anew, user name and password stay; what another driver or a person made stands on the work list",
		"000005 if the templates give data that does not fit", "nothing", "nothing", "nothing", "nothing"}},
	{pool.Name, pool.Driver{}, false, true, false, [6]string{
		"an account of the product's own pool stays; what else the customer has stands on the work list", "always possible", "the account stays with the instance", "the account stays", "the account stays",
		"the account is retired or returned to its pool, as the product says"}},
	{hook.Name, hook.Driver{}, false, false, false, [6]string{
		"`instance.upgraded`; the answer may have new access data", "possible if address and secret are set and allowed; then `instance.check_change`",
		"`instance.frozen`", "`instance.unfrozen`", "`instance.renewed` with this scene and the earlier date", "`instance.released`"}},
	{manual.Name, manual.Driver{}, true, false, true, [6]string{
		"stands on the work list until somebody has done it", "always possible", "**nobody is asked: the customer goes on using it until somebody stops it**",
		"nobody is asked", "nobody is asked", "shown as left over until somebody says that it is gone"}},
	{nothing.Name, nothing.Driver{}, true, false, false, [6]string{
		"access data that something else made stands on the work list", "always possible", "nothing", "nothing", "nothing", "nothing"}},
}

func TestWhatEachDriverDoesIsAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	access := provision.Access{FrontEndURL: "https://crm.example.com/1", UserName: "ann"}
	for _, c := range conduct {
		_, ends := c.driver.(provision.Releaser)
		require.Equal(t, c.ends, ends, c.name)
		leaver, leaves := c.driver.(provision.Leaver)
		require.Equal(t, c.leaves, leaves && leaver.Leaves(provision.Request{Access: access}), c.name)
		switch c.name {
		case hook.Name: // which calls: its events have tests of their own
			continue
		case pool.Name:
			c.driver = pool.Driver{Store: storetest.Open(t)}
		}
		settings := store.ProductSettings{FrontEndURL: "https://crm.example.com/{linear_value}", UserName: "bob"}
		r := provision.Request{Access: access, MadeBy: c.name, Product: market.ProductInfo{LinearValue: 2}, Settings: settings}
		got, err := c.driver.Change(t.Context(), r)
		require.NoError(t, err, c.name)
		require.Equal(t, c.waits, got.Waiting, c.name)
		want := access
		if c.name == static.Name {
			want.FrontEndURL = "https://crm.example.com/2"
		}
		if !c.waits {
			require.Equal(t, want, got.Access, c.name)
		}
		r.MadeBy, r.Settings.Pool = "another", "another"
		got, err = c.driver.Change(t.Context(), r)
		require.NoError(t, err, c.name)
		require.True(t, got.Waiting, "what it did not make is a person's: %s", c.name)
		r.MadeBy = c.name
		require.NoError(t, c.driver.CanChange(t.Context(), r, []market.ProductInfo{r.Product}), c.name)
		r.Settings.FrontEndURL = "https://crm.example.com/" + strings.Repeat("x", 3000)
		require.Equal(t, c.name == static.Name, c.driver.CanChange(t.Context(), r, []market.ProductInfo{r.Product}) != nil, c.name)
	}
}

func TestTheDocumentOfDriversIsWrittenFromTheTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`# What each driver does after the purchase

Written from the table in ` + "`app/provision/drivers_doc_test.go`" + `, which a test holds against the drivers. The answer to the
marketplace is that of [the life cycle](lifecycle.md) whatever the driver does; a status is kept, shown and told to event
subscriptions ([webhooks.md](webhooks.md)) with every driver.

A FREEZE stops nobody by itself: the customer has the access data, and ` + "`queryInstance`" + ` goes on showing it. With the drivers
static, pool and manual, stop the use in the product: subscribe to ` + "`instance.frozen`" + ` and ` + "`instance.unfrozen`" + `, or look at
[the list of frozen instances](api.md#instances).

When a product's entry is given another driver, the seller's product goes on hearing of the renewal, freeze and release of the
instances that it was asked to make, as long as the entry has its address and secret. An instance that it does not hear of any
more stands among the left-overs.

`)
	b.WriteString("| driver | " + strings.Join(moments, " | ") + " |\n|" + strings.Repeat(" --- |", len(moments)+1) + "\n")
	for _, c := range conduct {
		fmt.Fprintf(&b, "| `%s` | %s |\n", c.name, strings.Join(c.cells[:], " | "))
	}
	if *writeDrivers {
		require.NoError(t, os.WriteFile(driversDocument, []byte(b.String()), 0o644))
	}
	got, err := os.ReadFile(driversDocument)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(got), "write it anew: go test ./app/provision -run DocumentOfDrivers -write-drivers")
}
