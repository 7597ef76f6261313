// Package browsertest starts a real browser for tests.
package browsertest

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Open starts a headless Chromium, the one that CHROME_BIN names, with a profile of
// its own, and ends it with the test. It keeps no page in memory to go back to: such a
// page is not loaded, which chromedp.NavigateBack waits for. The context is for chromedp.Run.
func Open(t testing.TB, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	bin := os.Getenv("CHROME_BIN")
	require.NotEmpty(t, bin, "CHROME_BIN is not set: run `make test`, or point it to Chromium")
	profile, err := os.MkdirTemp("", "koodesk-browser-")
	require.NoError(t, err)
	t.Cleanup(func() { // the browser's children may write for a moment longer than it lives
		require.Eventually(t, func() bool { return os.RemoveAll(profile) == nil }, time.Minute, 50*time.Millisecond)
	})
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(bin), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-features", "Translate,BackForwardCache"), chromedp.Flag("disable-background-networking", true),
		chromedp.UserDataDir(profile))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 15*time.Minute)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Run(ctx)) // it begins with the first run, and would end with that one's context
	return ctx
}
