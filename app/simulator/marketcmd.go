package simulator

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"
)

const marketUsage = `Stands in for the marketplace's open APIs (order query with the nine MOCK orders, and a
plausible yearly order for any other id; the upload of Licenses; activation, query and
usage statistics of authorization codes, where every code that begins with PL exists), checking the caller's
AK/SK. Ctrl-C ends it.

  koodesk simulate market --ak AK --sk SK [--addr HOST:PORT] [flags]

Give its address to a channel:  koodesk channel set --slug S … --ak AK --sk SK --open-api http://HOST:PORT
`

type marketFlags struct {
	addr   string
	ak, sk string
	email  string
	phone  string
	delay  time.Duration
	fail   int
	upload string
}

func (f *marketFlags) set() *flag.FlagSet {
	s := flag.NewFlagSet("market", flag.ContinueOnError)
	s.StringVar(&f.addr, "addr", "127.0.0.1:8090", "listen on `HOST:PORT`; port 0 takes a free one")
	s.StringVar(&f.ak, "ak", "", "access key `id` that callers must use")
	s.StringVar(&f.sk, "sk", "", "its `secret`; - reads it from standard input")
	s.StringVar(&f.email, "buyer-email", "", "the buyer's e-mail `address` in every order; without it there is none")
	s.StringVar(&f.phone, "buyer-phone", "", "the buyer's phone `number` in every order (default 18688888888)")
	s.DurationVar(&f.delay, "delay", 0, "wait this long before each answer")
	s.IntVar(&f.fail, "fail", 0, "answer the first `N` calls with 500 MKT.0999")
	s.StringVar(&f.upload, "refuse-uploads", "", "refuse every License that is uploaded with the `code`, e.g. 91381037")
	return s
}

func (f *marketFlags) check(con console) (err error) {
	switch {
	case f.ak == "":
		return errors.New("--ak is missing")
	case f.delay < 0:
		return errors.New("--delay must not be negative")
	case f.fail < 0:
		return errors.New("--fail must not be negative")
	}
	f.sk, err = secret("--sk", f.sk, con.in)
	return err
}

// runMarket is `simulate market`.
func runMarket(ctx context.Context, con console, args []string) int {
	var f marketFlags
	if err := parse(f.set(), args); err != nil {
		return con.usage(err)
	}
	if err := f.check(con); err != nil {
		return con.usage(err)
	}
	listener, err := net.Listen("tcp", f.addr)
	if err != nil {
		return con.usage(fmt.Errorf("--addr: %w", err))
	}
	m := NewMarket(MarketOptions{
		AK: f.ak, SK: f.sk, BuyerEmail: f.email, BuyerPhone: f.phone,
		Log: func(c MarketCall) { fmt.Fprintln(con.out, c) },
	})
	m.SetDelay(f.delay)
	m.FailNext(f.fail, Failure{})
	m.SetUploadCode(f.upload)
	fmt.Fprintf(con.out, "open APIs on http://%s\n", listener.Addr())
	return serve(ctx, con, listener, m)
}

// serve runs until ctx ends.
func serve(ctx context.Context, con console, l net.Listener, h http.Handler) int {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(con.err, "", 0)}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		fmt.Fprintln(con.err, "koodesk simulate:", err)
		return exitBad
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := s.Shutdown(bounded); err != nil {
		_ = s.Close() // callers that will not let go
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(con.err, "koodesk simulate:", err)
		return exitBad
	}
	return exitGood
}

// String is the line of the log.
func (c MarketCall) String() string {
	line := fmt.Sprintf("%s %s %s %d %s", c.Method, c.Path, c.OrderID, c.Status, c.Code)
	if c.Status == 0 {
		line = fmt.Sprintf("%s %s %s dropped", c.Method, c.Path, c.OrderID)
	}
	if c.Refused != "" {
		line += " (" + c.Refused + ")"
	}
	return line
}
