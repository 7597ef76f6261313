package store

import (
	"testing"
	"time"
)

// FuzzCursor: a cursor that is read is the very one that its position makes, and
// holds nothing that the database could not compare with.
func FuzzCursor(f *testing.F) {
	l := list{letter: 'i', at: "at", id: "id"}
	f.Add(l.encode(position{at: time.Unix(1700000000, 0).UTC(), id: 7}))
	f.Add(l.encode(position{back: true, at: time.Time{}, id: -1}))
	f.Add(l.encode(position{at: time.UnixMicro(1<<63 - 1), id: 1<<63 - 1}))
	f.Add(l.encode(position{at: time.UnixMicro(-1 << 63), id: -1 << 63}))
	for _, s := range []string{"", "=", "aQAA", "\n", "aQ\naQ", "aQAA00000000\r000000000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := l.decode(s)
		if err != nil {
			if p != (position{}) {
				t.Fatal("a fault with a position")
			}
			return
		}
		if l.encode(p) != s {
			t.Fatalf("%q is read as %v, whose cursor is another", s, p)
		}
		if y := p.at.Year(); y < 1 || y > 9999 {
			t.Fatalf("%q is the year %d", s, y)
		}
	})
}
