package marketapi

import (
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"koodesk/app/protocol/aksk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	testCred = Credentials{AK: "AKTEST", SK: "SKTEST"}
	testTime = time.Date(2026, 11, 22, 5, 15, 0, 0, time.UTC)
)

// tlsServer is a marketplace over real TLS that counts its calls and refuses
// what is not signed with testCred.
type tlsServer struct {
	*httptest.Server
	calls atomic.Int64
}

func newTLSServer(t *testing.T, answer http.HandlerFunc) *tlsServer {
	t.Helper()
	s := &tlsServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		secret := func(ak string) (string, bool) { return testCred.SK, ak == testCred.AK }
		if _, err := aksk.Verify(r, nil, secret, testTime); err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		answer(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are part of the tests
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// client trusts the server and waits briefly between attempts.
func (s *tlsServer) client(t *testing.T, change func(*Options)) *Client {
	t.Helper()
	o := Options{Now: func() time.Time { return testTime }, RootCAs: x509.NewCertPool(), BackOff: time.Millisecond}
	o.RootCAs.AddCert(s.Certificate())
	if change != nil {
		change(&o)
	}
	c := New(o)
	t.Cleanup(c.Close)
	return c
}

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return b
}

// answers gives one answer after the other, the last one for ever.
func answers(list ...http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		list[min(int(n.Add(1)), len(list))-1](w, r)
	}
}

func reply200(body []byte) http.HandlerFunc { return replyWith(200, "application/json", string(body)) }

func replyWith(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cutOff promises more than it sends and drops the connection.
func cutOff(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		_, _ = io.WriteString(w, body)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}
