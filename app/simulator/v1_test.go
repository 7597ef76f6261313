package simulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas1"
)

// sellerV1 is a small production address of V1.0 that behaves, unless told
// otherwise.
type sellerV1 struct {
	*httptest.Server
	mu      sync.Mutex
	seen    []market.Call
	queries []string
	answer  func(market.Call) market.Answer
	cipher  saas1.Cipher
	header  string
}

func newSellerV1(t *testing.T) *sellerV1 {
	t.Helper()
	s := &sellerV1{cipher: saas1.Cipher{Secret: testKey, Type: crypt.AES256}, header: crypt.BodySignHeader}
	app := &market.AppInfo{FrontEndURL: "https://app.example.com/a", UserName: "admin", Password: "pw-1", Memo: "测试"}
	s.answer = func(c market.Call) market.Answer {
		return market.Answer{Code: market.Success, InstanceID: "I-" + c.OrderID, App: app, Info: []market.InstanceInfo{{InstanceID: c.InstanceID(), App: app}}}
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *sellerV1) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, err := saas1.ParseQuery(r.URL.RawQuery)
	c, decodeErr := saas1.Decode(q)
	if err == nil {
		_, err = saas1.Verify([]saas1.Key{{ID: 1, Secret: testKey}}, q)
	}
	if err == nil {
		err = decodeErr
	}
	saas1.Reveal(&c, testKey, crypt.AES256)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.queries = append(s.seen, c), append(s.queries, r.URL.RawQuery)
	answer := market.Answer{Code: saas1.RefusalCode(err), Msg: saas1.Message(err)}
	if err == nil && r.Method == http.MethodGet {
		answer = s.answer(c)
	}
	out := saas1.Encode(c.Activity, answer, s.cipher)
	w.Header().Set("Content-Type", "application/json")
	w.Header()[s.header] = []string{crypt.BodySignFAQ(testKey, out)}
	_, _ = w.Write(out)
}

// command runs Main against the seller.
func (s *sellerV1) command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	return command(t, "", append([]string{"--url", s.URL, "--key", testKey, "--protocol", "v1"}, args...)...)
}

func (s *sellerV1) report(t *testing.T, args ...string) (int, jsonReport) {
	t.Helper()
	status, out, stderr := s.command(t, append([]string{"--json"}, args...)...)
	require.Empty(t, stderr)
	var r jsonReport
	require.NoError(t, json.Unmarshal([]byte(out), &r), out)
	return status, r
}

func TestEveryActivityOfV1IsSentAndAccepted(t *testing.T) {
	t.Parallel()
	require.Len(t, ActivitiesV1(), 7)
	for _, name := range ActivitiesV1() {
		for _, extra := range [][]string{{"--field", "instanceId=I-1"}, {"--test"}} {
			if name == market.NewInstance && extra[0] == "--field" {
				extra = nil
			}
			s := newSellerV1(t)
			status, r := s.report(t, append([]string{name}, extra...)...)
			require.Equal(t, exitGood, status, r)
			require.Empty(t, r.Answers[0].Findings)
			require.Equal(t, "valid", r.Answers[0].BodySign)
			require.Equal(t, name, s.seen[0].Activity)
			require.Equal(t, len(extra) == 1, s.seen[0].Test)
			require.True(t, strings.HasPrefix(s.queries[0], r.Answers[0].Request))
			require.NotContains(t, r.Answers[0].Request, "authToken")
		}
	}
}

func TestPersonalDataIsEncryptedAndParametersEncoded(t *testing.T) {
	t.Parallel()
	s := newSellerV1(t)
	for _, e := range []string{"1", "2"} {
		status, r := s.report(t, "newInstance", "--encrypt-type", e, "--field", "email=user@example.com", "--field", "mobilePhone=15905222222",
			"--field", `saasExtendParams=[{"name":"platformParams","value":"{\"tennantId\":\"T1\"}"}]`, "--duplicate")
		require.Equal(t, exitGood, status, r)
	}
	emails := map[string]bool{}
	for i, c := range s.seen {
		require.Equal(t, "user@example.com", c.Terms.Buyer.Email)
		require.Equal(t, "15905222222", c.Terms.Buyer.MobilePhone)
		require.Equal(t, "T1", c.Terms.Platform.TenantID)
		q, err := url.ParseQuery(s.queries[i])
		require.NoError(t, err)
		emails[q.Get("email")] = true
	}
	require.Len(t, emails, 4, "a new IV each time")
}

func TestMischiefOfV1IsRefused(t *testing.T) {
	t.Parallel()
	s := newSellerV1(t)
	for _, part := range []string{"body", "query", "signature"} {
		for range 3 { // tokens begin with any character
			status, r := s.report(t, "newInstance", "--tamper", part, "--expect", "000001")
			require.Equal(t, exitGood, status, r)
		}
	}
	status, _ := s.report(t, "newInstance", "--replay")
	require.Equal(t, exitGood, status)
	require.Equal(t, s.queries[len(s.queries)-1], s.queries[len(s.queries)-2])
	status, r := s.report(t, "newInstance", "--skew", "-2h")
	require.Equal(t, exitGood, status, "V1.0 has no window: %v", r)
	c := &Caller{URL: s.URL + "/?site=a b", Key: testKey, Protocol: market.V1, Slow: true, slowInterval: 10 * time.Millisecond}
	f, err := NewCallV1(market.NewInstance, nil, nil, false, NewIDs(time.Now))
	require.NoError(t, err)
	a := c.Call(t.Context(), f)
	require.True(t, a.OK(), a)
	require.Equal(t, "pw-1", a.AppOf(a.InstanceID).Password, "decrypted")
}

func TestFormOfV1IsExamined(t *testing.T) {
	t.Parallel()
	info := []market.InstanceInfo{{InstanceID: "I-1", App: &market.AppInfo{FrontEndURL: "u", UserName: "a"}}}
	for name, c := range map[string]struct {
		activity string
		spoil    func(*sellerV1)
		finds    string
	}{
		"header misspelled": {"newInstance", func(s *sellerV1) { s.header = "Body-sign" }, `the header is spelled "Body-sign", must be "Body-Sign"`},
		"another key": {"queryInstance", func(s *sellerV1) {
			s.cipher.Secret = "another"
			s.answer = func(market.Call) market.Answer { return market.Answer{Code: market.Success, Info: info} }
		}, `userName of instance "I-1" cannot be decrypted with the key and encryptType 1`},
		"no access data": {"newInstance", func(s *sellerV1) {
			s.answer = func(market.Call) market.Answer { return market.Answer{Code: market.Success, InstanceID: "i"} }
		}, "field appInfo is missing: the FAQ requires its frontEndUrl"},
		"no instance": {"newInstance", func(s *sellerV1) {
			s.answer = func(market.Call) market.Answer { return market.Answer{Code: market.Processing} }
		}, "field instanceId is missing"},
	} {
		s := newSellerV1(t)
		c.spoil(s)
		status, r := s.report(t, c.activity, "--field", "instanceId=I-1")
		require.Equal(t, exitBad, status, name)
		require.Equal(t, []string{c.finds}, r.Answers[0].Findings, name)
	}
	a := Answer{Activity: market.QueryInstance, Status: 200, ContentType: "application/json",
		Body: `{"resultCode":"000000","resultMsg":"x","encryptType":"3","info":[{"instanceId":"i","usageInfo":[{"when":1}]}]}`}
	a.examineV1(Fields{"instanceId": "i"}, testKey)
	require.Equal(t, []string{"field info[0].usageInfo[0].when is not documented", "field info[0].usageInfo[0].usageValue is missing",
		"field info[0].usageInfo[0].statisticalTime is missing", `encryptType is "3", must be 1 or 2`}, a.Findings)
}

func TestBadUsageOfV1(t *testing.T) {
	t.Parallel()
	good := []string{"--url", "http://127.0.0.1:1/x", "--key", "k", "--protocol", "v1"}
	for says, args := range map[string][]string{
		"one of expireInstance, instanceStatus": {"upgradeInstance"},
		"--encrypt-type must be 1 or 2":         {"newInstance", "--encrypt-type", "3"},
		"--field instanceId=…":                  {"expireInstance"},
	} {
		status, _, errs := command(t, "", append(good, args...)...)
		require.Equal(t, exitUsage, status, says)
		require.Contains(t, errs, says)
	}
}
