// Package wording is the language that the texts of customers' messages are
// written in: what stands in braces is a variable or a condition, and at the
// beginning of a mail's line a few marks say what the line is. It parses and
// checks such texts, fills them, and lays a mail out as blocks. There is no
// markup in it and nothing to call, so a text can do no more than say something.
// It knows neither the messages nor where texts are kept.
package wording

import (
	"unicode"

	"koodesk/app/fault"
)

// Text is what a message says. Subject is of a mail only.
type Text struct{ Subject, Body string }

// Kind is what a variable's value is.
type Kind int

// Kinds of variables.
const (
	Plain   Kind = iota
	Address      // a web address: a link in a mail
	Code         // something to be typed as it is: in the letters of a machine
	Secret       // Code that must not stand in a subject
	Flag         // no value: only a condition may ask for it
)

// Variable is what a text may use.
type Variable struct {
	Name    string
	Kind    Kind
	Private bool // must not stand in a subject, as a Secret must not
}

// Rules are what a text may and must say.
type Rules struct {
	Mail      bool // it has a subject, and marks
	Variables []Variable
	Required  []string // that the body has to show whenever they have a value
	Longest   int      // characters of the body
}

// LongestSubject bounds a mail's subject, in characters.
const LongestSubject = 200

// Parts of a text.
const (
	Subject = "subject"
	Body    = "body"
)

// Problem is one thing that is wrong with a text. Line counts from 1; 0 is the
// whole part. Its fault names the line too.
type Problem struct {
	Part  string // Subject or Body
	Line  int
	Fault *fault.Error
}

// maxProblems bounds what is said at once: a text in quite another language
// would be wrong at every brace.
const maxProblems = 20

// maxDepth is how deep conditions may be nested.
const maxDepth = 8

// kind gives the kind of a variable; false if there is no such variable.
func (r Rules) kind(name string) (Kind, bool) {
	for _, v := range r.Variables {
		if v.Name == name {
			return v.Kind, true
		}
	}
	return Plain, false
}

// private tells whether a variable must not stand where lists of mails show it.
func (r Rules) private(name string) bool {
	for _, v := range r.Variables {
		if v.Name == name {
			return v.Private || v.Kind == Secret
		}
	}
	return false
}

// visible tells whether a text may hold a character: everything but controls,
// beside the end of a line and the tabulator.
func visible(r rune) bool {
	return r == '\n' || r == '\t' || !unicode.IsControl(r) && r != unicode.ReplacementChar
}
