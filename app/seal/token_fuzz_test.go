package seal_test

import (
	"bytes"
	"testing"

	"koodesk/app/seal"
)

// FuzzOpenToken: what stands in a link's place opens only if it is the very token
// that the payload makes.
func FuzzOpenToken(f *testing.F) {
	r, err := seal.New(bytes.Repeat([]byte{1}, seal.KeySize))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.Token(seal.AccessPage, []byte("\x00\x00\x00\x00i1")))
	f.Add(r.Token(seal.AccessPage, nil))
	f.Add("=")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, token string) {
		payload, err := r.OpenToken(seal.AccessPage, token)
		if err != nil {
			if payload != nil {
				t.Fatal("an error with a payload")
			}
			return
		}
		if r.Token(seal.AccessPage, payload) != token {
			t.Fatalf("%q opens, but is not the token of %q", token, payload)
		}
	})
}
