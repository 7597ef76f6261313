package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas2"
)

func TestMain(m *testing.M) {
	status := m.Run()
	plainClient.CloseIdleConnections()
	plainClientV1.CloseIdleConnections()
	if err := goleak.Find(); status == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

const testKey = "11111111-2222-3333-4444-555555555555"

// seller is a small production address that behaves, unless told otherwise.
type seller struct {
	*httptest.Server
	queriesUntilApp int // how many queries answer without appInfo

	mu        sync.Mutex
	instances map[string]string // order line → instance
	seen      []market.Call
	bodies    []string
	queries   []string // raw query strings
	spoil     map[string]func(http.ResponseWriter, market.Call, []byte)
}

func newSeller(t *testing.T) *seller {
	t.Helper()
	s := &seller{instances: map[string]string{}, spoil: map[string]func(http.ResponseWriter, market.Call, []byte){}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *seller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(body, &fields)
	text := func(name string) (v string) { _ = json.Unmarshal(fields[name], &v); return v }
	call := market.Call{
		Activity: text("activity"), OrderID: text("orderId"), OrderLineID: text("orderLineId"), BusinessID: text("businessId"),
		Target: text("status"), Scene: market.Scene(text("scene")), Test: text("testFlag") == "1",
	}
	if id := text("instanceId"); id != "" {
		call.InstanceIDs = []string{id}
	}
	e, err := saas2.ParseQuery(r.URL.RawQuery)
	e.Body = body
	if err == nil {
		_, err = saas2.Verify([]saas2.Key{{ID: 1, Secret: testKey}}, e, time.Now())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.bodies, s.queries = append(s.seen, call), append(s.bodies, string(body)), append(s.queries, r.URL.RawQuery)
	answer := market.Answer{Code: market.AuthFailed}
	if err == nil {
		answer = s.answer(call)
	}
	out := saas2.Encode(call.Activity, answer)
	if spoil := s.spoil[call.Activity]; spoil != nil {
		spoil(w, call, out)
		return
	}
	send(w, out)
}

// send answers as the marketplace wants it.
func send(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set(crypt.BodySignHeader, crypt.BodySign(testKey, body))
	_, _ = w.Write(body)
}

func (s *seller) answer(c market.Call) market.Answer {
	switch c.Activity {
	case market.NewInstance:
		if s.instances[c.OrderLineID] == "" {
			s.instances[c.OrderLineID] = c.BusinessID
		}
		return market.Answer{Code: market.Processing, InstanceID: s.instances[c.OrderLineID]}
	case market.QueryInstance:
		info := market.InstanceInfo{InstanceID: c.InstanceID()}
		if s.queriesUntilApp--; s.queriesUntilApp < 0 {
			info.App = &market.AppInfo{FrontEndURL: "https://app.example.com/a", UserName: "admin", Password: "pw", Memo: "测试"}
		}
		return market.Answer{Code: market.Success, Info: []market.InstanceInfo{info}}
	}
	return market.Answer{Code: market.Success}
}

func (s *seller) activities() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, c := range s.seen {
		names = append(names, c.Activity+c.Target)
	}
	return slices.Compact(names)
}

// command runs Main against the seller.
func (s *seller) command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	return command(t, "", append([]string{"--url", s.URL, "--key", testKey}, args...)...)
}

// report runs a call with --json and reads what it prints.
func (s *seller) report(t *testing.T, args ...string) (int, jsonReport) {
	t.Helper()
	status, out, stderr := s.command(t, append(args, "--json")...)
	require.Empty(t, stderr)
	var r jsonReport
	require.NoError(t, json.Unmarshal([]byte(out), &r), out)
	return status, r
}
