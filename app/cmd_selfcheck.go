package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"koodesk/app/i18n"
	"koodesk/app/selfcheck"
	"koodesk/app/selfcheck/desk"
	"koodesk/app/store"
)

// checkFlags are the flags of doctor that make it look at one channel's
// production address instead of at this machine.
type checkFlags struct {
	channel, types, url, lang, report string
	json                              bool
}

func (o *checkFlags) register(f *flags) {
	f.StringVar(&o.channel, "channel", "", "send every debugging case to the production address of this `channel` and print a conformance report")
	f.StringVar(&o.types, "types", "", "with --channel: what the products are, a list of `types` of "+typeNames()+"; all that the channel has a key for if empty")
	f.StringVar(&o.url, "url", "", "with --channel: the `address` to check, if it is not PUBLIC_URL/koogallery/CHANNEL")
	f.StringVar(&o.lang, "lang", string(i18n.En), "with --channel: `language` of the report, en or zh-CN")
	f.StringVar(&o.report, "report", "", "with --channel: also write the report to this `file`, as Markdown")
	f.BoolVar(&o.json, "json", false, "with --channel: print the report as JSON")
}

func typeNames() string {
	var names []string
	for _, t := range selfcheck.Types() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

// checkChannel is `doctor --channel`.
func (c *cli) checkChannel(ctx context.Context, f *flags, o checkFlags) error {
	locale := i18n.Locale(o.lang)
	if !locale.Valid() {
		return f.bad("--lang %q is neither en nor zh-CN", o.lang)
	}
	var types []selfcheck.Type
	for name := range strings.SplitSeq(o.types, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		t := selfcheck.Type(name)
		if !t.Valid() {
			return f.bad("--types: there is no type %q; they are %s", name, typeNames())
		}
		types = append(types, t)
	}
	var report selfcheck.Report
	err := c.with(ctx, func(s *store.Store) error {
		ch, err := s.Reader().ChannelBySlug(ctx, o.channel)
		if err != nil {
			return err
		}
		options := desk.OptionsOf(ch, c.config.PublicURL.String(), version, time.Now())
		options.Types = types
		if o.url != "" {
			options.URL = o.url
		}
		report, err = selfcheck.Run(ctx, options)
		return err
	})
	if err != nil {
		return err
	}
	return c.printReport(report, i18n.For(locale), o)
}

func (c *cli) printReport(report selfcheck.Report, z *i18n.Localizer, o checkFlags) error {
	if o.report != "" {
		if err := os.WriteFile(o.report, []byte(report.Markdown(z)), 0o644); err != nil {
			return err
		}
	}
	if o.json {
		e := json.NewEncoder(c.stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(report.Summed()); err != nil {
			return err
		}
	} else {
		fmt.Fprint(c.stdout, report.Text(z))
	}
	if !report.Passed() {
		return errFailed
	}
	return nil
}
