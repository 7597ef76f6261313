// Package simulator is a marketplace to test against: it signs and sends the
// calls that KooGallery sends, examines the answers as KooGallery does, plays
// whole life cycles, and stands in for the open APIs. It speaks HTTP to the
// program under test and shares only protocol/ and market/ with it; it must not
// know how anything is stored or worked on.
package simulator

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
)

// Exit statuses of Main.
const (
	exitGood  = 0 // every answer right
	exitBad   = 1 // something was answered wrongly, or not at all
	exitUsage = 2
)

// Main is `koodesk simulate`; args are what follows that word. The result is the
// exit status.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	con := console{in: stdin, out: stdout, err: stderr}
	words, flags, err := separate(args)
	if err == nil && len(words) == 0 {
		err = errors.New("what to play? an activity, journey, market or sms; --help tells more")
	}
	if err == nil && len(words) > 1 {
		err = fmt.Errorf("one activity at a time; what is %q?", words[1])
	}
	if errors.Is(err, flag.ErrHelp) {
		return con.help(words)
	}
	if err != nil {
		return con.usage(err)
	}
	switch words[0] {
	case "market":
		return runMarket(ctx, con, flags)
	case "sms":
		return runSMS(ctx, con, flags)
	case "journey":
		return runJourney(ctx, con, flags)
	default:
		return runCalls(ctx, con, words[0], flags)
	}
}

// console is where a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// usage reports a mistake in the command line.
func (c console) usage(err error) int {
	fmt.Fprintln(c.err, "koodesk simulate:", err)
	return exitUsage
}

func (c console) help(words []string) int {
	word := ""
	if len(words) > 0 {
		word = words[0]
	}
	var set *flag.FlagSet
	switch word {
	case "market":
		fmt.Fprint(c.out, marketUsage)
		set = new(marketFlags).set()
	case "sms":
		fmt.Fprint(c.out, smsUsage)
		set = new(smsFlags).set()
	case "journey":
		fmt.Fprint(c.out, journeyUsage)
		set = new(journeyFlags).set()
	default:
		fmt.Fprint(c.out, callUsage)
		set = new(callFlags).set()
	}
	fmt.Fprintln(c.out, "\nFlags:")
	set.SetOutput(c.out)
	set.PrintDefaults()
	return exitGood
}
