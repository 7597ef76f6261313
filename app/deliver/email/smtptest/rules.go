package smtptest

import (
	"fmt"
	"sync"
)

// Stage is a point of the conversation at which the server can misbehave.
type Stage string

// The stages, in order.
const (
	Connect  Stage = "connect" // before the greeting
	Hello    Stage = "hello"
	StartTLS Stage = "starttls"
	Auth     Stage = "auth"
	MailFrom Stage = "mail"
	RcptTo   Stage = "rcpt"
	Data     Stage = "data" // the command
	Body     Stage = "body" // in the middle of the message
	End      Stage = "end"  // after the message, before it is taken
	Taken    Stage = "taken"
)

// Always is for as many times as it comes.
const Always = -1

type rule struct {
	stage Stage
	times int
	reply string // "" for the others
	drop  bool
	hold  chan struct{} // closed by free
	free  func()
}

// Reply makes the server answer with this code and text at a stage, the given
// number of times; at Auth it refuses the login, at End the message.
func (s *Server) Reply(stage Stage, code int, text string, times int) {
	s.add(&rule{stage: stage, reply: fmt.Sprintf("%d %s", code, text), times: times})
}

// RefuseAuth makes it refuse every login.
func (s *Server) RefuseAuth() {
	s.Reply(Auth, 535, "5.7.8 Authentication credentials invalid", Always)
}

// Drop makes it close the line at a stage; at Body in the middle of the message,
// at Taken after the message was taken and before that is said.
func (s *Server) Drop(stage Stage, times int) { s.add(&rule{stage: stage, drop: true, times: times}) }

// Hold makes it say nothing at a stage until release is called: a slow server,
// without any clock.
func (s *Server) Hold(stage Stage, times int) (release func()) {
	hold := make(chan struct{})
	r := &rule{stage: stage, hold: hold, free: sync.OnceFunc(func() { close(hold) }), times: times}
	s.add(r)
	return r.free
}

// Accept forgets every rule and lets go whoever is held.
func (s *Server) Accept() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.free != nil {
			r.free()
		}
	}
	s.rules = nil
}

func (s *Server) add(r *rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, r)
}

// meet finds the rule for a stage and counts it.
func (s *Server) meet(stage Stage) rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.stage == stage && r.times != 0 {
			if r.times > 0 {
				r.times--
			}
			return *r
		}
	}
	return rule{}
}
