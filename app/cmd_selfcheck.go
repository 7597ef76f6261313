package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
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
	channel, types, url, lang, report, format string
	json                                      bool
}

func (o *checkFlags) register(f *flags) {
	f.StringVar(&o.channel, "channel", "", "send every debugging case to the production address of this `channel` and print a conformance report")
	f.StringVar(&o.types, "types", "", "with --channel: what the products are, a list of `types` of "+typeNames()+"; all that the channel has a key for if empty")
	f.StringVar(&o.url, "url", "", "with --channel: the `address` to check, if it is not PUBLIC_URL/koogallery/CHANNEL")
	f.StringVar(&o.lang, "lang", string(i18n.En), "with --channel: `language` of the report, en or zh-CN")
	f.StringVar(&o.report, "report", "", "with --channel: also write the report to this `file`: a page to print if it ends in .html, else Markdown")
	f.StringVar(&o.format, "format", "", "with --channel: print the report as `text`, markdown, html or json; text if empty")
	f.BoolVar(&o.json, "json", false, "with --channel: the same as --format json")
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
	if o.json && o.format == "" {
		o.format = "json"
	}
	if !slices.Contains([]string{"", "text", "markdown", "html", "json"}, o.format) || o.json && o.format != "json" {
		return f.bad("--format %q is none of text, markdown, html, json, or contradicts --json", o.format)
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
		format := "markdown"
		if strings.HasSuffix(o.report, ".html") {
			format = "html"
		}
		text, err := written(report, z, format)
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.report, []byte(text), 0o644); err != nil {
			return err
		}
	}
	text, err := written(report, z, o.format)
	if err != nil {
		return err
	}
	fmt.Fprint(c.stdout, text)
	if !report.Passed() {
		return errFailed
	}
	return nil
}

// written is a report in one of the forms that it can be printed in.
func written(report selfcheck.Report, z *i18n.Localizer, format string) (string, error) {
	switch format {
	case "markdown":
		return report.Markdown(z), nil
	case "html":
		return report.HTML(z)
	case "json":
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		err := e.Encode(report.Summed())
		return b.String(), err
	}
	return report.Text(z), nil
}
