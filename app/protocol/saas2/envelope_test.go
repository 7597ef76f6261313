package saas2

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
)

func hexUpper(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

func TestParseQuery(t *testing.T) {
	t.Parallel()
	full := Envelope{Signature: "AB", Timestamp: "12", Nonce: "n"}
	long := strings.Repeat("a", maxParameter)
	for name, c := range map[string]struct {
		raw   string
		want  Envelope
		err   *fault.Error
		field string
	}{
		"as published":        {"signature=AB&timestamp=12&nonce=n", full, nil, ""},
		"other order":         {"nonce=n&timestamp=12&signature=AB", full, nil, ""},
		"unknown parameters":  {"a=1&signature=AB&b&timestamp=12&=&nonce=n&&a=2", full, nil, ""},
		"percent-encoded":     {"signature=%41%42&%74imestamp=%31%32&nonce=%6e", full, nil, ""},
		"percent lower hex":   {"nonce=%2b%2F%3d%3D", Envelope{Nonce: "+/=="}, nil, ""},
		"plus is a blank":     {"nonce=a+b", Envelope{Nonce: "a b"}, nil, ""},
		"equals in the value": {"nonce=YWI==", Envelope{Nonce: "YWI=="}, nil, ""},
		"semicolon":           {"nonce=a;b", Envelope{Nonce: "a;b"}, nil, ""},
		"no value":            {"signature&timestamp=&nonce", Envelope{}, nil, ""},
		"empty":               {"", Envelope{}, nil, ""},
		"case of names":       {"Signature=AB&TIMESTAMP=12", Envelope{}, nil, ""},
		"non-ASCII":           {"nonce=%E4%B8%AD", Envelope{Nonce: "中"}, nil, ""},
		"longest":             {"nonce=" + long, Envelope{Nonce: long}, nil, ""},
		"broken foreign name": {"%zz=1&nonce=n", Envelope{Nonce: "n"}, nil, ""},
		"broken foreign text": {"x=%zz&nonce=n", Envelope{Nonce: "n"}, nil, ""},

		"twice":                {"signature=AB&timestamp=12&nonce=n&nonce=n", full, ErrQueryDuplicate, "nonce"},
		"twice, one encoded":   {"signature=AB&%73ignature=CD&timestamp=12&nonce=n", full, ErrQueryDuplicate, "signature"},
		"twice, first empty":   {"timestamp=&signature=AB&timestamp=12", Envelope{Signature: "AB"}, ErrQueryDuplicate, "timestamp"},
		"broken escape":        {"signature=AB&timestamp=1%2&nonce=n", Envelope{Signature: "AB", Nonce: "n"}, ErrQueryFormat, "timestamp"},
		"NUL":                  {"signature=AB&nonce=a%00", Envelope{Signature: "AB"}, ErrQueryFormat, "nonce"},
		"line break":           {"nonce=a%0d%0ab", Envelope{}, ErrQueryFormat, "nonce"},
		"raw control":          {"nonce=a\x7f", Envelope{}, ErrQueryFormat, "nonce"},
		"control beyond ASCII": {"nonce=a%C2%85", Envelope{}, ErrQueryFormat, "nonce"},
		"invalid UTF-8":        {"nonce=a%ff", Envelope{}, ErrQueryFormat, "nonce"},
		"too long":             {"nonce=" + long + "a", Envelope{}, ErrQueryFormat, "nonce"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := ParseQuery(c.raw)
			require.Equal(t, c.want, e)
			if c.err == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.field, fault.From(err).Args["field"])
			require.Equal(t, market.InvalidParameter, RefusalCode(err))
			require.Equal(t, "param is invalid", Message(err))
		})
	}
}
