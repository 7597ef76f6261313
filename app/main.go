// Package main is the program: it reads the command line and the settings,
// builds every object once (wire.go) and runs what was asked for. It alone knows
// all packages, and holds no rule of the product.
package main

import (
	"context"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/provision"
	"koodesk/app/signin"
	"koodesk/app/simulator"
	"koodesk/app/store"
	"koodesk/config"
	"koodesk/jobs"
)

// version is set at build time.
var version = "development"

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it ran, and something is wrong
	exitUsage  = 2 // bad usage or configuration: nothing was done
)

const usage = `koodesk: the seller's side of KooGallery (云商店)

  koodesk serve [--jobs]     callbacks, console and API; with --jobs the workers too
  koodesk work               workers and scheduler only; any number of processes
  koodesk migrate up|down|status
  koodesk channel set ...    create or change a production address and its keys
  koodesk product set ...    what a product is provisioned by
  koodesk pool add ...       prepared accounts from a CSV file; also list, set
  koodesk license list       Licenses that were asked for; also hand-in, upload
  koodesk license-pool import ...   Licenses made in advance; also list
  koodesk event-target set ...  who hears of events; also list, remove, test
  koodesk operator add ...   somebody who may log in; also list, password, disable
  koodesk token create ...   an API token, printed once; also list, revoke
  koodesk mail bounce        take a mail that came back, from a mail server;
                             also webhook: where mail services report
  koodesk customer erase ... erase one customer's personal data, on request
  koodesk queue rebuild      restore Redis from the database
  koodesk simulate ...       play the marketplace
  koodesk doctor             check settings, database, Redis, clock, mail; with
                             --channel S the production address, from outside
  koodesk version

Settings come from the environment and from an .env file in the working
directory or beside the program; config/koodesk.env.example lists them. Each command explains its
flags with -h.
`

// command is one subcommand.
type command func(ctx context.Context, c *cli, args []string) error

var commands = map[string]command{
	"serve":        serve,
	"work":         work,
	"migrate":      migrate,
	"channel":      channel,
	"product":      product,
	"pool":         pools,
	"license":      licenses,
	"license-pool": licensePool,
	"event-target": eventTarget,
	"operator":     operator,
	"token":        tokens,
	"queue":        queue,
	"customer":     customer,
	"mail":         mails,
	"doctor":       doctor,
}

// cli is the command line's surroundings.
type cli struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	config         config.Config

	// For tests: shorter waits, cheaper hashes of passwords, connections that are
	// used again, a mail server's own certificates, and word of the address that the
	// web part listens on.
	tune      func(*jobs.Options)
	drivers   func(*store.Store) provision.Drivers // in place of the real ones of these names
	hashing   signin.Cost
	connect   func(url string) (driver.Connector, error)
	mailCAs   *x509.CertPool
	patience  time.Duration // with a webhook; 0: the usual one
	listening func(net.Addr)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return exitOK
	case "version", "--version":
		fmt.Fprintln(stdout, "koodesk "+version)
		return exitOK
	case "simulate":
		return simulator.Main(ctx, rest, stdin, stdout, stderr)
	}
	cmd, ok := commands[name]
	if !ok {
		fmt.Fprintf(stderr, "koodesk: there is no command %q; `koodesk help` lists them\n", name)
		return exitUsage
	}
	c := &cli{stdin: stdin, stdout: stdout, stderr: stderr}
	var err error
	if !asksForHelp(rest) {
		c.config, err = config.Load(envFile())
	}
	if err == nil {
		err = cmd(ctx, c, rest)
	}
	code := c.report(err)
	if name == "mail" && len(rest) > 0 && rest[0] == "bounce" {
		return mailCode(code)
	}
	return code
}

// envFile is the .env file of the working directory or, without one there, the
// one beside the program.
func envFile() string {
	const name = ".env"
	if _, err := os.Stat(name); err == nil {
		return name
	}
	program, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(program), name)
}

func asksForHelp(args []string) bool {
	for _, a := range args {
		if a == "-h" || a == "--help" || a == "-help" {
			return true
		}
	}
	return false
}

// errUsage marks a wrong command line; its text has been printed.
var errUsage = errors.New("usage")

// errHelp means that help was asked for and printed.
var errHelp = errors.New("help")

// report prints an error for people and gives the exit code.
func (c *cli) report(err error) int {
	switch {
	case err == nil, errors.Is(err, errHelp):
		return exitOK
	case errors.Is(err, errUsage):
		return exitUsage
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.Is(err, errNoMail):
		return exitData
	}
	var faults config.Faults
	if errors.As(err, &faults) {
		fmt.Fprintln(c.stderr, faults)
		return exitUsage
	}
	f := fault.From(err)
	fmt.Fprintln(c.stderr, "koodesk: "+sentence(i18n.For(i18n.En).FaultOf(err)))
	if f.Code == fault.Invalid {
		return exitUsage
	}
	return exitFailed
}

// errFailed marks a failure whose text has been printed.
var errFailed = errors.New("failed")

// sentence is a fault on one line.
func sentence(f *i18n.FaultText) string {
	text := f.What
	if f.Detail != "" {
		text += " (" + f.Detail + ")"
	}
	if f.Do != "" {
		text += ". " + f.Do
	}
	return text
}
