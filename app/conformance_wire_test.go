package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// wired is an answer as it came over the wire: net/http hides how a header is
// spelled.
type wired struct {
	Status  int
	Headers []string // "Name: value", as sent
	Body    []byte
}

// header is the value of a header spelled exactly so.
func (w wired) header(name string) (string, bool) {
	for _, line := range w.Headers {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// exchange sends one HTTP/1.1 request, written by hand, and reads the answer.
func (s *suite) exchange(method, target string, headers []string, body string) wired {
	s.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.rig.base, "http://"), 5*time.Second)
	require.NoError(s, err)
	defer conn.Close()
	require.NoError(s, conn.SetDeadline(time.Now().Add(20*time.Second)))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: www.isvwebsite.com\r\nConnection: close\r\n", method, target)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	if method == http.MethodPost {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	_, err = io.WriteString(conn, b.String())
	require.NoError(s, err)
	raw, err := io.ReadAll(conn)
	require.NoError(s, err)
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	require.NoError(s, err, "%q", raw)
	defer res.Body.Close()
	w := wired{Status: res.StatusCode}
	w.Body, err = io.ReadAll(res.Body)
	require.NoError(s, err)
	head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	w.Headers = strings.Split(head, "\r\n")[1:]
	return w
}
