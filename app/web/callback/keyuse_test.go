package callback_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

// What the marketplace sends tells which key is bound in the Seller Center; what
// our own self-check and simulator send tells nothing.
func TestOnlyTheMarketplacesCallsTellOfTheirKey(t *testing.T) {
	t.Parallel()
	s := open(t)
	known := func() string {
		return s.text(`SELECT (SELECT count(last_used_at) FROM channel_keys) || ' ' || (SELECT count(case_key) FROM messages)`)
	}
	const debug = `{"activity":"newInstance","businessId":"b1","orderId":"MOCKPERIODYEARNEW","orderLineId":"MOCKPERIODYEARNEW-000001","testFlag":"1"}`
	require.Equal(t, "000000", s.send(shot{body: debug, agent: market.OwnAgent}).fields["resultCode"])
	require.Equal(t, "0 0", known())
	s.send(shot{body: `{"activity":"newInstance","businessId":"b1","orderId":"","testFlag":"1"}`})
	require.Equal(t, "1 0", known(), "what is refused cannot be saved as a case")
	s.send(shot{body: line})
	require.Equal(t, "1 0", known(), "a purchase is no case")
	require.Equal(t, "000000", s.send(shot{body: debug}).fields["resultCode"])
	require.Equal(t, "1 1", known())
	require.Equal(t, "1", s.text(`SELECT case_key::text FROM messages WHERE test AND status = 'succeeded'`))
	s.send(shot{body: debug, key: "nobody's", agent: market.OwnAgent})
	s.send(shot{body: `{"activity":"queryInstance","instanceId":"b1","testFlag":"1"}`, agent: market.OwnAgent})
	s.handler.Settle()
	require.Equal(t, "newInstance Koodesk,newInstance Koodesk,queryInstance Koodesk", s.text(`
SELECT string_agg(m.activity || ' ' || a.actor, ',' ORDER BY m.activity) FROM attempts a JOIN messages m ON m.id = a.message_id WHERE a.actor <> ''`))
}
