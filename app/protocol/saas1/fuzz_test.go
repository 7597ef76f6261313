package saas1

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
)

// FuzzQuery: whatever comes as a query is read or refused with a fault of this
// package, what is read keeps the tables' lengths, and the answer is JSON.
func FuzzQuery(f *testing.F) {
	for _, name := range goldenNames(f) {
		f.Add(golden(f, name))
	}
	f.Add("a=%&&=&a=+&authToken=+&timeStamp=%00")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := ParseQuery(raw)
		if err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Fatal(err)
		}
		_, verifyErr := Verify(vectorKeys, q)
		c, decodeErr := Decode(q)
		if decodeErr != nil && !fault.Is(decodeErr, fault.Invalid) {
			t.Fatal(decodeErr)
		}
		Reveal(&c, vectorKey, crypt.AES256)
		for _, text := range append([]string{c.Activity, c.OrderID, c.BusinessID, c.ProductID, c.SkuCode}, c.InstanceIDs...) {
			if utf8.RuneCountInString(text) > 64 || !cleanText(text) {
				t.Fatalf("%q was let through", text)
			}
		}
		_ = c.IdempotencyKey()
		for _, e := range []error{err, verifyErr, decodeErr} {
			b := Encode(c.Activity, market.Answer{Code: RefusalCode(e), Msg: Message(e)}, Cipher{})
			if !json.Valid(b) {
				t.Fatalf("%s", b)
			}
		}
	})
}

// FuzzExtendParams reads the content of saasExtendParams.
func FuzzExtendParams(f *testing.F) {
	f.Add("W3sibmFtZSI6ImlkTnVtIiwidmFsdWUiOiIzNTIyNTU1NTU1NTU2NTYifV0=")
	f.Add("W3sibmFtZSI6InBsYXRmb3JtUGFyYW1zIiwidmFsdWUiOiJ7fSJ9XQ%3D%3D")
	f.Fuzz(func(t *testing.T, v string) {
		c := market.Call{Terms: &market.Terms{}}
		if err := extendParams.take(&c, extendParams, v); err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
		for _, p := range c.Terms.Params {
			if !cleanText(p.Name) || !cleanText(p.Value) {
				t.Fatalf("%q", p)
			}
		}
		if len(c.Terms.Params) > maxParams {
			t.Fatal("too many")
		}
	})
}
