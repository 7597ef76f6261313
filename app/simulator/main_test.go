package simulator

import (
	"bytes"
	"encoding/json"
	"flag"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

func command(t *testing.T, stdin string, args ...string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	status := Main(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

func TestBadUsage(t *testing.T) {
	t.Parallel()
	good := []string{"--url", "http://127.0.0.1:1/x", "--key", "k"}
	with := func(args ...string) []string { return append(append([]string{}, good...), args...) }
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"nothing", nil, "what to play?"},
		{"two activities", with("newInstance", "queryInstance"), `what is "queryInstance"?`},
		{"unknown activity", with("buyInstance"), `unknown activity "buyInstance"; one of changeInstanceCheck`},
		{"unknown flag", with("newInstance", "--tets"), "unknown flag --tets"},
		{"flag of another command", with("newInstance", "--buyer-email", "a@b.c"), "a call has no flag --buyer-email"},
		{"flag without value", []string{"newInstance", "--url"}, "flag --url needs a value"},
		{"no address", []string{"newInstance", "--key", "k"}, "--url is missing"},
		{"no key", []string{"newInstance", "--url", "http://127.0.0.1:1/x"}, "--key is missing"},
		{"not an address", []string{"newInstance", "--url", "127.0.0.1:1", "--key", "k"}, "is not an http or https address"},
		{"unknown protocol", with("newInstance", "--protocol", "v9"), `--protocol "v9" is unknown`},
		{"an instance is needed", with("queryInstance"), "--field instanceId=…"},
		{"field without value", with("newInstance", "--field", "orderId"), "want name=value"},
		{"broken JSON", with("newInstance", "--field", "x:={"), "the value of x is not JSON"},
		{"tamper with what", with("newInstance", "--tamper", "header"), "one of body, query, signature"},
		{"both pairs", with("newInstance", "--replay", "--duplicate"), "choose one"},
		{"no repeats", with("newInstance", "--repeat", "0"), "--repeat must be at least 1"},
		{"not a number", with("newInstance", "--repeat", "x"), "invalid value"},
		{"market without credentials", []string{"market"}, "--ak is missing"},
		{"market without secret", []string{"market", "--ak", "a"}, "--sk is missing"},
		{"market on a bad address", []string{"market", "--ak", "a", "--sk", "b", "--addr", "127.0.0.1:99999"}, "--addr"},
		{"journey without waiting", with("journey", "--wait", "0s"), "must be more than 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, out, errs := command(t, "", c.args...)
			require.Equal(t, exitUsage, status)
			require.Empty(t, out)
			require.Contains(t, errs, c.says)
			require.Equal(t, 1, strings.Count(errs, "\n"), "one line")
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"--help": "-tamper part", "-h": "Exit status", "newInstance --help": "-field name=value",
		"journey --help": "-wait duration", "market -h": "-buyer-email address",
	} {
		status, out, errs := command(t, "", strings.Fields(args)...)
		require.Equal(t, exitGood, status, args)
		require.Contains(t, out, says, args)
		require.Empty(t, errs)
	}
}

func TestFlagsAgreeAcrossCommands(t *testing.T) {
	t.Parallel()
	kinds := map[string]bool{}
	for _, set := range []*flag.FlagSet{new(callFlags).set(), new(journeyFlags).set(), new(marketFlags).set()} {
		set.VisitAll(func(f *flag.Flag) {
			if before, seen := kinds[f.Name]; seen {
				require.Equal(t, before, isBool(f), f.Name)
			}
			kinds[f.Name] = isBool(f)
		})
	}
}

func TestFlagsBeforeAndAfterTheActivity(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	for _, args := range [][]string{
		{"newInstance", "--url", s.URL, "--key", testKey, "--test"},
		{"--test", "--url=" + s.URL, "newInstance", "-key", testKey},
		{"--test", "--url", s.URL, "--key", testKey, "newInstance"},
		{"--url", s.URL, "--key", testKey, "--test", "--", "newInstance"},
	} {
		status, out, errs := command(t, "", args...)
		require.Equal(t, exitGood, status, out+errs)
	}
	status, out, _ := command(t, testKey+"\nmore\n", "newInstance", "--url", s.URL, "--key", "-")
	require.Equal(t, exitGood, status, out)
	require.Len(t, s.seen, 5)
	require.True(t, s.seen[0].Test)
	require.False(t, s.seen[4].Test)
}

func TestOrderIDsLookReal(t *testing.T) {
	t.Parallel()
	g := NewIDs(testNow)
	seen := map[string]bool{}
	for range 20000 {
		id := g.OrderID()
		require.False(t, seen[id])
		seen[id] = true
	}
	require.Regexp(t, regexp.MustCompile(`^CS2611221315[0-9A-Z]{5}$`), g.OrderID())
	require.Regexp(t, regexp.MustCompile(`^[0-9A-F]{64}$`), nonce())
	require.NotEqual(t, nonce(), nonce())
}

func TestNewCallFillsWhatIsMandatory(t *testing.T) {
	t.Parallel()
	g := NewIDs(testNow)
	mandatory := map[string]string{ // the M rows of each interface's table
		market.NewInstance:          "activity businessId orderId orderLineId",
		market.QueryInstance:        "activity instanceId",
		market.RefreshInstance:      "activity expireTime instanceId orderId orderLineId scene",
		market.UpdateInstanceStatus: "activity instanceId status",
		market.ReleaseInstance:      "activity instanceId",
		market.UpgradeInstance:      "activity instanceId orderId orderLineId",
		market.ChangeInstanceCheck:  "activity instanceId productInfo",
	}
	require.Len(t, mandatory, len(activities))
	for name, fields := range mandatory {
		f, err := NewCall(name, Fields{"instanceId": "I"}, nil, false, g)
		require.NoError(t, err)
		if name == market.NewInstance {
			delete(f, "instanceId")
		}
		require.Len(t, f, len(strings.Fields(fields)), name)
		body, err := f.JSON()
		require.NoError(t, err)
		last := -1
		for _, field := range strings.Fields(fields) { // ascending, as the samples are
			at := bytes.Index(body, []byte(`"`+field+`":`))
			require.Greater(t, at, last, "%s in %s", field, body)
			last = at
		}
	}
}

func TestNewCallTakesFieldsByHand(t *testing.T) {
	t.Parallel()
	g := NewIDs(testNow)
	f, err := NewCall(market.NewInstance, Fields{"orderId": "CS1", "memo": "<a>&测试"}, []string{"businessId"}, false, g)
	require.NoError(t, err)
	body, err := f.JSON()
	require.NoError(t, err)
	require.Equal(t, `{"activity":"newInstance","memo":"<a>&测试","orderId":"CS1","orderLineId":"CS1-000001"}`, string(body))

	test, err := NewCall(market.UpgradeInstance, nil, nil, true, g)
	require.NoError(t, err)
	require.Equal(t, "MOCKMONTYCHANGE-000001", test["orderLineId"])
	require.Equal(t, "1", test["testFlag"])
	require.NotEmpty(t, test["instanceId"])

	none, err := NewCall(market.QueryInstance, nil, []string{"instanceId"}, false, g)
	require.NoError(t, err, "left out on purpose")
	require.NotContains(t, none, "instanceId")

	renewal, err := NewCall(market.RefreshInstance, Fields{"instanceId": "I"}, nil, false, g)
	require.NoError(t, err)
	require.Equal(t, "20271122051500000", renewal["expireTime"])

	check, err := NewCall(market.ChangeInstanceCheck, Fields{"instanceId": "I"}, nil, false, g)
	require.NoError(t, err)
	var products []productDoc
	require.NoError(t, json.Unmarshal(check["productInfo"].(json.RawMessage), &products))
	require.Equal(t, defaultProduct.ProductID, products[0].ProductID)
}
