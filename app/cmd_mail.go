package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email/bounce"
	"koodesk/app/seal"
	"koodesk/app/web/receipts"
)

// Exit codes of `koodesk mail bounce`, which mail servers know (sysexits.h). Any
// other than these would have them send the mail back once more.
const (
	exitData  = 65 // no mail at all
	exitLater = 75 // not now; it stays in the queue
)

// returns is who reads mails that come back to MAIL_BOUNCE, nil without it.
func returns(address string) deliver.Receiver {
	if address == "" {
		return nil
	}
	return bounce.Receiver{}
}

func mails(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "mail", args, map[string]command{"bounce": mailBounce, "webhook": mailWebhook})
}

// mailCode is the exit code for a mail server. A wrong setting or command line
// and a database that is away are put right some time, and until then the server
// keeps the mail.
func mailCode(code int) int {
	if code == exitOK || code == exitData {
		return code
	}
	return exitLater
}

// errNoMail marks what is no mail; its text has been printed.
var errNoMail = errors.New("no mail")

// mailWait bounds the work about one mail: the server waits meanwhile.
const mailWait = time.Minute

func mailBounce(ctx context.Context, c *cli, args []string) error {
	f := c.flags("mail bounce", "take one mail that came back, as a mail server gives it on standard input, and write down what became of the delivery. "+
		"Exit codes: 0 done, also for what is not about a delivery; 65 no mail at all; 75 try again later.")
	recipient := f.String("recipient", "", "the `address` to which it came; the mail's own Delivered-To, X-Original-To, Envelope-To or To if it is not given")
	if err := f.parse(args); err != nil {
		return err
	}
	if c.config.MailBounce == "" {
		return f.bad("MAIL_BOUNCE is not set")
	}
	raw, err := io.ReadAll(io.LimitReader(c.stdin, bounce.MaxSize))
	if err == nil {
		_, err = io.Copy(io.Discard, c.stdin) // who writes must get to the end
	}
	if err != nil {
		return err
	}
	reports, err := bounce.Read(raw, *recipient, time.Now())
	if err != nil {
		fmt.Fprintln(c.stderr, "koodesk mail bounce: what came is no mail")
		return errNoMail
	}
	if len(reports) == 0 {
		fmt.Fprintln(c.stdout, "not about a delivery: nothing was written down")
		return nil
	}
	return c.takeReturned(ctx, reports)
}

func (c *cli) takeReturned(ctx context.Context, reports []deliver.Report) (err error) {
	ctx, cancel := context.WithTimeout(ctx, mailWait)
	defer cancel()
	p, err := c.build(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := migrated(ctx, p.store); err != nil {
		return err
	}
	known, err := p.deliverer.Take(ctx, deliver.Email, reports)
	if err != nil {
		return err
	}
	if known == 0 {
		fmt.Fprintln(c.stdout, "not about a delivery of ours: nothing was written down")
		return nil
	}
	fmt.Fprintf(c.stdout, "written down: %s\n", strings.TrimSpace(string(reports[0].Outcome)+" "+reports[0].Code))
	return nil
}

func mailWebhook(_ context.Context, c *cli, args []string) error {
	f := c.flags("mail webhook", "print the address at which a mail service reports mails that came back. It is secret: whoever knows it can say that a mail bounced.")
	if err := f.parse(args); err != nil {
		return err
	}
	if c.config.MailBounce == "" {
		return f.bad("MAIL_BOUNCE is not set")
	}
	keys, err := seal.New(c.config.SecretKey, c.config.SecretKeyOld...)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.stdout, receipts.URL(c.config.PublicURL.String(), keys, deliver.Email))
	return nil
}
