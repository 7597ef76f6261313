package saas2

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"koodesk/app/market"
)

// BenchmarkPurchase is all that this package does for one purchase: query,
// proof, fingerprint, call, idempotency key, answer.
func BenchmarkPurchase(b *testing.B) {
	query, body := golden(b, market.NewInstance)
	now := time.UnixMilli(1680508066618)
	keys := []Key{{2, "22222222-2222-3333-4444-555555555555"}, {1, vectorKey}} // during a rotation
	b.ReportAllocs()
	for b.Loop() {
		e, err := ParseQuery(query)
		if err != nil {
			b.Fatal(err)
		}
		e.Body = body
		if _, err = Verify(keys, e, now); err != nil {
			b.Fatal(err)
		}
		Fingerprint(e)
		c, err := Decode(body)
		if err != nil {
			b.Fatal(err)
		}
		_ = c.IdempotencyKey()
		Encode(c.Activity, market.Answer{Code: market.Success, InstanceID: c.BusinessID})
	}
}

func BenchmarkVerify(b *testing.B) {
	now := time.UnixMilli(1680508066618)
	raw := goldenEnvelope(b, market.NewInstance)
	sorted := raw
	sorted.Body = append([]byte(" "), raw.Body...)
	for name, e := range map[string]Envelope{"raw": raw, "sorted": sorted} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Verify(vectorKeys, e, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, activity := range []string{market.NewInstance, market.RefreshInstance, market.ChangeInstanceCheck} {
		_, body := golden(b, activity)
		b.Run(activity, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHostile is what an unproved caller can make us do at most: a body at
// the size limit that is read for the second form and then refused.
func BenchmarkHostile(b *testing.B) {
	now := time.UnixMilli(1680508066618)
	e := goldenEnvelope(b, market.NewInstance)
	const size = 1 << 20
	for name, body := range map[string]string{
		"strings": `{"a":"` + strings.Repeat("\\n", size/2-8) + `"}`,
		"values":  `{"a":[` + strings.Repeat("0,", size/2-8) + `0]}`,
		"members": "{" + members(9_000, 100) + "}",
		"deep":    strings.Repeat("[", size),
	} {
		b.Run(name, func(b *testing.B) {
			e := e
			e.Body = []byte(body)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Verify(vectorKeys, e, now); err == nil {
					b.Fatal("proved")
				}
			}
		})
	}
}

func members(n, width int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"%0*d":0`, width, n-i)
	}
	return strings.Join(list, ",")
}
