package view

import "koodesk/app/fault"

// LoginPage is where operators come in. Its shell has no operator.
type LoginPage struct {
	Shell
	Email    Field
	Password Field         // never filled in
	Fault    *fault.Record // wrong credentials, too many tries, …
	Notice   Text          // e.g. that the session has expired
	Next     string        // local path to go to afterwards
}

// ErrorPage is every page that could not be shown. Its shell has an operator if
// there is a session; without one the page stands alone.
type ErrorPage struct {
	Shell
	Status    int // HTTP
	Fault     *fault.Record
	RequestID string // to find it in the log
	Retry     string // address to try again; "" when that cannot help
	Home      string
}

// AccountPage is the operator's own: facts, password, language and theme.
type AccountPage struct {
	Shell
	Facts      []Fact
	MustChange bool // the password was given out by somebody else
	Current    Field
	New        Field
	Repeat     Field
	MinLength  int // of a password, in characters
	Rows       int // on a page of a list
	RowChoices []int
	Fault      *fault.Record
}
