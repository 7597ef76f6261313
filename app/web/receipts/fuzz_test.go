package receipts_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/throttle"
)

// FuzzReceive sends whatever comes to the address, known and unknown, with a real
// database behind it. Nothing is answered with a defect of ours.
func FuzzReceive(f *testing.F) {
	for _, seed := range []string{"", delivered, delivered + "&extend=1-x", "smsMsgId=%00&status=x&extend=%00", "smsMsgId=%ff&status=%ff&extend=%ff", delivered + "&extend=" + strings.Repeat("9", 4000)} {
		f.Add(true, "application/x-www-form-urlencoded", seed)
	}
	f.Add(true, "application/json", `{"statusReportList":[{"smsMsgId":"a\u0000","status":"UNDELIV","extend":"1-\u0000"}]}`)
	f.Add(false, "application/json", "{}")
	app, address := open(f, throttle.Rate{Tries: 1 << 30, In: time.Minute}, nil)
	f.Fuzz(func(t *testing.T, known bool, kind, body string) {
		at := address
		if !known {
			at += "x"
		}
		got := post(t, app, at, body, func(r *http.Request) {
			if strings.IndexFunc(kind, func(c rune) bool { return c < ' ' || c >= 0x7f }) < 0 {
				r.Header.Set("Content-Type", kind)
			}
		})
		require.Contains(t, []int{200, 400, 404, 413}, got, "%q", body)
	})
}
