package web_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/web"
)

// Whoever has asked nothing, or not to the end, is answered nothing: a program that
// keeps a connection ready would take it for the answer to its next request.
func TestAConnectionThatFallsSilentIsJustClosed(t *testing.T) {
	t.Parallel()
	d := open(t, func(o *web.Options) { o.Wait = 2 * time.Second })
	said := func(send string) <-chan string {
		c, err := net.Dial("tcp", strings.TrimPrefix(d.base, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, send)
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		answers := make(chan string, 1)
		go func() {
			b, err := io.ReadAll(c)
			if err != nil {
				b = []byte(err.Error())
			}
			answers <- string(b)
		}()
		return answers
	}
	const good = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	nothing, line, half := said(""), said("GET /hea"), said(good+"GET /api/v1/messages HTTP/1.1\r\nHo")
	body := said("POST /koogallery/default HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
	require.Empty(t, <-nothing)
	require.Empty(t, <-line)
	answers := <-half
	require.Equal(t, 1, strings.Count(answers, "HTTP/1.1 "), answers)
	require.True(t, strings.HasSuffix(answers, "ok\n"), answers)
	require.Empty(t, <-body)
}
