package selfcheck

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/conformance"
)

// debugging are the cases of the guides' debugging pages and of the enumerations
// in their tables, written down apart from the plan: intl topic_0070649098, EU
// en-us_topic_000016, CN 0000002497812372 (V2.0 and the mock orders), CN
// 0070649013, 0070649180, 0070649407 (V1.0), CN 0070649251 to 0070649255 (online
// License), CN 0070649167 to 0070649169 (codes), CN 0070649153 (License 1.0), CN
// 0000002091799153 (order notice).
var debugging = map[Type]string{
	OneTime: `newInstance MOCKONETIMENEW
queryInstance
releaseInstance
releaseInstance MOCKMONTYUNSUBSCRIBE`,
	Period: `newInstance MOCKPERIODYEARNEW
newInstance MOCKPERIODDAYTRIAL
queryInstance
refreshInstance MOCKMONTYRENEW scene=RENEWAL
refreshInstance MOCKMONTYTRIALTOFORMAL scene=TRIAL_TO_FORMAL
refreshInstance MOCKMONTYUNSUBSCRIBE scene=UNSUBSCRIBE_RENEWAL_PERIOD
refreshInstance MOCKMONTYCHANGE scene=RENEWAL_CHANGE
updateInstanceStatus status=FREEZE
updateInstanceStatus status=UNFREEZE
changeInstanceCheck
upgradeInstance MOCKMONTYCHANGE
releaseInstance
releaseInstance MOCKMONTYUNSUBSCRIBE`,
	OnDemand: `newInstance MOCKONDEMAND
newInstance MOCKONDEMANDPKG
queryInstance
refreshInstance MOCKMONTYRENEW scene=RENEWAL
updateInstanceStatus status=FREEZE
updateInstanceStatus status=UNFREEZE
releaseInstance
releaseInstance MOCKMONTYUNSUBSCRIBE`,
	V1OneTime: `newInstance chargingMode=3
queryInstance
upgrade
releaseInstance`,
	V1Period: `newInstance chargingMode=1
newInstance chargingMode=1 trialFlag=1
refreshInstance
refreshInstance productId=00301-666688-0-0
refreshInstance trialToFormal=1
refreshInstance productId=00301-666688-0-0 trialToFormal=1
refreshInstance orderAmount=-100.5
queryInstance
instanceStatus instanceStatus=FREEZE
instanceStatus instanceStatus=NORMAL
upgrade
expireInstance
releaseInstance`,
	V1OnDemand: `newInstance chargingMode=0
newInstance chargingMode=5
queryInstance
instanceStatus instanceStatus=FREEZE
instanceStatus instanceStatus=NORMAL
upgrade
releaseInstance`,
	License: `newInstance MOCKPERIODYEARNEW
newInstance MOCKPERIODDAYTRIAL
getLicenseAsync
refreshInstance MOCKMONTYRENEW scene=RENEWAL
refreshInstance MOCKMONTYTRIALTOFORMAL scene=TRIAL_TO_FORMAL
refreshInstance MOCKMONTYUNSUBSCRIBE scene=UNSUBSCRIBE_RENEWAL_PERIOD
updateInstanceStatus status=FREEZE
updateInstanceStatus status=UNFREEZE
releaseInstance
releaseInstance MOCKMONTYUNSUBSCRIBE`,
	LicenseCode: `refreshLicenseCode MOCKMONTYRENEW scene=RENEWAL
refreshLicenseCode MOCKMONTYUNSUBSCRIBE scene=UNSUBSCRIBE_RENEWAL_PERIOD
updateLicenseCodeStatus status=FREEZE
updateLicenseCodeStatus status=UNFREEZE
releaseLicenseCode
releaseLicenseCode MOCKMONTYUNSUBSCRIBE`,
	LicenseV1: `getLicense
refreshLicense
expireLicense
releaseLicense`,
	OrderNotice: `orderNotify`,
}

// telling are the fields whose value makes one case of an interface another.
var telling = []string{"chargingMode", "instanceStatus", "orderAmount", "productId", "scene", "status", "trialFlag", "trialToFormal"}

// told is what a planned call says, as the table above writes it.
func told(p planned) string {
	var out strings.Builder
	out.WriteString(p.activity)
	if id := fmt.Sprint(p.set["orderId"]); strings.HasPrefix(id, "MOCK") {
		out.WriteString(" " + id)
	}
	for _, name := range telling {
		if v, there := p.set[name]; there {
			fmt.Fprintf(&out, " %s=%v", name, v)
		}
	}
	return out.String()
}

func TestThePlanHasEveryDebuggingCase(t *testing.T) {
	t.Parallel()
	require.ElementsMatch(t, Types(), slices.Collect(maps.Keys(debugging)))
	for _, kind := range Types() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			cases, err := plan([]Type{kind})
			require.NoError(t, err)
			var have []string
			for _, p := range cases {
				have = append(have, told(p))
			}
			require.ElementsMatch(t, strings.Split(debugging[kind], "\n"), have)
		})
	}
}

// No interface of the published tables and no value that a call must name is
// left out.
func TestThePlanNamesEveryInterfaceAndEveryValue(t *testing.T) {
	t.Parallel()
	cases, err := plan(Types())
	require.NoError(t, err)
	guides, err := conformance.Load()
	require.NoError(t, err)
	for _, g := range guides {
		for _, i := range g.Interfaces {
			sent := slices.DeleteFunc(slices.Clone(cases), func(p planned) bool { return p.guide.ID != g.ID || p.activity != i.Name })
			require.NotEmpty(t, sent, "%s %s", g.ID, i.Name)
			for _, f := range i.Request {
				for _, v := range f.Values {
					if !f.Mandatory() || f.Name == "activity" {
						continue
					}
					require.True(t, slices.ContainsFunc(sent, func(p planned) bool { return p.set[f.Name] == v }), "%s %s %s=%s", g.ID, i.Name, f.Name, v)
				}
			}
		}
	}
}

// Two cases of an interface are told apart by their names in the report.
func TestNoTwoCasesAreCalledTheSame(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, s := range specs {
		name := s.guide + " " + s.activity + " " + s.variant
		require.False(t, names[name], name)
		names[name] = true
	}
}
