package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas2"
	"koodesk/app/simulator"
)

const testKey = "11111111-2222-3333-4444-555555555555"

// understood reads a request as the program would and gives the proved call.
func understood(t *testing.T, raw []byte) market.Call {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	require.NoError(t, err)
	require.Equal(t, "/koogallery/bench", r.URL.Path)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	e, err := saas2.ParseQuery(r.URL.RawQuery)
	require.NoError(t, err)
	e.Body = body
	_, err = saas2.Verify([]saas2.Key{{ID: 1, Secret: testKey}}, e, time.Now())
	require.NoError(t, err)
	c, err := saas2.Decode(body)
	require.NoError(t, err)
	return c
}

func TestCallsAreGenuine(t *testing.T) {
	t.Parallel()
	var turn atomic.Uint64
	lines := []purchase{{"CS1", "11112222-0000-0000-0000-000000000000"}, {"CS2", "33334444-0000-0000-0000-000000000000"}}
	buy := &buyer{signer: newSigner("127.0.0.1:1", "bench", testKey), ids: simulator.NewIDs(time.Now)}
	first, second := understood(t, buy.next()), understood(t, buy.next())
	require.Equal(t, market.NewInstance, first.Activity)
	require.False(t, first.Test)
	require.NotEqual(t, first.OrderID, second.OrderID)
	require.NotEqual(t, first.BusinessID, second.BusinessID)

	again := &repeater{signer: newSigner("127.0.0.1:1", "bench", testKey), lines: lines, turn: &turn}
	first, second = understood(t, again.next()), understood(t, again.next())
	require.ElementsMatch(t, []string{"CS1", "CS2"}, []string{first.OrderID, second.OrderID})
	require.NotEqual(t, first.BusinessID, second.BusinessID)
	require.Equal(t, first.OrderID, understood(t, again.next()).OrderID)

	ask := &asker{signer: newSigner("127.0.0.1:1", "bench", testKey), lines: lines, turn: &turn}
	require.Equal(t, market.QueryInstance, understood(t, ask.next()).Activity)
}

// wire is an answer as it goes over the wire.
func wire(status int, body []byte, sign string) *bufio.Reader {
	return bufio.NewReader(strings.NewReader("HTTP/1.1 " + strconv.Itoa(status) + " Whatever\r\nDate: now\r\nbody-sign: " + sign +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + string(body) + "HTTP/1.1 "))
}

func TestAnswersAreJudged(t *testing.T) {
	t.Parallel()
	body := []byte(`{"resultCode":"000004","resultMsg":"request is processing.","instanceId":"i1"}`)
	other := bytes.Replace(body, []byte("i1"), []byte("i2"), 1)
	s := &signer{key: testKey, expected: body}
	for name, c := range map[string]struct {
		status int
		body   []byte
		sign   string
		good   bool
	}{
		"right":           {200, body, crypt.BodySign(testKey, body), true},
		"other status":    {503, body, crypt.BodySign(testKey, body), false},
		"other instance":  {200, other, crypt.BodySign(testKey, other), false},
		"wrong signature": {200, body, crypt.BodySign(testKey, other), false},
		"no signature":    {200, body, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := readAnswer(wire(c.status, c.body, c.sign))
			require.NoError(t, err)
			if c.good {
				require.NoError(t, s.judge(a))
			} else {
				require.Error(t, s.judge(a))
			}
		})
	}
}

func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"} {
		_, err := readAnswer(bufio.NewReader(strings.NewReader(text)))
		require.Error(t, err, text)
	}
}

// What the load spends on making up, signing and judging one call, which the
// program under test has to do without.
func BenchmarkOneCall(b *testing.B) {
	b.ReportAllocs()
	buy := &buyer{signer: newSigner("127.0.0.1:1", "bench", testKey), ids: simulator.NewIDs(time.Now)}
	for b.Loop() {
		buy.next()
		a := answer{status: 200, body: buy.expected, sign: []byte(crypt.BodySign(testKey, buy.expected))}
		if err := buy.judge(a); err != nil {
			b.Fatal(err)
		}
	}
}
