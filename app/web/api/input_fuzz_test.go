package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// strict has a field of every kind that bodies have.
type strict struct {
	Text   string          `json:"text"`
	Number *int64          `json:"number"`
	Small  int             `json:"small"`
	Value  json.Number     `json:"value"`
	Flag   *bool           `json:"flag"`
	Days   []int           `json:"days"`
	Raw    json.RawMessage `json:"raw"`
	At     time.Time       `json:"at"`
	Inner  inner           `json:"inner"`
	List   []inner         `json:"list"`
}

type inner struct {
	Name string   `json:"name"`
	Off  []string `json:"off"`
}

// FuzzBody: a body is read as encoding/json reads it, or refused; what is wrong
// is named, and no more of it than a person could look at.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{"", "{}", "[]", "null", `{"text":"a","number":1,"days":[1],"flag":true}`, `{"list":[{"name":"a"},null,7]}`, `{"inner":{"x":1}}`, `{"text":1}`,
		`{"text":"a","text":"b"}`, `{"TEXT":"a"}`, `{"value":1e400,"small":9223372036854775808}`, `{"at":"2026-11-27T00:00:00Z"}`, `{} {}`, `{"raw":{"a":[1]}}`, `{"value":"12.50"}`} {
		f.Add([]byte(seed))
	}
	many := []byte("{")
	for range 300 {
		many = append(many, `"x":1,"y":2,`...)
	}
	f.Add(append(many, `"z":3}`...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var got, plain strict
		err := read(raw, &got)
		if err != nil {
			var p *problem
			if errors.As(err, &p) {
				require.NotEmpty(t, p.fields)
				require.LessOrEqual(t, len(p.fields), maxWrong)
			}
			return
		}
		if len(bytes.TrimSpace(raw)) == 0 {
			require.Equal(t, strict{}, got)
			return
		}
		require.NoError(t, json.Unmarshal(raw, &plain))
		require.True(t, reflect.DeepEqual(plain, got), "%s: %+v, not %+v", raw, got, plain)
	})
}

// FuzzTime: a time that is taken can be written again, and is the same.
func FuzzTime(f *testing.F) {
	for _, seed := range []string{"", "2026-11-27T08:00:00Z", "2026-11-27T08:00:00.123456789 08:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2026-02-30T00:00:00Z", "+262143-01-01T00:00:00Z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := parseTime(s)
		if err != nil {
			return
		}
		again, err := parseTime(at.Format(time.RFC3339Nano))
		if err != nil || !again.Equal(at) {
			t.Fatalf("%q is %v, and then %v, %v", s, at, again, err)
		}
		if _, err := json.Marshal(moment(at)); err != nil {
			t.Fatal(err)
		}
	})
}
