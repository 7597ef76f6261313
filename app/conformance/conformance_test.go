package conformance

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTablesAreReadable(t *testing.T) {
	t.Parallel()
	guides, err := Load()
	require.NoError(t, err)
	interfaces, cases := 0, 0
	for _, g := range guides {
		for _, i := range g.Interfaces {
			interfaces++
			names := map[string]bool{}
			for _, c := range g.Cases(i) {
				cases++
				require.False(t, names[c.Name], "%s %s: two cases are called %q", g.ID, i.Name, c.Name)
				names[c.Name] = true
			}
		}
	}
	require.Equal(t, 27, interfaces)
	require.Greater(t, cases, 800)
}

func TestThePageIsUpToDate(t *testing.T) {
	t.Parallel()
	want, err := Document()
	require.NoError(t, err)
	got, err := os.ReadFile("../../docs/conformance.md")
	require.NoError(t, err)
	require.True(t, want == string(got), "docs/conformance.md is out of date: go generate ./app/conformance")
}

// The checker of answers must be able to find each thing.
func TestWhatIsWrongWithAnAnswerIsFound(t *testing.T) {
	t.Parallel()
	i := Interface{Answer: []Field{
		{Name: "resultCode", Need: "M", Length: 6, Values: []string{"000000", "000002"}}, {Name: "resultMsg", Need: "O", Length: 10},
		{Name: "instanceId", Need: "M", Length: 4}, {Name: "info", Need: "O"}, {Name: "info[].appInfo", Need: "O"}, {Name: "info[].appInfo.url", Need: "M", Length: 8},
	}}
	for body, want := range map[string]string{
		`{"resultCode":"000000","resultMsg":"ok","instanceId":"abcd"}`:                                       "",
		`{"resultCode":"000002","resultMsg":"no"}`:                                                           "",
		`{"resultCode":"000000","resultMsg":"ok"}`:                                                           "field instanceId is missing",
		`{"resultCode":"000000","instanceId":"a"}`:                                                           "field resultMsg is missing: the FAQ requires it",
		`{"resultMsg":"ok"}`:                                                                                 "field resultCode is missing",
		`{"resultCode":"000000","resultMsg":"ok","instanceId":"abcde"}`:                                      "field instanceId has 5 characters, at most 4 are allowed",
		`{"resultCode":"000000","resultMsg":"ok","instanceId":"` + `😀😀x` + `"}`:                              "field instanceId has 5 characters, at most 4 are allowed",
		`{"resultCode":"000009","resultMsg":"ok"}`:                                                           `field resultCode is "000009", must be one of 000000, 000002`,
		`{"resultCode":"000000","resultMsg":"ok","instanceId":"a","x":"y"}`:                                  "field x is not documented",
		`{"resultCode":"000000","resultMsg":"ok","instanceId":"a","x":{"y":"z"}}`:                            "field x is not documented",
		`{"resultCode":"000000","resultMsg":"ok","instanceId":7}`:                                            "field instanceId is no string",
		`{"resultCode":"000000","resultMsg":"ok","instanceId":"a","info":[{"appInfo":{}}]}`:                  "field info[].appInfo.url is missing",
		`{"resultCode":"000000","resultMsg":"ok","instanceId":"a","info":[{"appInfo":{"url":"123456789"}}]}`: "field info[].appInfo.url has 9 characters, at most 8 are allowed",
		`{"resultCode":"000000","resultMsg":"ok","instanceId":"云"}`:                                          "characters that are not printable ASCII",
		`{"resultCode":"000000","resultMsg":"ok","instanceId":"a","info":"x"}`:                               "field info is no object",
		`[]`: "the body is not one JSON object",
	} {
		if want == "" {
			require.Empty(t, i.Check([]byte(body)), body)
			continue
		}
		require.Contains(t, i.Check([]byte(body)), want, body)
	}
}

// A whole object that has to be there is missed, and only where the call is done:
// what is being processed has nothing to show yet, and a refusal never has.
func TestAWholeObjectThatIsMissingIsFound(t *testing.T) {
	t.Parallel()
	const head = `{"resultCode":"000000","resultMsg":"success.",`
	for _, c := range []struct{ guide, activity, body, want string }{
		{"v1", "newInstance", head + `"instanceId":"a"}`, "field appInfo is missing"},
		{"v1", "newInstance", head + `"instanceId":"a","appInfo":null}`, "field appInfo is missing"},
		{"v1", "newInstance", head + `"instanceId":"a","appInfo":{}}`, "field appInfo.frontEndUrl is missing"},
		{"v1", "newInstance", head + `"instanceId":"a","appInfo":"https://a.example"}`, "field appInfo is no object"},
		{"v1", "newInstance", `{"resultCode":"000004","resultMsg":"processing","instanceId":"a"}`, ""},
		{"v1", "newInstance", `{"resultCode":"000005","resultMsg":"no"}`, ""},
		{"v1", "queryInstance", head[:len(head)-1] + `}`, "field info is missing"},
		{"v1", "queryInstance", head + `"info":[]}`, "field info is empty"},
		{"v1", "queryInstance", head + `"info":[{"instanceId":"a"}]}`, ""},
		{"v2", "queryInstance", head[:len(head)-1] + `}`, "field info is missing"},
		{"v2", "queryInstance", head + `"info":[{}]}`, "field info[].instanceId is missing"},
		{"v2", "queryInstance", head + `"info":[{"instanceId":"a","usageInfo":[{"usageValue":1}]}]}`, "field info[].usageInfo[].statisticalTime is missing"},
		{"v2", "queryInstance", `{"resultCode":"000004","resultMsg":"processing"}`, ""},
	} {
		found := table(t, c.guide, c.activity).Check([]byte(c.body))
		if c.want == "" {
			require.Empty(t, found, c.body)
			continue
		}
		require.Equal(t, []string{c.want}, found, c.body)
	}
}

// table is a published interface.
func table(t *testing.T, guide, activity string) Interface {
	t.Helper()
	guides, err := Load()
	require.NoError(t, err)
	for _, g := range guides {
		for _, i := range g.Interfaces {
			if g.ID == guide && i.Name == activity {
				return i
			}
		}
	}
	t.Fatalf("there is no table of %s %s", guide, activity)
	return Interface{}
}
