package saas2

import (
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
)

func TestLenientInForm(t *testing.T) {
	t.Parallel()
	_, body := golden(t, market.NewInstance)
	want, err := Decode(body)
	require.NoError(t, err)
	for name, same := range map[string]string{
		"unknown fields": strings.Replace(string(body), "{", `{"x":{"y":[1,{"z":null}]},"":"",`, 1),
		"blanks":         "\r\n\t " + strings.ReplaceAll(string(body), ":", " :\t") + " \n",
		"order mark":     "\uFEFF" + string(body),
		"other order":    `{"testFlag":1,"orderLineId":"CS2211181819B4LVS-000001","orderId":"CS2211181819B4LVS","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8","activity":"newInstance"}`,
		"escapes":        strings.Replace(string(body), `"orderId"`, `"\u006frderId"`, 1),
	} {
		got, err := Decode([]byte(same))
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
}

// TestBrokenBodies: each is refused by its reason, and what was read before the
// break is in the Call for the log.
func TestBrokenBodies(t *testing.T) {
	t.Parallel()
	deep := func(n int) string {
		return `{"activity":"newInstance","x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	for name, c := range map[string]struct {
		body string
		key  string
		args map[string]string
		read string // the activity, if it could be read
	}{
		"empty":                 {"", keyNotJSON, map[string]string{"at": "0"}, ""},
		"only blanks":           {" \n", keyNotJSON, map[string]string{"at": "2"}, ""},
		"only order mark":       {"\uFEFF", keyNotJSON, map[string]string{"at": "3"}, ""},
		"two order marks":       {"\uFEFF\uFEFF{}", keyNotJSON, map[string]string{"at": "3"}, ""},
		"text":                  {"hello", keyNotJSON, map[string]string{"at": "0"}, ""},
		"form":                  {"activity=newInstance", keyNotJSON, map[string]string{"at": "0"}, ""},
		"UTF-16":                {"\xff\xfe{\x00}\x00", keyNotJSON, map[string]string{"at": "0"}, ""},
		"array":                 {`[{"activity":"newInstance"}]`, keyNotObject, nil, ""},
		"string":                {`"newInstance"`, keyNotObject, nil, ""},
		"null":                  {`null`, keyNotObject, nil, ""},
		"cut":                   {`{"activity":"newInstance","orderId":"CS1"`, keyNotJSON, map[string]string{"at": "41"}, "newInstance"},
		"cut in a string":       {`{"activity":"newInstance","orderId":"CS1`, keyNotJSON, map[string]string{"at": "40"}, "newInstance"},
		"cut in an escape":      {`{"activity":"newInstance","orderId":"CS1\`, keyNotJSON, map[string]string{"at": "41"}, "newInstance"},
		"cut in a unit":         {`{"activity":"newInstance","orderId":"CS1\u00`, keyNotJSON, map[string]string{"at": "40"}, "newInstance"},
		"trailing comma":        {`{"activity":"newInstance",}`, keyNotJSON, map[string]string{"at": "26"}, "newInstance"},
		"comma in an array":     {`{"activity":"newInstance","x":[1,]}`, keyNotJSON, map[string]string{"at": "33"}, "newInstance"},
		"trailing text":         {`{"activity":"newInstance"}x`, keyNotJSON, map[string]string{"at": "26"}, "newInstance"},
		"two bodies":            {`{"activity":"newInstance"}{"activity":"newInstance"}`, keyNotJSON, map[string]string{"at": "26"}, "newInstance"},
		"trailing NUL":          {"{\"activity\":\"newInstance\"}\x00", keyNotJSON, map[string]string{"at": "26"}, "newInstance"},
		"raw NUL in a string":   {"{\"activity\":\"newInstance\",\"orderId\":\"C\x00\"}", keyNotJSON, map[string]string{"at": "38"}, "newInstance"},
		"raw NUL after escape":  {"{\"activity\":\"newInstance\",\"orderId\":\"\\n\x00\"}", keyNotJSON, map[string]string{"at": "39"}, "newInstance"},
		"single quotes":         {`{'activity':'newInstance'}`, keyNotJSON, map[string]string{"at": "1"}, ""},
		"no colon":              {`{"activity" "newInstance"}`, keyNotJSON, map[string]string{"at": "12"}, ""},
		"comment":               {`{"activity":"newInstance"/**/}`, keyNotJSON, map[string]string{"at": "25"}, "newInstance"},
		"unknown word":          {`{"activity":"newInstance","x":nul}`, keyNotJSON, map[string]string{"at": "30"}, "newInstance"},
		"word and more":         {`{"activity":"newInstance","x":nullx}`, keyNotJSON, map[string]string{"at": "34"}, "newInstance"},
		"leading zero":          {`{"activity":"newInstance","orderId":01}`, keyNotJSON, map[string]string{"at": "38"}, "newInstance"},
		"bare minus":            {`{"activity":"newInstance","orderId":-}`, keyNotJSON, map[string]string{"at": "37"}, "newInstance"},
		"bare point":            {`{"activity":"newInstance","orderId":1.}`, keyNotJSON, map[string]string{"at": "38"}, "newInstance"},
		"bare exponent":         {`{"activity":"newInstance","orderId":1e+}`, keyNotJSON, map[string]string{"at": "39"}, "newInstance"},
		"plus":                  {`{"activity":"newInstance","orderId":+1}`, keyNotJSON, map[string]string{"at": "36"}, "newInstance"},
		"NaN":                   {`{"activity":"newInstance","orderId":NaN}`, keyNotJSON, map[string]string{"at": "36"}, "newInstance"},
		"unknown escape":        {`{"activity":"newInstance","orderId":"\x41"}`, keyNotJSON, map[string]string{"at": "37"}, "newInstance"},
		"no hex in escape":      {`{"activity":"newInstance","orderId":"\u00g1"}`, keyNotJSON, map[string]string{"at": "37"}, "newInstance"},
		"no hex in second unit": {`{"activity":"newInstance","orderId":"\ud83d\uzzzz"}`, keyNotJSON, map[string]string{"at": "43"}, "newInstance"},
		"invalid UTF-8":         {"{\"activity\":\"newInstance\",\"orderId\":\"a\xff\"}", keyNotUTF8, map[string]string{"at": "37"}, "newInstance"},
		"overlong UTF-8":        {"{\"activity\":\"newInstance\",\"orderId\":\"\\t\xc0\x80\"}", keyNotUTF8, map[string]string{"at": "37"}, "newInstance"},
		"surrogate in UTF-8":    {"{\"activity\":\"newInstance\",\"orderId\":\"\xed\xa0\x80\"}", keyNotUTF8, map[string]string{"at": "37"}, "newInstance"},
		"invalid UTF-8 in key":  {"{\"activity\":\"newInstance\",\"\xff\":1}", keyNotUTF8, map[string]string{"at": "27"}, "newInstance"},
		"GBK":                   {"{\"activity\":\"newInstance\",\"x\":\"\xb2\xe2\xca\xd4\"}", keyNotUTF8, map[string]string{"at": "31"}, "newInstance"},
		"half a pair":           {`{"activity":"newInstance","orderId":"a\ud83d"}`, keyNotUTF8, map[string]string{"at": "38"}, "newInstance"},
		"second half":           {`{"activity":"newInstance","orderId":"\ude00"}`, keyNotUTF8, map[string]string{"at": "37"}, "newInstance"},
		"two first halves":      {`{"activity":"newInstance","orderId":"\ud83d\ud83d"}`, keyNotUTF8, map[string]string{"at": "37"}, "newInstance"},
		"half and a letter":     {`{"activity":"newInstance","orderId":"\ud83d\u0041"}`, keyNotUTF8, map[string]string{"at": "37"}, "newInstance"},
		"repeated key":          {`{"activity":"newInstance","orderId":"a","orderId":"a"}`, keyDuplicate, map[string]string{"field": "orderId"}, "newInstance"},
		"repeated, other value": {`{"activity":"newInstance","activity":"releaseInstance"}`, keyDuplicate, map[string]string{"field": "activity"}, "newInstance"},
		"repeated by escape":    {`{"activity":"newInstance","orderId":"a","order\u0049d":"b"}`, keyDuplicate, map[string]string{"field": "orderId"}, "newInstance"},
		"repeated as null":      {`{"activity":"newInstance","orderId":"a","orderId":null}`, keyDuplicate, map[string]string{"field": "orderId"}, "newInstance"},
		"repeated inside":       {`{"activity":"newInstance","x":[{"k":1,"k":2}]}`, keyDuplicate, map[string]string{"field": "k"}, "newInstance"},
		"repeated, odd name":    {`{"activity":"newInstance","\n\u0000中":1,"\n\u0000中":2}`, keyDuplicate, map[string]string{"field": "??中"}, "newInstance"},
		"repeated among many":   {`{"activity":"newInstance",` + manyMembers(40) + `,"k0":1}`, keyDuplicate, map[string]string{"field": "k0"}, "newInstance"},
		"repeated late":         {`{"activity":"newInstance",` + manyMembers(40) + `,"k39":1}`, keyDuplicate, map[string]string{"field": "k39"}, "newInstance"},
		"too deep":              {deep(maxDepth), keyTooDeep, map[string]string{"limit": "32"}, "newInstance"},
		"far too deep":          {deep(100_000), keyTooDeep, map[string]string{"limit": "32"}, "newInstance"},
		"too many values":       {`{"activity":"newInstance","x":[` + strings.Repeat("0,", maxValues) + `0]}`, keyTooManyValues, map[string]string{"limit": "10000"}, "newInstance"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call, err := Decode([]byte(c.body))
			require.Error(t, err)
			f := fault.From(err)
			require.Equal(t, fault.Invalid, f.Code)
			require.Equal(t, c.key, f.Key)
			require.Equal(t, c.args, f.Args)
			require.Equal(t, c.read, call.Activity)
			require.Nil(t, call.ContentHash)
			require.Equal(t, market.InvalidParameter, RefusalCode(err))
			require.Regexp(t, `^param is invalid: [ -~]+$`, Message(err))
			_, err = Canonical([]byte(c.body))
			require.Equal(t, c.key == keyNotObject, err == nil, "no second form of what is ambiguous")
		})
	}
	_, err := Decode([]byte(deep(maxDepth - 1)))
	require.Equal(t, keyMissing, fault.From(err).Key, "the deepest that is read")
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"k`)
		b.WriteString(strconv.Itoa(i))
		b.WriteString(`":0`)
	}
	return b.String()
}

func TestUnknownActivity(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]struct{ key, activity string }{
		`"expireInstance"`:                  {keyUnknownActivity, "expireInstance"},
		`"newinstance"`:                     {keyUnknownActivity, "newinstance"},
		`"newInstance "`:                    {keyUnknownActivity, "newInstance "},
		`"upgrade"`:                         {keyUnknownActivity, "upgrade"},
		`1`:                                 {keyUnknownActivity, "1"},
		`"` + strings.Repeat("a", 32) + `"`: {keyUnknownActivity, strings.Repeat("a", 32)},
		`"` + strings.Repeat("a", 33) + `"`: {keyTooLong, ""},
		`"new\u0000Instance"`:               {keyControl, ""},
		`null`:                              {keyMissing, ""},
		`""`:                                {keyMissing, ""},
		`["newInstance"]`:                   {keyType, ""},
	} {
		c, err := Decode([]byte(`{"activity":` + literal + `,"orderId":"CS1","orderLineId":"CS1-1","businessId":"b","instanceId":"i","testFlag":"1"}`))
		refused(t, err, want.key, "activity")
		require.Len(t, c.ContentHash, 32)
		c.ContentHash = nil
		require.Equal(t, market.Call{Protocol: market.V2, Activity: want.activity, OrderID: "CS1", OrderLineID: "CS1-1", BusinessID: "b",
			InstanceIDs: []string{"i"}, Test: true}, c, "for the log")
	}
}

func TestContentHash(t *testing.T) {
	t.Parallel()
	hash := func(body string) string {
		c, err := Decode([]byte(body))
		require.NoError(t, err, body)
		return hex.EncodeToString(c.ContentHash)
	}
	const first = `{"activity":"newInstance","orderId":"o","orderLineId":"l","businessId":"b","testFlag":"0"}`
	for _, same := range []string{
		`{"activity":"newInstance","orderId":"o","orderLineId":"l","businessId":"other"}`,
		` { "orderLineId":"l", "businessId":"b","orderId":"\u006f","activity":"newInstance","x":null}`,
		`{"activity":"newInstance","orderId":"o","orderLineId":"l","businessId":"b","testFlag":1}`,
		`{"activity":"newInstance","orderId":"o","orderLineId":"l","businessId":"b","requestTime":"one day"}`,
	} {
		require.Equal(t, hash(first), hash(same))
	}
	for _, other := range []string{
		`{"activity":"newInstance","orderId":"p","orderLineId":"l","businessId":"b"}`,
		`{"activity":"newInstance","orderId":"o","orderLineId":"m","businessId":"b"}`,
	} {
		require.NotEqual(t, hash(first), hash(other))
	}
	// computed elsewhere
	require.Equal(t, "ca65e3e20191d3b39576f56cc320b4164842c22548872b29e34993e3220ead2b", hash(first))
	// what productInfo has beside its fields is no content either
	check := `{"activity":"changeInstanceCheck","instanceId":"i","productInfo":{"productId":"p","testFlag":"X"}}`
	require.Equal(t, hash(strings.Replace(check, "X", "0", 1)), hash(strings.Replace(check, "X", "1", 1)))
}

// TestMessageBounds: whatever the names, the caller's text stays within the
// table and in ASCII.
func TestMessageBounds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("中", 300)
	_, err := Decode([]byte(`{"` + long + `":1,"` + long + `":2}`))
	require.Equal(t, keyDuplicate, fault.From(err).Key)
	require.Equal(t, strings.Repeat("中", 40)+"…", fault.From(err).Args["field"])
	require.Equal(t, "param is invalid: key "+strings.Repeat("?", 41)+" is there more than once", Message(err))
	require.Len(t, Message(fault.New(fault.Invalid, keyMissing, "field", strings.Repeat("a", 400))), MaxResultMsg)
	require.Equal(t, "param is invalid", Message(fault.New(fault.Invalid, "other.key")))
}
