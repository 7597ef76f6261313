package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// answerLimit is how long an answer may take: the marketplace waits no longer
// (page CN 0070649475).
const answerLimit = 5 * time.Second

// client is one connection that carries one call after the other. It reads just
// as much of HTTP/1.1 as the answers here need, because whatever the load costs
// is taken from the program under test, which shares its processors: 10 µs per
// call, where net/http takes 24 µs.
type client struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
}

// answer is valid until the next call.
type answer struct {
	status int
	sign   []byte // Body-Sign
	body   []byte
}

func (c *client) call(request []byte) (answer, error) {
	a, err := c.exchange(request)
	if err != nil {
		c.close()
	}
	return a, err
}

func (c *client) exchange(request []byte) (answer, error) {
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", c.addr, answerLimit)
		if err != nil {
			return answer{}, err
		}
		c.conn, c.in = conn, bufio.NewReaderSize(conn, 16<<10)
	}
	if err := c.conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return answer{}, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return answer{}, err
	}
	return readAnswer(c.in)
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

var (
	headLength = []byte("content-length")
	headSign   = []byte("body-sign")
	colon      = []byte(":")
)

var errLength = errors.New("an answer without Content-Length")

// readAnswer takes an answer whose body fits into the reader's buffer.
func readAnswer(in *bufio.Reader) (answer, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return answer{}, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return answer{}, fmt.Errorf("not an answer of HTTP/1.1: %q", line)
	}
	a := answer{}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return answer{}, err
	}
	length := -1
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return answer{}, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, colon)
		switch {
		case bytes.EqualFold(name, headLength):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return answer{}, err
			}
		case bytes.EqualFold(name, headSign):
			a.sign = append(a.sign, bytes.TrimSpace(value)...) // the next line may move the buffer
		}
	}
	if length < 0 {
		return answer{}, errLength
	}
	if a.body, err = in.Peek(length); err != nil {
		return answer{}, err
	}
	_, err = in.Discard(length)
	return a, err
}
