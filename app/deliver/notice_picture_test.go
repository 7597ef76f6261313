package deliver

import (
	"bytes"
	"flag"
	"html"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"koodesk/app/browsertest"
	"koodesk/app/market"
)

// shots is where pictures of the mails are kept; without it they are only looked
// at. `make screenshots` sets it.
var shots = flag.String("screenshots", "", "write pictures of the mails to this folder")

// The pictures are of the very HTML that is sent, all of them on one sheet, each as
// high as its mail. Each has something on it, and none looks like another.
func TestPicturesOfTheMails(t *testing.T) {
	t.Parallel()
	d := renderer(t)
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	i := full()
	var names, mails []string
	for _, kind := range market.Notices() {
		for _, language := range languages {
			i.ProductName, i.RealName = "云协作旗舰版", "张三"
			if language == "en" {
				i.ProductName, i.RealName, i.App.Memo = "Cloud Suite", "Ann Example", "Note"
			}
			c, err := d.noticeContent(i, kind, Email, language, zone, i.ExpiresAt.Add(-7*24*time.Hour))
			if kind == UsageInfo {
				c, err = d.usageContent(i, Email, language, zone)
			}
			require.NoError(t, err)
			names, mails = append(names, "mail-"+kind+"-"+language+".png"), append(mails, c.HTML)
		}
	}
	seen := map[string]string{}
	for n, img := range photograph(t, mails) {
		printed(t, img, names[n])
		if strings.HasPrefix(names[n], "mail-"+UsageInfo) {
			require.Greater(t, img.Bounds().Dy(), side, "%s is cut off", names[n])
		}
		var picture bytes.Buffer
		require.NoError(t, png.Encode(&picture, img))
		require.Empty(t, seen[picture.String()], "%s looks like another mail", names[n])
		seen[picture.String()] = names[n]
		if *shots != "" {
			require.NoError(t, os.WriteFile(filepath.Join(*shots, names[n]), picture.Bytes(), 0o600))
		}
	}
}

// side is how wide, and at least how high, a picture is, in pixels.
const side = 720

// printed holds that a picture shows text: dark on light, with the shades in
// between that letters have at their edges. Every other pixel will do.
func printed(t *testing.T, img image.Image, name string) {
	t.Helper()
	dark, light, shades, at := 0, 0, map[uint8]bool{}, img.Bounds()
	for y := at.Min.Y; y < at.Max.Y; y += 2 {
		for x := at.Min.X; x < at.Max.X; x += 2 {
			g, _ := color.GrayModel.Convert(img.At(x, y)).(color.Gray)
			shades[g.Y] = true
			switch {
			case g.Y < 96:
				dark++
			case g.Y > 224:
				light++
			}
		}
	}
	require.Greater(t, dark, 250, "%s shows no text", name)
	require.Greater(t, light, 25_000, "%s has no ground", name)
	require.Greater(t, len(shades), 32, name)
}

// grow makes each frame as high as its mail, and tells how high they are.
const grow = `[...document.querySelectorAll("iframe")].map(f => {
  f.style.height = f.contentDocument.documentElement.scrollHeight + "px"
  return f.offsetHeight
})`

// photograph shows the mails below each other in a headless Chromium, each in a
// frame of its own.
func photograph(t *testing.T, mails []string) (pictures []image.Image) {
	t.Helper()
	sheet := `<!doctype html><style>body{margin:0}iframe{display:block;border:0;width:720px;height:720px}</style>`
	for _, m := range mails {
		sheet += `<iframe srcdoc="` + html.EscapeString(m) + `"></iframe>`
	}
	file := filepath.Join(t.TempDir(), "sheet.html")
	require.NoError(t, os.WriteFile(file, []byte(sheet), 0o600))
	ctx := browsertest.Open(t, chromedp.Flag("hide-scrollbars", true))
	var heights []int
	require.NoError(t, chromedp.Run(ctx, chromedp.EmulateViewport(side, side), chromedp.Navigate("file://"+file), chromedp.Evaluate(grow, &heights)))
	require.Len(t, heights, len(mails))
	total := 0
	for _, h := range heights {
		total += h
	}
	var shot []byte
	require.NoError(t, chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(side, int64(total), 1, false), chromedp.CaptureScreenshot(&shot)))
	img, err := png.Decode(bytes.NewReader(shot))
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, side, total), img.Bounds())
	whole, ok := img.(interface {
		SubImage(image.Rectangle) image.Image
	})
	require.True(t, ok)
	top := 0
	for _, h := range heights {
		pictures = append(pictures, whole.SubImage(image.Rect(0, top, side, top+h)))
		top += h
	}
	return pictures
}
