package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store/storetest"
)

// A case that failed has been mended when it passed after that; another case that
// passed says nothing of it.
func TestProbesTellWhatStillFailsFromWhatPassedSince(t *testing.T) {
	t.Parallel()
	type call struct{ order, key, code, disposition, found string }
	const (
		passed, failed    = "000000", "000005"
		repeat            = "repeat"
		invalid, rejected = "invalid", "rejected"
	)
	for name, c := range map[string]struct {
		calls []call // a minute after each other
		want  market.Probes
	}{
		"failed, then passed":                {[]call{{"", "a", failed, repeat, ""}, {"", "a", passed, repeat, ""}}, market.Probes{Passed: 1, Failed: 1}},
		"passed, then failed":                {[]call{{"", "a", passed, repeat, ""}, {"", "a", failed, repeat, ""}}, market.Probes{Passed: 1, Failed: 1, Failing: 1}},
		"failed twice":                       {[]call{{"", "a", failed, repeat, ""}, {"", "a", failed, repeat, ""}}, market.Probes{Failed: 2, Failing: 1}},
		"another case passed":                {[]call{{"1", "a", failed, repeat, ""}, {"1", "b", passed, repeat, ""}}, market.Probes{Passed: 1, Failed: 1, Failing: 1}},
		"not understood, then passed":        {[]call{{"1", "invalid/a", "000002", invalid, ""}, {"1", "invalid/b", "000002", invalid, ""}, {"1", "a", passed, repeat, ""}}, market.Probes{Passed: 1, Failed: 2}},
		"not understood, and another passed": {[]call{{"1", "invalid/a", "000002", invalid, ""}, {"2", "a", passed, repeat, ""}}, market.Probes{Passed: 1, Failed: 1, Failing: 1}},
		"passed, then not understood":        {[]call{{"1", "a", passed, repeat, ""}, {"1", "invalid/a", "000002", invalid, ""}}, market.Probes{Passed: 1, Failed: 1, Failing: 1}},
		"the clock, then passed":             {[]call{{"1", "rejected/a", "000001", rejected, "clock"}, {"1", "a", passed, repeat, ""}}, market.Probes{Passed: 1, Failed: 1}},
		"a stranger's alone":                 {[]call{{"1", "rejected/a", "000001", rejected, "key_unknown"}}, market.Probes{Refused: 1}},
		"passed, then a stranger's":          {[]call{{"1", "a", passed, repeat, ""}, {"1", "rejected/a", "000001", rejected, "key_unknown"}}, market.Probes{Passed: 1, Refused: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.Open(t)
			storetest.Channel(t, s, "default", "")
			now := time.Now()
			morning := market.HalfEnds(market.ProbeDate(now).AddDate(0, 0, -1), false).Add(-time.Hour)
			for i, call := range c.calls {
				_, err := s.SQL().Exec(`
WITH m AS (
    INSERT INTO messages (channel_id, protocol, activity, test, idem_key, status, order_id, first_received_at, last_received_at)
    VALUES (1, 'v2', 'newInstance', true, $1, CASE $4 WHEN 'rejected' THEN 'rejected' WHEN 'invalid' THEN 'failed' ELSE 'succeeded' END, $2, $6, $6)
    ON CONFLICT (channel_id, test, idem_key) DO UPDATE SET last_received_at = EXCLUDED.last_received_at
    RETURNING id
)
INSERT INTO attempts (message_id, at, source, disposition, result_code, diagnosis)
SELECT id, $6, 'marketplace', $4, $3, jsonb_build_object('findings', jsonb_build_array(jsonb_build_object('code', $5::text))) FROM m`,
					call.key, call.order, call.code, call.disposition, call.found, morning.Add(time.Duration(i)*time.Minute))
				require.NoError(t, err)
			}
			channels, err := s.Reader().Probes(t.Context(), now)
			require.NoError(t, err)
			require.Len(t, channels, 1)
			require.Len(t, channels[0].Rows, 1)
			require.Equal(t, c.want, channels[0].Rows[0].Days[len(channels[0].Rows[0].Days)-2].Morning)
			require.Equal(t, c.want.Passed+c.want.Failed == 0, channels[0].Last.IsZero(), "a call that was not proved is no probe")
		})
	}
}

// A probe may poll for several instances, of several products: it is one of each.
func TestAProbeOfSeveralInstancesIsOneOfEachProduct(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	storetest.Channel(t, s, "other", "")
	now := time.Now()
	for _, statement := range []string{`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, product_id)
SELECT CASE WHEN id = 'elsewhere' THEN 2 ELSE 1 END, id, id, id, id, product
  FROM (VALUES ('a1', 'A'), ('a2', 'A'), ('b1', 'B'), ('unknown', ''), ('elsewhere', 'C')) AS v (id, product)`, `
INSERT INTO messages (channel_id, protocol, activity, test, idem_key, status, instance_id, first_received_at, last_received_at)
SELECT 1, 'v2', 'queryInstance', true, ids, 'succeeded', split_part(ids, ',', 1), now(), now()
  FROM unnest(ARRAY['a1,a2,b1,unknown', 'never,b1', 'never,elsewhere,unknown']) AS ids`, `
INSERT INTO message_instances (message_id, place, instance_id)
SELECT m.id, n.place, n.id
  FROM messages m, unnest(string_to_array(idem_key, ',')) WITH ORDINALITY n (id, place)
 WHERE n.place > 1`, `
INSERT INTO attempts (message_id, at, source, disposition, result_code)
SELECT id, now(), 'marketplace', 'new', CASE WHEN id = 1 THEN '000005' ELSE '000000' END
  FROM messages`} {
		exec(t, s.SQL(), statement)
	}
	probed, err := s.Reader().Probes(t.Context(), now)
	require.NoError(t, err)
	got := map[string]market.Probes{}
	for _, p := range probed {
		require.Len(t, p.Rows, 1)
		day := p.Rows[0].Days[len(p.Rows[0].Days)-1]
		got[p.Product] = market.Probes{Passed: day.Morning.Passed + day.Afternoon.Passed, Failed: day.Morning.Failed + day.Afternoon.Failed,
			Failing: day.Morning.Failing + day.Afternoon.Failing}
	}
	require.Equal(t, map[string]market.Probes{"A": {Failed: 1, Failing: 1}, "B": {Passed: 1, Failed: 1, Failing: 1}, "": {Passed: 1}}, got)
}
