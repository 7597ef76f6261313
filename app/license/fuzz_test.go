package license_test

import (
	"bytes"
	"strings"
	"testing"

	"koodesk/app/fault"
	"koodesk/app/license"
)

// FuzzRead: whatever a person uploads as Licenses is read or refused in words
// that do not quote it; nothing is made up, and nothing empty is let through.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"", "A\nB\r\n\n", "\xef\xbb\xbflicense,note\nA-1,x\n", "note, LICENSE \n\"a\"\"b\",\"c\nd\"\n", "license\n\"", "\xff", "a,b\n1,2\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		table, err := license.ReadCSV(raw)
		if err != nil && (!fault.Is(err, fault.Invalid) || len(fault.From(err).Args) > 0 || table != nil) {
			t.Fatalf("%v %v", err, table)
		}
		for _, one := range append(table, license.ReadLines(raw)...) {
			if strings.TrimSpace(one.Text) == "" || len(one.Text) > len(raw) {
				t.Fatalf("%q", one.Text)
			}
		}
		for _, one := range license.ReadLines(raw) {
			if !bytes.Contains(raw, []byte(one.Text)) || strings.Contains(one.Text, "\n") {
				t.Fatalf("%q is no line", one.Text)
			}
		}
	})
}
