package intake_test

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/protocol/saas1"
	"koodesk/app/protocol/saas2"
	"koodesk/app/store"
)

// say hands over a call by its body and tells what its attempt did.
func (d *desk) say(body string) string {
	d.t.Helper()
	call, err := saas2.Decode([]byte(body))
	require.NoError(d.t, err, body)
	_, _, err = d.intake.Handle(context.Background(), intake.Arrived{Channel: d.channel, Call: call, ReceivedAt: time.Now(),
		Request: store.Request{Method: "POST", Body: []byte(body)}})
	require.NoError(d.t, err)
	return d.did()
}

// did is what the last attempt did.
func (d *desk) did() string {
	d.t.Helper()
	return d.text(`SELECT disposition FROM attempts ORDER BY id DESC LIMIT 1`)
}

// known makes a message, or a content of it, one that was told apart by its spelling.
func (d *desk) known(table, condition, spelling string) {
	d.t.Helper()
	sum := sha256.Sum256([]byte(spelling))
	d.exec(`UPDATE `+table+` SET content_hash = $1 WHERE `+condition, sum[:])
}

// until is a renewal's body, in the order in which members were hashed.
func until(expires string) string {
	return `{"activity":"refreshInstance","expireTime":"` + expires + `","instanceId":"i1","orderId":"1","orderLineId":"1-1","scene":"RENEWAL"}`
}

func renewed(t *testing.T) *desk {
	t.Helper()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	require.Equal(t, store.New, d.say(until("20300101000000")))
	return d
}

func TestARenewalThatIsWrittenOtherwiseIsTheSame(t *testing.T) {
	t.Parallel()
	d := renewed(t)
	for _, same := range []string{
		until("20300101000000000"), until("20300101000000256"), until(`2030010100000\u0030`),
		strings.Replace(until("20300101000000"), `"20300101000000"`, "20300101000000", 1),
		strings.Replace(until("20300101000000"), `"orderId":"1"`, `"orderId":1,"productId":""`, 1),
		strings.Replace(until("20300101000000"), `{`, `{"productId":null,"testFlag":0,"new":{"productId":"OFFI1"},`, 1),
	} {
		require.Equal(t, store.Repeat, d.say(same), same)
	}
	require.Equal(t, "1 0 0", d.text(`SELECT concat_ws(' ', count(*), sum(conflicts), (SELECT count(*) FROM quarantine)) FROM messages WHERE activity = 'refreshInstance'`))
	for _, other := range []string{until("20300101000001"), strings.Replace(until("20300101000000"), `{`, `{"productId":"OFFI1",`, 1)} {
		require.Equal(t, store.Conflict, d.say(other), other)
	}
	require.Equal(t, store.New, d.say(strings.Replace(until("20300101000000"), `"orderId":"1"`, `"orderId":"01"`, 1)), "another order")
}

func TestARenewalOfV1ThatIsWrittenOtherwiseIsTheSame(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	d.buy1("b1")
	d.ready("b1")
	renew := func(kv ...string) string {
		t.Helper()
		d.call("refreshInstance", append([]string{"instanceId", "b1", "orderId", "R1", "productId", "P1", "expireTime", "20300101000000", "orderAmount", "99.90", "periodNumber", "1"}, kv...)...)
		return d.did()
	}
	require.Equal(t, store.New, renew())
	for _, same := range [][]string{{"expireTime", "20300101000000256"}, {"orderAmount", "99.9"}, {"periodNumber", "01"}, {"trialToFormal", "0"}, {"periodType", ""},
		{"instanceId", " b1"}, {"new", "1"}, {"skuCode", "no field of a renewal"}} {
		require.Equal(t, store.Repeat, renew(same...), same)
	}
	for _, other := range [][]string{{"expireTime", "20300101000001"}, {"orderAmount", "99.91"}, {"periodNumber", "2"}, {"periodType", "year"}, {"productId", "01"}} {
		require.Equal(t, store.Conflict, renew(other...), other)
	}
}

// What came before contents were compared by what they say is known by how it was
// spelled: its repeat is a repeat, and from then on in whatever spelling.
func TestAMessageOfBeforeIsKnownByItsSpelling(t *testing.T) {
	t.Parallel()
	d := renewed(t)
	d.known("messages", "activity = 'refreshInstance'", until("20300101000000"))
	require.Equal(t, store.Conflict, d.say(until("20310101000000")))
	require.Equal(t, store.Repeat, d.say(until("20300101000000")))
	require.Equal(t, store.Repeat, d.say(until("20300101000000000")))
	require.Equal(t, store.Conflict, d.say(until("20310101000000")))
}

func TestAPurchaseOfV1OfBeforeIsKnownByItsSpelling(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	d.buy1("b1", "orderId", "O1")
	d.known("messages", "order_id = 'O1'", "activity\x00newInstance\x00customerId\x00c1\x00orderId\x00O1\x00productId\x00P1\x00")
	d.exec(`UPDATE messages SET idem_key = 'v1/newInstance/O1'`)
	d.exec(`UPDATE instances SET billing_item = '', product_id = 'P2', order_sealed = NULL`) // only the hash tells that it is the call's
	require.Equal(t, "b1", d.buy1("b2", "orderId", "O1")["instanceId"])
	require.Equal(t, store.Repeat, d.did())
	require.Equal(t, "b1", d.buy1("b3", "orderId", "O1", "productId", " P1")["instanceId"])
	require.Equal(t, "v1/newInstance/O1 3 0", d.text(`SELECT string_agg(concat_ws(' ', idem_key, attempts, conflicts), ', ') FROM messages`))
}

// A question is known by its content: also by that of before.
func TestAQuestionOfBeforeIsTheSame(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	const question = `{"activity":"changeInstanceCheck","instanceId":"i1","productInfo":{"linearValue":5,"productId":"P1"}}`
	keys := func() string {
		return d.text(`SELECT string_agg(idem_key || ' ' || attempts, ', ' ORDER BY id) FROM messages WHERE activity = 'changeInstanceCheck'`)
	}
	d.say(question)
	own, _, _ := strings.Cut(keys(), " ")
	d.say(strings.Replace(question, `{"linearValue":5,"productId":"P1"}`, `[{"productId":"P1","linearValue":"05","skuCode":""}]`, 1))
	require.Equal(t, own+" 2", keys())

	sum := sha256.Sum256([]byte(question))
	former := market.Call{Protocol: market.V2, Activity: market.ChangeInstanceCheck, InstanceIDs: []string{"i1"}, ContentHash: sum[:]}.IdempotencyKey()
	require.NotEqual(t, own, former)
	d.exec(`UPDATE messages SET idem_key = $1 WHERE activity = 'changeInstanceCheck'`, former)
	d.say(question)
	require.Equal(t, former+" 3", keys())
	d.say(strings.Replace(question, "5", "6", 1))
	require.Contains(t, keys(), former+" 3, changeInstanceCheck/i1/")
}

// What a person has decided of a content is not asked again because its hash was
// another then.
func TestADecidedContentOfBeforeIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	for name, accept := range map[string]bool{"refused": false, "accepted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := renewed(t)
			d.say(until("20310101000000"))
			message, id := d.quarantined()
			d.known("messages", "activity = 'refreshInstance'", until("20300101000000"))
			d.known("quarantine", "TRUE", until("20310101000000"))
			decide, again := d.intake.RefuseContent, until("20310101000000")
			if accept {
				decide, again = d.intake.AcceptContent, until("20300101000000")
			}
			require.NoError(t, decide(context.Background(), message, id, ann))
			require.Equal(t, store.Conflict, d.say(again))
			require.Equal(t, "0", d.text(`SELECT count(*)::text FROM quarantine WHERE status = 'open'`))
			if accept {
				require.Equal(t, store.Repeat, d.say(until("20310101000000000")), "it is the message's own")
			}
		})
	}
}

// Side by side, what is the same does not show as different.
func TestContentsDifferInWhatTheySay(t *testing.T) {
	t.Parallel()
	d := renewed(t)
	d.say(strings.NewReplacer(`"20300101000000"`, "20300101000000256", `{`, `{"productId":"OFFI1","new":1,`).Replace(until("20300101000000")))
	message, _ := d.quarantined()
	require.Equal(t, []store.FieldPair{{Name: "productId", Other: "OFFI1", Differ: true}}, d.differing(message))

	v1 := openV1(t, briefly)
	v1.buy1("b1", "amount", "1", "chargingMode", "1", "saasExtendParams", saas1.EncodeParams([]market.ExtendParam{{Name: "a", Value: "1"}}))
	v1.buy1("b2", "orderId", "CS-b1", "amount", "01", "chargingMode", "1", "periodType", "year",
		"saasExtendParams", strings.TrimRight(saas1.EncodeParams([]market.ExtendParam{{Name: "a", Value: "1"}}), "="))
	message, _ = v1.quarantined()
	require.Equal(t, []store.FieldPair{{Name: "periodType", Other: "year", Differ: true}}, v1.differing(message))
}
