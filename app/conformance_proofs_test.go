package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"koodesk/app/conformance"
	"koodesk/app/conformance/formula"
)

// proofs sends the interface's plainest call in every way that the form knows.
func (s *suite) proofs() {
	accepted, refused, err := conformance.Proofs(s.guide.Form)
	require.NoError(s, err)
	ways := signatureWays
	if s.guide.Form == conformance.FormToken {
		ways = tokenWays
	}
	names := []string{}
	for _, p := range slices.Concat(accepted, refused) {
		names = append(names, p.Name)
		way := ways[p.Name]
		require.NotNil(s, way, "the suite does not know how to send %q", p.Name)
		s.Run(p.Name, func(t *testing.T) {
			s := s.on(t)
			if p.Key != "" {
				s.answered = keyOf[p.Key]
			}
			s.judge(conformance.Case{Code: p.Code}, way(s, s.members(conformance.Case{})))
		})
	}
	require.Len(s, names, len(ways), "every way has its line in proofs.yaml")
}

type way func(*suite, []conformance.Member) wired

// signatureWays are the ways to send a POST.
var signatureWays = map[string]way{
	"signature in lower-case hex": resigned(strings.ToLower),
	"signature in mixed case":     resigned(func(sig string) string { return strings.ToLower(sig[:32]) + sig[32:] }),
	"timestamp in seconds": func(s *suite, m []conformance.Member) wired {
		body, stamp, once := conformance.Body(m), fmt.Sprint(time.Now().Unix()), nonce()
		return s.post(url.Values{"signature": {formula.Signature(s.key, once, stamp, body)}, "timestamp": {stamp}, "nonce": {once}}, body)
	},
	"timestamp 50 s in the past":   shifted(-50 * time.Second),
	"timestamp 50 s in the future": shifted(50 * time.Second),
	"timestamp 75 s in the past":   shifted(-75 * time.Second),
	"query parameters in another order": queried(func(q url.Values) string {
		return "nonce=" + q.Get("nonce") + "&timestamp=" + q.Get("timestamp") + "&signature=" + q.Get("signature")
	}),
	"query parameters that are not documented": queried(func(q url.Values) string { return "tenant=7&" + q.Encode() + "&debug&x=%20" }),
	"escapes in the query": queried(func(q url.Values) string {
		return "%6eonce=%" + fmt.Sprintf("%02x", q.Get("nonce")[0]) + q.Get("nonce")[1:] + "&timestamp=" + q.Get("timestamp") + "&signature=" + q.Get("signature")
	}),
	"keys in another order": func(s *suite, m []conformance.Member) wired {
		slices.Reverse(m)
		return s.send(m, "")
	},
	"signed in its sorted form": func(s *suite, m []conformance.Member) wired {
		slices.Reverse(m)
		body := conformance.Body(append(m, conformance.Member{Name: "zz", Value: nil}))
		sorted, err := formula.Sorted(body)
		require.NoError(s, err)
		return s.post(s.signed(sorted), body)
	},
	"blanks and line breaks in the body": bodied(func(b string) string {
		return " \r\n" + strings.Replace(strings.Replace(b, "{", "{\n\t ", 1), `":"`, "\" :\n \"", 1) + "\n"
	}),
	"text as escapes":         bodied(func(b string) string { return strings.Replace(b, `"activity"`, `"\u0061ctivity"`, 1) }),
	"a body that is not JSON": bodied(func(b string) string { return strings.TrimSuffix(b, "}") }),
	"no Content-Type":         headed(),
	"Content-Type with utf-8": headed("Content-Type: application/json; charset=utf-8"),
	"a short nonce":           nonced("RLLUammMSInlrNWb"),
	"no signature":            queried(without("signature")),
	"no timestamp":            queried(without("timestamp")),
	"no nonce":                queried(without("nonce")),
	"a query parameter twice": queried(func(q url.Values) string { return q.Encode() + "&nonce=" + q.Get("nonce") }),
	"another key":             keyed,
	"another method": func(s *suite, m []conformance.Member) wired {
		body := conformance.Body(m)
		return s.get(s.signed(body).Encode())
	},
	"a nonce with another body": func(s *suite, m []conformance.Member) wired {
		once, body := nonce(), conformance.Body(m)
		require.Contains(s, string(s.post(s.signedAt(body, time.Now(), once), body).Body), `"000000"`)
		return s.post(s.signedAt(body+" ", time.Now(), once), body+" ")
	},
	"the body changed after signing": func(s *suite, m []conformance.Member) wired {
		body := conformance.Body(m)
		return s.post(s.signed(body), strings.Replace(body, `"1"`, `"0"`, 1))
	},
	"the timestamp changed after signing": queried(func(q url.Values) string {
		q.Set("timestamp", fmt.Sprint(time.Now().Add(time.Second).UnixMilli()))
		return q.Encode()
	}),
}

func resigned(change func(string) string) way {
	return queried(func(q url.Values) string {
		q.Set("signature", change(q.Get("signature")))
		return q.Encode()
	})
}

func shifted(by time.Duration) way {
	return func(s *suite, m []conformance.Member) wired {
		body := conformance.Body(m)
		return s.post(s.signedAt(body, time.Now().Add(by), nonce()), body)
	}
}

func queried(write func(url.Values) string) way {
	return func(s *suite, m []conformance.Member) wired {
		body := conformance.Body(m)
		return s.exchange("POST", s.path+"?"+write(s.signed(body)), []string{"Content-Type:application/json;charset=utf8"}, body)
	}
}

func bodied(change func(string) string) way {
	return func(s *suite, m []conformance.Member) wired {
		body := change(conformance.Body(m))
		return s.post(s.signed(body), body)
	}
}

func headed(headers ...string) way {
	return func(s *suite, m []conformance.Member) wired {
		body := conformance.Body(m)
		return s.exchange("POST", s.path+"?"+s.signed(body).Encode(), headers, body)
	}
}

func nonced(prefix string) way {
	return func(s *suite, m []conformance.Member) wired {
		body := conformance.Body(m)
		return s.post(s.signedAt(body, time.Now(), prefix[:8]+uuid.NewString()[:8]), body)
	}
}

func without(name string) func(url.Values) string {
	return func(q url.Values) string {
		q.Del(name)
		return q.Encode()
	}
}

// keyed signs with a key that the channel does not have. The answer is signed
// with the channel's own.
func keyed(s *suite, m []conformance.Member) wired {
	stranger := *s
	stranger.key = "44444444-2222-3333-4444-555555555555"
	return stranger.send(m, "")
}

// tokenWays are the ways to send a GET.
var tokenWays = map[string]way{
	"parameters in another order": tokened(func(q url.Values) string { return reversed(q.Encode()) }),
	"authToken first": tokened(func(q url.Values) string {
		token := q.Get("authToken")
		q.Del("authToken")
		return "authToken=" + url.QueryEscape(token) + "&" + q.Encode()
	}),
	"base64 without escapes": tokened(func(q url.Values) string {
		token := q.Get("authToken")
		q.Del("authToken")
		return q.Encode() + "&authToken=" + token
	}),
	"escapes in lower case": tokened(func(q url.Values) string { return strings.ReplaceAll(q.Encode(), "%3D", "%3d") }),
	"blanks as %20": func(s *suite, m []conformance.Member) wired {
		q := s.values(m, "")
		q.Set("remark", "a b")
		q.Set("authToken", formula.AuthToken(s.key, flat(q)))
		return s.get(strings.ReplaceAll(q.Encode(), "a+b", "a%20b"))
	},
	"a parameter that is not documented": added("fieldOfNextYear", "x"),
	"a name with brackets":               added("fields[0]", "x"),
	"a Chinese name":                     added("备注", "x"),
	"an empty parameter":                 added("empty", ""),
	"timeStamp with 14 digits":           added("timeStamp", "20261126101500"),
	"a timeStamp of years ago":           added("timeStamp", "20170725025113409"),
	"no authToken":                       tokened(without("authToken")),
	"no timeStamp":                       tokened(without("timeStamp")),
	"another key":                        keyed,
	"a value changed after signing": tokened(func(q url.Values) string {
		q.Set("testFlag", "0")
		return q.Encode()
	}),
	"a parameter added after signing": tokened(func(q url.Values) string { return q.Encode() + "&zz=1" }),
	"a parameter twice":               tokened(func(q url.Values) string { return q.Encode() + "&timeStamp=1&activity=x" }),
	"a field inside a value":          added("remark", "x&testFlag=1"),
	"another method":                  tokened(nil),
}

// tokened sends a signed query, changed; without a change as a POST.
func tokened(write func(url.Values) string) way {
	return func(s *suite, m []conformance.Member) wired {
		q := s.values(m, "")
		q.Set("authToken", formula.AuthToken(s.key, flat(q)))
		if write == nil {
			return s.exchange("POST", s.path+"?"+q.Encode(), []string{"Content-Type:application/json"}, "{}")
		}
		return s.get(write(q))
	}
}

// added signs one parameter more, or another value of one.
func added(name, value string) way {
	return func(s *suite, m []conformance.Member) wired {
		q := s.values(m, "")
		q.Set(name, value)
		q.Set("authToken", formula.AuthToken(s.key, flat(q)))
		return s.get(q.Encode())
	}
}

func reversed(query string) string {
	pairs := strings.Split(query, "&")
	slices.Reverse(pairs)
	return strings.Join(pairs, "&")
}
