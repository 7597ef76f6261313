package callback_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/saas1"
	"koodesk/app/protocol/saas2"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// The keys of a shop that has one of every class, one retired, and a second
// channel.
const (
	kitKey     = "kit-key-0001"
	licenseKey = "license-key-0001"
	generalKey = "general-key-0001"
	oldKey     = "the-key-of-last-month"
	otherKey   = "other-channels-key"
)

// shop is a site whose channel has all of them.
func shop(t *testing.T) *site { return shopThatWaits(t, time.Second) }

func shopThatWaits(t testing.TB, wait time.Duration) *site {
	t.Helper()
	s := openV1(t, wait)
	storetest.Channel(t, s.store, "other", "")
	ctx := context.Background()
	require.NoError(t, s.store.Write(ctx, func(tx *store.Tx) error {
		for _, k := range []struct {
			channel int64
			class   market.KeyClass
			secret  string
		}{{1, market.KitKey, kitKey}, {1, market.LicenseKey, licenseKey}, {1, market.GeneralKey, generalKey},
			{1, market.BasicKey, oldKey}, {1, market.BasicKey, storetest.BasicKey}, {2, market.BasicKey, otherKey}} {
			if _, err := tx.SetChannelKey(ctx, k.channel, k.class, k.secret, 0); err != nil {
				return err
			}
		}
		return nil
	}))
	return s
}

// diagnosis waits for the newest refusal's.
func (s *site) diagnosis() market.Diagnosis {
	s.t.Helper()
	s.handler.Settle()
	var d market.Diagnosis
	require.NoError(s.t, json.Unmarshal([]byte(s.text(`SELECT COALESCE(diagnosis::text, '{}') FROM attempts WHERE disposition = 'rejected' ORDER BY id DESC LIMIT 1`)), &d))
	return d
}

// empty forgets the refusals so far: equal ones are one message, of which only
// some are kept.
func (s *site) empty() {
	s.t.Helper()
	_, err := s.store.SQL().Exec(`DELETE FROM messages`)
	require.NoError(s.t, err)
}

func (s *site) stateOf(d market.Diagnosis, check string) string {
	for _, c := range d.Checks {
		if c.Name == check {
			return c.State
		}
	}
	return ""
}

// line is a body that is not in order, so that its sorted form is another.
const line = `{"orderLineId":"CS1-000001","activity":"newInstance","businessId":"b1","orderId":"CS1"}`

// generic is the answer to a call that nothing is known of.
const (
	genericToken = `{"resultCode":"000001","resultMsg":"token is invalid"}`
	genericParam = `{"resultCode":"000002","resultMsg":"param is invalid"}`
	genericV1    = `{"resultCode":"000001","resultMsg":"authentication failed"}`
)

func query(signature string, at time.Time, nonce string) string {
	return "signature=" + signature + "&timestamp=" + strconv.FormatInt(at.UnixMilli(), 10) + "&nonce=" + nonce
}

// part is one value of a signed query.
func part(q, name string) string {
	for pair := range strings.SplitSeq(q, "&") {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			return v
		}
	}
	return ""
}

func TestEveryRefusalIsDiagnosedAndNoAnswerTells(t *testing.T) {
	t.Parallel()
	s := shop(t)
	type refused struct {
		shot   func(now time.Time) shot
		code   string            // of the first finding
		args   map[string]string // some of its args
		answer string
		failed []string // checks
	}
	of := func(s shot) func(time.Time) shot { return func(time.Time) shot { return s } }
	asked := func(query func(now time.Time) string) func(time.Time) shot {
		return func(now time.Time) shot { return shot{body: line, query: query(now)} }
	}
	for name, c := range map[string]refused{
		"a clock 75 s behind":          {of(shot{body: line, skew: -75 * time.Second}), market.FoundClock, map[string]string{"limit": "60"}, genericParam, []string{"clock"}},
		"a clock 75 s ahead":           {of(shot{body: line, skew: 75 * time.Second}), market.FoundClock, nil, genericParam, []string{"clock"}},
		"a time zone in the timestamp": {of(shot{body: line, skew: 8 * time.Hour}), market.FoundZone, map[string]string{"hours": "-8"}, genericParam, []string{"clock"}},
		"an old call":                  {of(shot{body: line, skew: -25 * time.Minute}), market.FoundOld, map[string]string{"minutes": "25"}, genericParam, []string{"clock"}},
		"the kit's key":                {of(shot{body: line, key: kitKey}), market.FoundKeyClass, map[string]string{"class": "kit", "want": "basic"}, genericToken, []string{"signature"}},
		"the license key":              {of(shot{body: line, key: licenseKey}), market.FoundKeyClass, map[string]string{"class": "license", "want": "basic"}, genericToken, []string{"signature"}},
		"the general key":              {of(shot{body: line, key: generalKey}), market.FoundKeyClass, map[string]string{"class": "general", "want": "basic"}, genericToken, []string{"signature"}},
		"the basic key for a notice":   {of(shot{body: strings.Replace(line, "newInstance", "orderNotify", 1), key: storetest.BasicKey}), market.FoundKeyClass, map[string]string{"class": "basic", "want": "general"}, genericToken, []string{"signature"}},
		"a retired key":                {of(shot{body: line, key: oldKey}), market.FoundKeyRetired, map[string]string{"class": "basic"}, genericToken, []string{"signature"}},
		"another channel's key":        {of(shot{body: line, key: otherKey}), market.FoundKeyChannel, map[string]string{"channel": "other", "class": "basic"}, genericToken, []string{"signature"}},
		"an unknown key":               {of(shot{body: line, key: "nobody's"}), market.FoundKeyUnknown, map[string]string{"class": "basic"}, genericToken, []string{"signature"}},
		"a line break added":           {of(shot{body: line + "\n", signed: line}), market.FoundBody, map[string]string{"how": "newline_added"}, genericToken, []string{"signature"}},
		"a byte order mark added":      {of(shot{body: "\xef\xbb\xbf" + line, signed: line}), market.FoundBody, map[string]string{"how": "bom_added"}, genericToken, []string{"signature"}},
		"line ends changed":            {of(shot{body: "{\r\n\"orderId\":\"1\",\"activity\":\"newInstance\"}", signed: "{\n\"orderId\":\"1\",\"activity\":\"newInstance\"}"}), market.FoundBody, map[string]string{"how": "line_ends"}, genericToken, []string{"signature"}},
		"a body indented":              {of(shot{body: "{ \"orderId\": \"CS1\", \"activity\":\"newInstance\" }", signed: `{"orderId":"CS1","activity":"newInstance"}`}), market.FoundBody, map[string]string{"how": "reformatted"}, genericToken, []string{"signature"}},
		"a body compacted":             {of(shot{body: `{"orderId":"CS1","activity":"newInstance"}`, signed: "{\n  \"orderId\": \"CS1\",\n  \"activity\": \"newInstance\"\n}"}), market.FoundBody, map[string]string{"how": "reformatted"}, genericToken, []string{"signature"}},
		"characters escaped":           {of(shot{body: `{"orderId":"\u4e2d","activity":"newInstance"}`, signed: `{"orderId":"中","activity":"newInstance"}`}), market.FoundBody, map[string]string{"how": "escapes"}, genericToken, []string{"signature"}},
		"characters unescaped":         {of(shot{body: `{"orderId":"中","activity":"newInstance"}`, signed: `{"orderId":"\u4e2d","activity":"newInstance"}`}), market.FoundBody, map[string]string{"how": "escapes"}, genericToken, []string{"signature"}},
		"a plus decoded as a blank": {asked(func(now time.Time) string {
			return strings.Replace(saas2.Sign(storetest.BasicKey, now, "a+b", []byte(line)), "%2B", "+", 1)
		}), market.FoundQuery, map[string]string{"how": "plus"}, genericToken, []string{"signature"}},
		"escapes left undecoded": {asked(func(now time.Time) string {
			return query(part(saas2.Sign(storetest.BasicKey, now, "a%2Bb", []byte(line)), "signature"), now, "a%2Bb")
		}), market.FoundQuery, map[string]string{"how": "raw"}, genericToken, []string{"signature"}},
		"seconds signed, ms sent": {asked(func(now time.Time) string {
			return query(part(signSeconds(storetest.BasicKey, now, "n1", line), "signature"), now, "n1")
		}), market.FoundUnitMixed, nil, genericToken, []string{"signature"}},
		"microseconds": {asked(func(now time.Time) string {
			return "signature=" + strings.Repeat("ab", 32) + "&timestamp=" + strconv.FormatInt(now.UnixMicro(), 10) + "&nonce=n"
		}), market.FoundKeyUnknown, nil, genericParam, []string{"timestamp", "signature"}},
		"base64 for hex": {asked(func(now time.Time) string {
			return query(rebase(part(saas2.Sign(storetest.BasicKey, now, "n3", []byte(line)), "signature")), now, "n3")
		}), market.FoundEncoding, map[string]string{"want": "hex"}, genericToken, []string{"signature"}},
		"the inner digest in upper case": {asked(func(now time.Time) string { return query(innerUpper(storetest.BasicKey, now, "n2", line), now, "n2") }), market.FoundFormula, map[string]string{"how": "inner_upper"}, genericToken, []string{"signature"}},
		"a GET with a signature":         {of(shot{body: line, method: http.MethodGet}), market.FoundMethod, map[string]string{"method": "GET", "want": "POST"}, genericToken, []string{"method"}},
		"nothing signed":                 {of(shot{body: "hello", query: "a=b", contentType: "text/plain"}), market.FoundNothingSigned, map[string]string{"method": "POST"}, genericToken, []string{"proof", "content_type"}},
		"no nonce": {asked(func(now time.Time) string {
			return "signature=" + strings.Repeat("ab", 32) + "&timestamp=" + strconv.FormatInt(now.UnixMilli(), 10)
		}), market.FoundMissing, map[string]string{"field": "nonce"}, genericParam, []string{"nonce"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.empty()
			r := s.send(c.shot(time.Now()))
			require.Equal(t, 200, r.status)
			require.Equal(t, c.answer, string(r.body), "the answer is the generic one, byte for byte")
			d := s.diagnosis()
			require.NotEmpty(t, d.Findings)
			require.Equal(t, c.code, d.Findings[0].Code, "%+v", d)
			for name, want := range c.args {
				require.Equal(t, want, d.Findings[0].Args[name], "%+v", d.Findings)
			}
			for _, check := range c.failed {
				require.Equal(t, market.CheckFailed, s.stateOf(d, check), "%s %+v", check, d.Checks)
			}
			raw, err := json.Marshal(d)
			require.NoError(t, err)
			for _, secret := range []string{storetest.BasicKey, kitKey, oldKey, otherKey} {
				require.NotContains(t, string(raw), secret)
			}
		})
	}
}

func rebase(signature string) string {
	b, err := hex.DecodeString(signature)
	if err != nil {
		panic(err)
	}
	return strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(base64.StdEncoding.EncodeToString(b))
}

func TestAClockIsTellableByHowMuchAndBesideAWrongKey(t *testing.T) {
	t.Parallel()
	s := shop(t)
	s.send(shot{body: line, skew: -75 * time.Second})
	d := s.diagnosis()
	seconds, err := strconv.ParseFloat(d.Findings[0].Args["seconds"], 64)
	require.NoError(t, err)
	require.InDelta(t, 75, seconds, 10, "how long the test itself took aside")
	require.Equal(t, market.CheckPassed, s.stateOf(d, "signature"), "only the clock is wrong")
	s.send(shot{body: line, skew: -75 * time.Second, key: oldKey})
	d = s.diagnosis()
	require.Equal(t, []string{market.FoundKeyRetired, market.FoundClock}, codes(d))
}

func codes(d market.Diagnosis) (out []string) {
	for _, f := range d.Findings {
		out = append(out, f.Code)
	}
	return out
}

func TestAReplayIsToldWithItsFirstTime(t *testing.T) {
	t.Parallel()
	s := shop(t)
	s.send(shot{body: line, nonce: "once"})
	r := s.send(shot{body: strings.ReplaceAll(line, "CS1", "CS2"), nonce: "once"})
	require.Equal(t, genericToken, string(r.body))
	d := s.diagnosis()
	require.Equal(t, market.FoundReplay, d.Findings[0].Code)
	at, err := time.Parse(time.RFC3339, d.Findings[0].Args["when"])
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Minute)
	require.Equal(t, market.CheckPassed, s.stateOf(d, "signature"))
	require.Equal(t, market.CheckFailed, s.stateOf(d, "replay"))
}

func TestRefusalsOfV1AreDiagnosed(t *testing.T) {
	t.Parallel()
	fields := func() map[string]string {
		return fieldsV1("newInstance", "orderId", "CS1", "businessId", "b 1", "customerId", "", "productId", "p", "Zone", "z")
	}
	s := shop(t)
	f := fields()
	ordered := func(less func(a, b string) bool) string { return tokenOver(storetest.BasicKey, f, sortedBy(f, less)) }
	query := saas1.Sign(storetest.BasicKey, f)
	replaced := func(token string) string { return query[:strings.Index(query, "authToken=")] + "authToken=" + token }
	for name, c := range map[string]struct {
		query  string
		method string
		code   string
		args   map[string]string
	}{
		"a retired key":           {saas1.Sign(oldKey, f), "GET", market.FoundKeyRetired, map[string]string{"class": "basic"}},
		"the kit's key":           {saas1.Sign(kitKey, f), "GET", market.FoundKeyClass, map[string]string{"class": "kit", "want": "basic"}},
		"another channel's key":   {saas1.Sign(otherKey, f), "GET", market.FoundKeyChannel, map[string]string{"channel": "other"}},
		"an unknown key":          {saas1.Sign("nobody's", f), "GET", market.FoundKeyUnknown, nil},
		"blanks skipped":          {replaced(tokenOver(storetest.BasicKey, f, without(f, "customerId"))), "GET", market.FoundBlanks, nil},
		"another order":           {replaced(ordered(func(a, b string) bool { return strings.ToLower(a) < strings.ToLower(b) })), "GET", market.FoundOrder, map[string]string{"how": "ignoring_case"}},
		"the other way round":     {replaced(ordered(func(a, b string) bool { return a > b })), "GET", market.FoundOrder, map[string]string{"how": "descending"}},
		"a parameter added":       {replaced(tokenOver(storetest.BasicKey, f, without(f, "productId"))), "GET", market.FoundWithout, map[string]string{"field": "productId"}},
		"testFlag lost":           {replaced(tokenOver(storetest.BasicKey, with(f, "testFlag", "1"), sortedBy(with(f, "testFlag", "1"), func(a, b string) bool { return a < b }))), "GET", market.FoundTestFlag, map[string]string{"value": "1"}},
		"values not decoded":      {replaced(tokenOver(storetest.BasicKey, with(f, "businessId", "b+1"), sortedBy(f, func(a, b string) bool { return a < b }))), "GET", market.FoundRaw, nil},
		"the key without a stamp": {replaced(tokenKeyed(storetest.BasicKey, f, sortedBy(f, func(a, b string) bool { return a < b }))), "GET", market.FoundKeyNoStamp, nil},
		"quotes":                  {replaced("%22" + part(query, "authToken") + "%22"), "GET", market.FoundQuoted, nil},
		"a POST":                  {query, "POST", market.FoundMethod, map[string]string{"method": "POST", "want": "GET"}},
		"hex":                     {replaced(hexed(part(query, "authToken"))), "GET", market.FoundEncoding, map[string]string{"want": "base64"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.empty()
			r := s.method(c.method, c.query)
			require.Equal(t, genericV1, string(r.body))
			d := s.diagnosis()
			require.NotEmpty(t, d.Findings)
			require.Equal(t, c.code, d.Findings[0].Code, "%+v", d)
			for name, want := range c.args {
				require.Equal(t, want, d.Findings[0].Args[name])
			}
		})
	}
}

func TestAGetOfNobodyIsTakenForNothingSigned(t *testing.T) {
	t.Parallel()
	s := shop(t)
	r := s.get("")
	require.Equal(t, genericV1, string(r.body), "in the form that it resembles")
	require.Equal(t, []string{market.FoundNothingSigned}, codes(s.diagnosis()))
}

// A flood is counted: one line and one row say how many were not kept, however
// often it comes. What of the floods of all channels cannot be written down in
// time at the end is given up, whatever is in its way.
func TestAFloodIsNotDiagnosedButToldOf(t *testing.T) {
	t.Parallel()
	s := shop(t)
	sent := 0
	flood := func(slug string, refused int, h shot) {
		h.body, h.key, h.url = line, "nobody's", strings.TrimSuffix(s.url, "default")+slug
		for n := 0; n < refused; sent++ {
			require.Less(t, sent, 1000)
			h.nonce = strconv.Itoa(sent)
			if s.send(h).status == 429 {
				n++
			}
		}
	}
	total := 0
	for _, refused := range []int{12, 3} {
		flood("default", refused, shot{})
		total += refused
		s.handler.EndFloods()
		s.handler.EndFloods() // a window in which nothing came is not told of
		told := s.lines("too many calls that could not be proved authentic; these were answered 429 and not kept")
		require.Len(t, told, 1)
		require.EqualValues(t, refused, told[0]["count"])
		require.Equal(t, []any{"default", "127.0.0.1", "call.signature_wrong"}, []any{told[0]["channel"], told[0]["last_ip"], told[0]["last_reason"]})
		require.Equal(t, strconv.Itoa(total), s.text(`SELECT attempts::text FROM messages WHERE status = 'rejected' AND last_error->>'key' = 'call.flood_keyed' AND last_error->>'detail' = '127.0.0.1 call.signature_wrong'`))
		require.Equal(t, strconv.Itoa(refused), s.text(`SELECT last_error->'args'->>'count' FROM messages WHERE last_error->>'key' = 'call.flood_keyed'`))
	}
	require.Equal(t, "2", s.text(`SELECT count(*)::text FROM messages`))
	require.Equal(t, "20", s.text(`SELECT count(diagnosis)::text FROM attempts`), "one for each attempt that is kept, and no more")

	flood("default", 2, shot{skew: time.Hour})
	flood("default", 1, shot{query: "nothing=signed"})
	s.handler.EndFloods()
	require.Equal(t, "call.flood_keyed 17, call.flood 1", s.text(`SELECT string_agg(concat_ws(' ', last_error->>'key', attempts), ', ' ORDER BY attempts DESC) FROM messages WHERE last_error->>'key' LIKE 'call.flood%'`),
		"a key explains a wrong clock, too, and what none explains is counted apart")

	flood("default", 1, shot{})
	flood("other", 1, shot{})
	s.handler.Settle()
	tx, err := s.store.SQL().Begin()
	require.NoError(t, err)
	_, err = tx.Exec(`LOCK TABLE messages`)
	require.NoError(t, err)
	s.handler.Close(time.Second) // long enough for its statement to be the one that waits
	require.NoError(t, tx.Rollback())
	given := s.lines("a flood was not noted among the refused calls")
	require.Len(t, given, 2)
	require.Contains(t, given[1]["error"], context.Canceled.Error(), "the first has used up the time of both")
}

// The one line of the log says which checks failed, by how much, and why.
func TestTheLogSaysWhyACallWasRefused(t *testing.T) {
	t.Parallel()
	s := shop(t)
	for name, c := range map[string]struct {
		shot   shot
		reason string
		code   string
		args   map[string]any
	}{
		"a clock 75 s behind":           {shot{body: line, skew: -75 * time.Second}, "call.timestamp_skewed", market.FoundClock, map[string]any{"limit": "60"}},
		"a signature for the kit's key": {shot{body: line, key: kitKey}, "call.signature_wrong", market.FoundKeyClass, map[string]any{"class": "kit", "want": "basic"}},
		"a retired key":                 {shot{body: line, key: oldKey}, "call.signature_wrong", market.FoundKeyRetired, map[string]any{"class": "basic"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.send(c.shot)
			lines := s.lines("a call could not be proved authentic")
			require.Len(t, lines, 1)
			l := lines[0]
			require.Equal(t, []any{"WARN", "default", "127.0.0.1", "v2", c.reason}, []any{l["level"], l["channel"], l["ip"], l["generation"], l["reason"]})
			because := l["because"].([]any)[0].(map[string]any)
			require.Equal(t, c.code, because["code"], "%v", l)
			args := because["args"].(map[string]any)
			for name, want := range c.args {
				require.Equal(t, want, args[name])
			}
			if c.code == market.FoundClock {
				seconds, err := strconv.ParseFloat(args["seconds"].(string), 64)
				require.NoError(t, err)
				require.InDelta(t, 75, seconds, 60, "how long the test itself took aside")
			}
			for _, secret := range []string{storetest.BasicKey, kitKey, oldKey} {
				require.NotContains(t, fmt.Sprint(l), secret)
			}
		})
	}
}
