// Package marketapi is the client of KooGallery's open APIs: it signs with
// AK/SK, insists on TLS, bounds every answer and wait, tries temporary failures
// again within the call, and turns whatever comes back into domain values or
// into faults that say what to do next. It must not know who asks or what is
// done with the answer, and it keeps nothing but idle connections.
//
// Faults have keys "<operation>.<reason>" (see FaultKeys) and, where the
// marketplace answered, the arguments "status" (HTTP) and "code" (its own); what
// it said in words is the fault's cause.
package marketapi

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"

	"koodesk/app/market"
	"koodesk/app/protocol/aksk"
)

// Credentials are the AK and SK of the seller's account.
type Credentials = aksk.Credentials

// Options shape a Client. The zero value is right for production.
type Options struct {
	Now       func() time.Time // the clock that dates signatures; nil: time.Now
	RootCAs   *x509.CertPool   // whom to trust; nil: the system's. Verification cannot be turned off
	OrderZone *time.Location   // zone of the times in orders; nil: market.OrderZone

	ConnectTimeout time.Duration // TCP, and again TLS; 0: 5 s
	AttemptTimeout time.Duration // one request with its answer; 0: 10 s
	TotalTimeout   time.Duration // one call with all its attempts and waits; 0: 30 s
	Attempts       int           // how often a temporary failure is tried, at most; 0: 3
	BackOff        time.Duration // wait before the second attempt, doubled for each further one; 0: 400 ms
	MaxAnswer      int64         // bytes of an answer; 0: 1 MiB

	// Fallbacks are the hosts (with port, if any) to turn to when another cannot
	// be reached; nil: the published pair of the China site.
	Fallbacks map[string]string
}

// chinaFallback: "retry with mkt.myhuaweicloud.cn if unavailable" (page CN
// 0070649466, older text; both usage pages name it too). The other sites have none.
var chinaFallback = map[string]string{"mkt.myhuaweicloud.com": "mkt.myhuaweicloud.cn"}

// Client calls the open APIs of any site for any seller. Safe for concurrent use.
type Client struct {
	opt  Options
	http *http.Client
}

// New makes a client.
func New(o Options) *Client {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OrderZone == nil {
		o.OrderZone = market.OrderZone()
	}
	if o.Fallbacks == nil {
		o.Fallbacks = chinaFallback
	}
	setDefault(&o.ConnectTimeout, 5*time.Second)
	setDefault(&o.AttemptTimeout, 10*time.Second)
	setDefault(&o.TotalTimeout, 30*time.Second)
	setDefault(&o.Attempts, 3)
	setDefault(&o.BackOff, 400*time.Millisecond)
	setDefault(&o.MaxAnswer, 1<<20)
	return &Client{opt: o, http: newHTTPClient(o)}
}

func setDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// newHTTPClient follows no redirect: a signed call belongs to the host that it
// was signed for. It reads no proxy from the environment.
func newHTTPClient(o Options) *http.Client {
	dialer := &net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
			TLSHandshakeTimeout:    o.ConnectTimeout,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        60 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
