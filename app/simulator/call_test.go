package simulator

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
)

func testNow() time.Time { return time.Date(2026, 11, 22, 5, 15, 0, 0, time.UTC) }

func TestEveryActivityIsSentAndAccepted(t *testing.T) {
	t.Parallel()
	for _, name := range Activities() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSeller(t)
			status, r := s.report(t, name, "--field", "instanceId=I-1")
			if name == market.NewInstance { // has no instance yet
				status, r = s.report(t, name)
			}
			require.Equal(t, exitGood, status, r)
			require.True(t, r.OK)
			a := r.Answers[0]
			require.Empty(t, a.Findings)
			require.Equal(t, "valid", a.BodySign)
			require.Equal(t, s.bodies[len(s.bodies)-1], a.Request)
		})
	}
}

func TestAnswerIsPrintedForPeople(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	status, out, _ := s.command(t, "newInstance", "--field", "orderId=CS2611221315B4LVS")
	require.Equal(t, exitGood, status)
	require.Contains(t, out, `"orderLineId":"CS2611221315B4LVS-000001"`)
	require.Contains(t, out, `{"resultCode":"000004",`)
	require.Contains(t, out, "form right, Body-Sign valid, resultCode 000004")
	require.NotContains(t, out, testKey)
}

func TestFormIsExamined(t *testing.T) {
	t.Parallel()
	body := func(b string) func(http.ResponseWriter, market.Call, []byte) {
		return func(w http.ResponseWriter, _ market.Call, _ []byte) { send(w, []byte(b)) }
	}
	for _, c := range []struct {
		name  string
		spoil func(http.ResponseWriter, market.Call, []byte)
		finds []string
	}{
		{"status", func(w http.ResponseWriter, _ market.Call, out []byte) {
			w.Header().Set(crypt.BodySignHeader, crypt.BodySign(testKey, out))
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write(out)
		}, []string{"HTTP status is 202, must be 200"}},
		{"content type", func(w http.ResponseWriter, _ market.Call, out []byte) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.Header().Set(crypt.BodySignHeader, crypt.BodySign(testKey, out))
			_, _ = w.Write(out)
		}, []string{`Content-Type is "application/json; charset=utf-8", must be "application/json"`}},
		{"no signature", func(w http.ResponseWriter, _ market.Call, out []byte) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(out)
		}, []string{"Body-Sign is missing"}},
		{"signed with another key", func(w http.ResponseWriter, _ market.Call, out []byte) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set(crypt.BodySignHeader, crypt.BodySign("other", out))
			_, _ = w.Write(out)
		}, []string{"Body-Sign is wrong"}},
		{"changed after signing", func(w http.ResponseWriter, _ market.Call, out []byte) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set(crypt.BodySignHeader, crypt.BodySign(testKey, out))
			_, _ = w.Write(append(out, '\n'))
		}, []string{"Body-Sign is wrong"}},
		{"not JSON", body(`<html>`), []string{"the body is not one JSON object"}},
		{"null", body(`null`), []string{"the body is not one JSON object"}},
		{"two documents", body(`{}{}`), []string{"the body is not one JSON object"}},
		{"nothing in it", body(`{}`), []string{"field resultCode is missing", "field resultMsg is missing"}},
		{"code as a number", body(`{"resultCode":0,"resultMsg":"x","instanceId":"a"}`), []string{"field resultCode is not a string"}},
		{"code of nobody", body(`{"resultCode":"000200","resultMsg":"x"}`), []string{`resultCode "000200" is not a published one`}},
		{"no instance", body(`{"resultCode":"000000","resultMsg":"x"}`), []string{"field instanceId is missing"}},
		{"empty message", body(`{"resultCode":"000000","resultMsg":"","instanceId":"a"}`), []string{"field resultMsg is empty"}},
		{"instance too long", body(`{"resultCode":"000000","resultMsg":"x","instanceId":"` + strings.Repeat("a", 65) + `"}`),
			[]string{"field instanceId has 65 characters, at most 64"}},
		{"message too long", body(`{"resultCode":"000000","resultMsg":"` + strings.Repeat("a", 256) + `","instanceId":"a"}`),
			[]string{"field resultMsg has 256 characters, at most 255"}},
		{"a field too many", body(`{"resultCode":"000000","resultMsg":"x","instanceId":"a","info":[]}`), []string{"field info is not documented"}},
		{"not ASCII", body(`{"resultCode":"000000","resultMsg":"成功","instanceId":"a"}`), []string{"characters beyond ASCII"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSeller(t)
			s.spoil[market.NewInstance] = c.spoil
			status, r := s.report(t, "newInstance")
			require.Equal(t, exitBad, status)
			require.False(t, r.Answers[0].Conformant)
			require.Len(t, r.Answers[0].Findings, len(c.finds), r.Answers[0].Findings)
			for i, f := range c.finds {
				require.Contains(t, r.Answers[0].Findings[i], f)
			}
		})
	}
}

func TestQueryInstanceIsExamined(t *testing.T) {
	t.Parallel()
	for info, finds := range map[string]string{
		`[{"instanceId":"I-1"},{"instanceId":"I-2"}]`:                                               "",
		`[{"instanceId":"I-1"}]`:                                                                    `info has nothing on instance "I-2"`,
		`[{"instanceId":"I-1"},{"instanceId":"I-2"},{"instanceId":"I-3"}]`:                          `info[2].instanceId "I-3" was not asked for`,
		`[{"instanceId":"I-1","appInfo":{"userName":"u"}},{"instanceId":"I-2"}]`:                    "field info[0].appInfo.frontEndUrl is missing",
		`[{"instanceId":"I-1","appInfo":{"frontEndUrl":"u","encryptType":1}},{"instanceId":"I-2"}]`: "field info[0].appInfo.encryptType is not documented",
		`[{"instanceId":"I-1","appInfo":"x"},{"instanceId":"I-2"}]`:                                 "field info[0].appInfo is not an object",
		`[{"instanceId":"I-1","frontEndUrl":"u"},{"instanceId":"I-2"}]`:                             "field info[0].frontEndUrl is not documented",
		`{}`:   "field info is not a list of objects",
		`null`: "field info is missing",
	} {
		s := newSeller(t)
		s.spoil[market.QueryInstance] = func(w http.ResponseWriter, _ market.Call, _ []byte) {
			send(w, []byte(`{"resultCode":"000000","resultMsg":"success.","info":`+info+`}`))
		}
		status, r := s.report(t, "queryInstance", "--field", "instanceId=I-1,I-2")
		if finds == "" {
			require.Equal(t, exitGood, status, r.Answers[0].Findings)
			continue
		}
		require.Equal(t, exitBad, status, info)
		require.Equal(t, []string{finds}, r.Answers[0].Findings)
	}
}

func TestNoBodySignIsAcceptedOnRequest(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	s.spoil[market.NewInstance] = func(w http.ResponseWriter, _ market.Call, out []byte) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(out)
	}
	status, r := s.report(t, "newInstance", "--no-body-sign")
	require.Equal(t, exitGood, status)
	require.Equal(t, "missing", r.Answers[0].BodySign)
}

func TestRefusalsAreNotGood(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	for _, args := range [][]string{
		{"--tamper", "body"}, {"--tamper", "query"}, {"--tamper", "signature"},
		{"--skew", "-2m"}, {"--skew", "2m"}, {"--key", "another key", "--no-body-sign"},
	} {
		status, r := s.report(t, append([]string{"newInstance"}, args...)...)
		require.Equal(t, exitBad, status, args)
		require.Equal(t, "000001", r.Answers[0].ResultCode, args)
	}
	require.Empty(t, s.instances)
	status, _ := s.report(t, "newInstance", "--tamper", "body", "--expect", "000001")
	require.Equal(t, exitGood, status, "a refusal that was expected is right")
	status, _ = s.report(t, "newInstance", "--skew", "30s")
	require.Equal(t, exitGood, status, "within the window")
}

func TestDuplicate(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	status, r := s.report(t, "newInstance", "--duplicate", "--repeat", "5")
	require.Equal(t, exitGood, status)
	require.Equal(t, 10, r.Summary.Calls)
	require.Equal(t, 5, r.Summary.PairsEqual)
	require.Equal(t, 5, r.Summary.Instances)
	business := map[string]bool{}
	for _, c := range s.seen {
		business[c.BusinessID] = true
	}
	require.Len(t, business, 10, "businessId is new each time")

	status, out, _ := s.command(t, "newInstance", "--duplicate")
	require.Equal(t, exitGood, status)
	require.Contains(t, out, "both answers name the same instance")
}

func TestDuplicateFindsTwoInstances(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	s.spoil[market.NewInstance] = func(w http.ResponseWriter, c market.Call, _ []byte) {
		send(w, []byte(`{"resultCode":"000000","resultMsg":"x","instanceId":"`+c.BusinessID+`"}`))
	}
	status, r := s.report(t, "newInstance", "--duplicate")
	require.Equal(t, exitBad, status)
	require.Len(t, r.Summary.PairFaults, 1)
	require.Contains(t, r.Summary.PairFaults[0], "one order line got two instances")
}

func TestReplayIsByteForByte(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	status, _ := s.report(t, "newInstance", "--replay")
	require.Equal(t, exitGood, status)
	require.Len(t, s.bodies, 2)
	require.Equal(t, s.bodies[0], s.bodies[1])
	require.Equal(t, s.queries[0], s.queries[1])
}

func TestSlowBodyArrivesWhole(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	c := &Caller{URL: s.URL, Key: testKey, Slow: true, slowInterval: time.Millisecond}
	f, err := NewCall(market.NewInstance, nil, nil, false, NewIDs(time.Now))
	require.NoError(t, err)
	a := c.Call(t.Context(), f)
	require.True(t, a.OK(), a)
	require.Equal(t, a.Request, s.bodies[0])

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = io.ReadAll(c.dribble(ctx, []byte("body")))
	require.ErrorIs(t, err, context.Canceled)
}

func TestRepeatCountsAndMeasures(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	status, out, _ := s.command(t, "newInstance", "--repeat", "40", "--concurrency", "4")
	require.Equal(t, exitGood, status)
	require.Contains(t, out, "40 calls in ")
	require.Contains(t, out, "40 as they should be, 40 right in form")
	require.Contains(t, out, "000004   40")
	require.Contains(t, out, "distinct instanceIds 40")
	require.Contains(t, out, "latency p50 ")
	require.Equal(t, 4, strings.Count(out, "\n"), "good answers are not listed")

	n := 0
	s.spoil[market.NewInstance] = func(w http.ResponseWriter, _ market.Call, out []byte) {
		if n++; n <= 12 {
			http.Error(w, "oops", http.StatusInternalServerError)
			return
		}
		send(w, out)
	}
	status, out, _ = s.command(t, "newInstance", "--repeat", "15")
	require.Equal(t, exitBad, status)
	require.Equal(t, maxShown, strings.Count(out, "HTTP status is 500, must be 200"))
	require.Contains(t, out, "… and 2 more")
	require.Contains(t, out, "none     12")
}

func TestSameOrderRepeatedIsOneInstance(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	status, r := s.report(t, "newInstance", "--repeat", "10", "--concurrency", "5", "--field", "orderId=CS1")
	require.Equal(t, exitGood, status)
	require.Equal(t, 1, r.Summary.Instances)
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	s.Close()
	status, r := s.report(t, "newInstance")
	require.Equal(t, exitBad, status)
	require.Contains(t, r.Answers[0].Error, "no answer")
	require.NotContains(t, r.Answers[0].Error, "signature=")
	require.Equal(t, 1, r.Summary.Codes["none"])
}

func TestTimeoutAndBrokenAnswers(t *testing.T) {
	t.Parallel()
	hang := httpServer(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	status, out, _ := command(t, "", "newInstance", "--url", hang, "--key", "k", "--timeout", "100ms")
	require.Equal(t, exitBad, status)
	require.Contains(t, out, "no answer")

	cut := httpServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "{")
	})
	status, out, _ = command(t, "", "newInstance", "--url", cut, "--key", "k")
	require.Equal(t, exitBad, status)
	require.Contains(t, out, "the answer broke off")
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs strings.Builder
	status := Main(ctx, []string{"--url", s.URL, "--key", testKey, "newInstance", "--repeat", "1000000"}, nil, io.Discard, &errs)
	require.Equal(t, exitBad, status)
	require.Contains(t, errs.String(), "interrupted")
	require.Empty(t, s.seen)
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var d []time.Duration
	require.Zero(t, percentile(d, 50))
	for i := range 100 {
		d = append(d, time.Duration(i+1))
	}
	for p, want := range map[int]time.Duration{1: 1, 50: 50, 99: 99, 100: 100} {
		require.Equal(t, want, percentile(d, p), fmt.Sprint(p))
	}
	require.Equal(t, time.Duration(1), percentile(d[:1], 99))
}

func TestAddressKeepsItsQuery(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	status, out, _ := command(t, "", "newInstance", "--url", s.URL+"/koogallery/x?a=1", "--key", testKey)
	require.Equal(t, exitGood, status, out)
	require.True(t, strings.HasPrefix(s.queries[0], "a=1&signature="), s.queries[0])
}

func TestALateAnswerIsFound(t *testing.T) {
	t.Parallel()
	s := newSeller(t)
	f, err := NewCall(market.NewInstance, nil, nil, false, NewIDs(time.Now))
	require.NoError(t, err)
	a := (&Caller{URL: s.URL, Key: testKey, Limit: 1}).Call(t.Context(), f)
	require.False(t, a.OK())
	require.Len(t, a.Findings, 1)
	require.Contains(t, a.Findings[0], "answered after")
	a = (&Caller{URL: s.URL, Key: testKey, Limit: time.Hour}).Call(t.Context(), f)
	require.True(t, a.OK(), a)
}
