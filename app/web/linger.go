package web

import (
	"io"
	"net"
	"time"
)

// How much of what a caller is still sending is read after the last answer on a
// connection, and for how long.
const (
	lingerBytes = 8 << 20
	lingerTime  = 2 * time.Second
)

// lingering makes connections end gently: an answer that is given before the
// whole request was read (413) would be lost if the connection were cut while
// the caller still sends.
type lingering struct{ net.Listener }

func (l lingering) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok && err == nil {
		return &lingerConn{TCPConn: tcp}, nil
	}
	return c, err
}

type lingerConn struct{ *net.TCPConn }

// Close says that nothing more will come, lets the caller finish, and closes.
func (c *lingerConn) Close() error {
	if err := c.CloseWrite(); err != nil {
		return c.TCPConn.Close()
	}
	if err := c.SetReadDeadline(time.Now().Add(lingerTime)); err != nil {
		return c.TCPConn.Close()
	}
	go func() {
		_, _ = io.CopyN(io.Discard, c.TCPConn, lingerBytes)
		_ = c.TCPConn.Close()
	}()
	return nil
}
