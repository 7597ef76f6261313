package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	browserlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"koodesk/app/i18n"
	"koodesk/app/web/view/gallery"
)

// pictures photographs every wanted sample: <name>.<locale>.<width>.<light|dark>.png.
// What the browser complains of, a refused style for example, is printed, and
// with -axe what the accessibility checker finds.
func pictures(base string, o options, wanted *regexp.Regexp) error {
	profile, err := os.MkdirTemp("", "gallery-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(profile) }()
	checker, err := readChecker(o.axe)
	if err != nil {
		return err
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))...)
	defer stop()
	ctx, cancel := chromedp.NewContext(allocator)
	defer cancel()
	ctx, expire := context.WithTimeout(ctx, 30*time.Minute)
	defer expire()
	chromedp.ListenTarget(ctx, complain)
	for _, locale := range strings.Split(o.lang, ",") {
		for _, s := range gallery.All(i18n.Locale(locale)) {
			if !wanted.MatchString(s.Name) {
				continue
			}
			for _, width := range strings.Split(o.widths, ",") {
				for _, scheme := range schemes(o.dark) {
					file := filepath.Join(o.out, fmt.Sprintf("%s.%s.%s.%s.png", s.Name, locale, width, scheme))
					if err := picture(ctx, base+"/g/"+locale+"/"+s.Name, width, scheme, file, checker); err != nil {
						return fmt.Errorf("%s: %w", file, err)
					}
				}
			}
		}
	}
	return nil
}

func complain(ev any) {
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		log.Printf("exception: %+v", e.ExceptionDetails)
	case *browserlog.EventEntryAdded:
		log.Printf("browser: %s %s", e.Entry.Text, e.Entry.URL)
	}
}

func schemes(which string) []string {
	if which == "both" {
		return []string{"light", "dark"}
	}
	return []string{which}
}

func picture(ctx context.Context, address, width, scheme, file, checker string) error {
	w, err := strconv.ParseInt(width, 10, 64)
	if err != nil {
		return err
	}
	screen := emulation.SetDeviceMetricsOverride(w, 900, 1, false)
	if w < 700 {
		screen = emulation.SetDeviceMetricsOverride(w, 812, 2, true)
	}
	media := emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}})
	var height float64
	if err := chromedp.Run(ctx, screen, media, chromedp.Navigate(address),
		chromedp.Evaluate(`document.documentElement.scrollHeight`, &height)); err != nil {
		return err
	}
	// The whole page as one screen: what sticks to the screen's edges then sticks
	// to the page's.
	screen.Height = max(screen.Height, int64(height))
	var wide bool
	if err := chromedp.Run(ctx, screen, chromedp.Evaluate(`document.documentElement.scrollWidth > innerWidth`, &wide)); err != nil {
		return err
	}
	if wide {
		log.Printf("%s: wider than the screen", file)
	}
	if err := check(ctx, checker, file); err != nil {
		return err
	}
	var png []byte
	if err := chromedp.Run(ctx, chromedp.FullScreenshot(&png, 100)); err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o600)
}

// readChecker reads axe-core's script (dist/axe.min.js of the npm package).
func readChecker(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	return string(b), err
}

const runChecker = `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v =>
	v.id + " (" + v.impact + "): " + v.nodes.slice(0, 4).map(n => n.target.join(" ") + " — " + (n.any[0] || n.all[0] || n.none[0] || {message: ""}).message).join(" | ")).join("\n"))`

func check(ctx context.Context, checker, file string) error {
	if checker == "" {
		return nil
	}
	var ready bool
	var found string
	await := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	if err := chromedp.Run(ctx, chromedp.Evaluate(checker+";true", &ready), chromedp.Evaluate(runChecker, &found, await)); err != nil {
		return err
	}
	if found != "" {
		log.Printf("%s:\n%s", filepath.Base(file), found)
	}
	return nil
}
