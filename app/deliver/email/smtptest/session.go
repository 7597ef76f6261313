package smtptest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
)

var errDropped = errors.New("dropped by a rule")

// session is one connection.
type session struct {
	s      *Server
	sock   net.Conn // below any TLS
	conn   net.Conn
	r      *textproto.Reader
	secure bool
	user   string
	from   string
	to     []string
}

func (s *Server) serve(sock net.Conn) {
	defer s.forget(sock)
	c := &session{s: s, sock: sock, conn: sock}
	if s.implicit {
		c.protect()
	}
	c.r = textproto.NewReader(bufio.NewReader(c.conn))
	if replied, err := c.rule(Connect); replied || err != nil || c.say("220 mail.test ESMTP") != nil {
		return
	}
	for {
		line, err := c.r.ReadLine()
		if err != nil || c.command(line) != nil {
			return
		}
	}
}

func (c *session) protect() {
	c.conn, c.secure = tls.Server(c.sock, c.s.conf), true
	c.r = textproto.NewReader(bufio.NewReader(c.conn))
}

func (c *session) say(format string, args ...any) error {
	_, err := fmt.Fprintf(c.conn, format+"\r\n", args...)
	return err
}

// rule does what the server was told to do at a stage: an answer of its own, a
// wait, or the end of the connection.
func (c *session) rule(stage Stage) (replied bool, err error) {
	r := c.s.meet(stage)
	switch {
	case r.drop:
		return false, errDropped
	case r.hold != nil:
		<-r.hold
	case r.reply != "":
		return true, c.say("%s", r.reply)
	}
	return false, nil
}

func (c *session) command(line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO", "HELO":
		return c.at(Hello, c.hello)
	case "STARTTLS":
		return c.at(StartTLS, func() error {
			err := c.say("220 go ahead")
			c.protect()
			return err
		})
	case "AUTH":
		return c.auth(arg)
	case "MAIL":
		if !c.s.noAuth && c.user == "" {
			return c.say("530 5.7.0 Authentication required")
		}
		return c.at(MailFrom, func() error {
			c.from, c.to = path(arg), nil
			return c.say("250 2.1.0 Ok")
		})
	case "RCPT":
		return c.at(RcptTo, func() error {
			c.to = append(c.to, path(arg))
			return c.say("250 2.1.5 Ok")
		})
	case "DATA":
		if len(c.to) == 0 {
			return c.say("503 5.5.1 no valid recipients")
		}
		return c.at(Data, c.data)
	case "RSET":
		c.from, c.to = "", nil
		return c.say("250 2.0.0 Ok")
	case "NOOP":
		return c.say("250 2.0.0 Ok")
	case "QUIT":
		_ = c.say("221 2.0.0 Bye")
		return io.EOF
	}
	return c.say("500 5.5.2 unknown command")
}

func (c *session) at(stage Stage, otherwise func() error) error {
	if replied, err := c.rule(stage); replied || err != nil {
		return err
	}
	return otherwise()
}

func (c *session) hello() error {
	words := []string{"mail.test", "8BITMIME", "ENHANCEDSTATUSCODES"}
	if !c.secure && !c.s.noTLS {
		words = append(words, "STARTTLS")
	}
	if !c.s.noAuth && (c.secure || c.s.noTLS) {
		words = append(words, "AUTH "+c.s.mechanism)
	}
	for i, w := range words {
		sep := "-"
		if i == len(words)-1 {
			sep = " "
		}
		if err := c.say("250%s%s", sep, w); err != nil {
			return err
		}
	}
	return nil
}

func (c *session) auth(arg string) error {
	mech, first, _ := strings.Cut(arg, " ")
	var user, password string
	switch strings.ToUpper(mech) {
	case "PLAIN":
		b, err := base64.StdEncoding.DecodeString(first)
		parts := bytes.Split(b, []byte{0})
		if err != nil || len(parts) != 3 {
			return c.say("501 5.5.2 cannot decode")
		}
		user, password = string(parts[1]), string(parts[2])
	case "LOGIN":
		var err error
		if user, err = c.ask("Username:"); err != nil {
			return err
		}
		if password, err = c.ask("Password:"); err != nil {
			return err
		}
	default:
		return c.say("504 5.5.4 unknown mechanism")
	}
	return c.at(Auth, func() error {
		if user != User || password != Password {
			return c.say("535 5.7.8 Authentication credentials invalid")
		}
		c.user = user
		return c.say("235 2.7.0 Authentication successful")
	})
}

func (c *session) ask(prompt string) (string, error) {
	if err := c.say("334 %s", base64.StdEncoding.EncodeToString([]byte(prompt))); err != nil {
		return "", err
	}
	line, err := c.r.ReadLine()
	if err != nil {
		return "", err
	}
	b, err := base64.StdEncoding.DecodeString(line)
	return string(b), err
}

func (c *session) data() error {
	if err := c.say("354 End data with <CR><LF>.<CR><LF>"); err != nil {
		return err
	}
	body := c.r.DotReader()
	head := make([]byte, 64)
	if _, err := io.ReadFull(body, head); err != nil && err != io.ErrUnexpectedEOF {
		return err
	}
	if _, err := c.rule(Body); err != nil {
		return err
	}
	rest, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return c.at(End, func() error {
		c.s.keep(parse(c, append(bytes.TrimRight(head, "\x00"), rest...)))
		if _, err := c.rule(Taken); err != nil {
			return err
		}
		return c.say("250 2.0.0 Ok: queued as %s", "4F1C")
	})
}

// path takes the address out of "FROM:<a@b> BODY=8BITMIME".
func path(arg string) string {
	_, after, _ := strings.Cut(arg, "<")
	address, _, _ := strings.Cut(after, ">")
	return address
}
