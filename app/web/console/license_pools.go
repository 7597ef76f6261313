package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/license"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

const licensePoolsPath = "/license-pools"

// licensePoolURL is the page of the pools with the form for one of them.
func licensePoolURL(name string) string { return licensePoolsPath + "?pool=" + url.QueryEscape(name) }

// importForms are what an import may be: one License a line, a table, one file.
var importForms = []string{"lines", "csv", "file"}

// LicensePools is the pools of Licenses with the form that fills one.
func (k *Console) LicensePools(c *fiber.Ctx) error {
	p, err := k.licensePools(c, address(c, licensePoolsPath, "pool").Get("pool"))
	if err != nil {
		return err
	}
	return k.sendLicensePools(c, fiber.StatusOK, p)
}

func (k *Console) licensePools(c *fiber.Ctx, chosen string) (p view.LicensePoolsPage, err error) {
	if p.Shell, err = k.shell(c, view.RoomLicenses); err != nil {
		return p, err
	}
	pools, err := k.read.LicensePools(c.UserContext())
	if err != nil {
		return p, err
	}
	p.Shell.Here = licensePoolsPath
	p.Fill, p.Forms, p.As = action(p.Shell, staff.LicensesWrite, licensePoolsPath, view.Text{}), importForms, importForms[0]
	p.Pool, p.LowWater = view.Field{Name: "pool", Value: chosen}, view.Field{Name: "low_water"}
	p.OnlyLow = address(c, licensePoolsPath, "status").Get("status") == "low"
	for _, l := range pools {
		if p.OnlyLow && !l.Low() {
			continue
		}
		p.Pools = append(p.Pools, view.LicensePool{Name: l.Name, Free: l.Free, Used: l.Used, Retired: l.Retired, Waiting: l.Waiting,
			Products: l.Products, LowWater: l.LowWater, Low: l.Low(), Fill: licensePoolURL(l.Name) + "#fill"})
		if l.Name == chosen {
			p.LowWater.Value = strconv.Itoa(l.LowWater)
		}
	}
	return p, nil
}

func (k *Console) sendLicensePools(c *fiber.Ctx, status int, p view.LicensePoolsPage) error {
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageLicensePools, p)
}

// FillLicensePool puts Licenses into a pool and sets from how many on it counts as
// low; either may be left out.
func (k *Console) FillLicensePool(c *fiber.Ctx) error {
	name, as, water := strings.TrimSpace(sent(c, "pool")), sent(c, "as"), strings.TrimSpace(sent(c, "low_water"))
	list, err := sentLicenses(c, as)
	var low *int
	if err == nil && water != "" {
		n, bad := strconv.Atoi(water)
		if bad != nil {
			n = -1 // what is no number is refused as one that is too small
		}
		low = &n
	}
	var done license.Imported
	if err == nil {
		done, err = k.o.Licenses.Refill(c.UserContext(), strings.Clone(name), list, low, sender(c))
	}
	if f := fault.From(err); f != nil {
		if f.Code != fault.Invalid {
			return err
		}
		return k.licensePoolsAgain(c, name, as, water, f)
	}
	said := view.Say("flash.license_pool_set", "pool", name)
	if len(list) > 0 {
		said = view.Say("flash.license_pool_filled", "added", done.Added, "known", done.Known, "woken", done.Restarted)
	}
	flash(c, "ok", said)
	return k.goTo(c, licensePoolsPath)
}

// licensePoolsAgain shows the form again, without the Licenses, which are secrets.
func (k *Console) licensePoolsAgain(c *fiber.Ctx, name, as, water string, f *fault.Error) error {
	p, err := k.licensePools(c, clean(name, maxParameter))
	if err != nil {
		return err
	}
	p.LowWater.Value = clean(water, maxParameter)
	if slices.Contains(importForms, as) {
		p.As = as
	}
	switch f.Key {
	case "license.pool_name":
		p.Pool.Wrong = what(k.localizer(c), f)
	case "pool.low_water":
		p.LowWater.Wrong = what(k.localizer(c), f)
	default:
		p.Fault = record(f)
	}
	return k.sendLicensePools(c, fiber.StatusUnprocessableEntity, p)
}

// sentLicenses reads what the form sent: the text or the file's, as lines or a
// table; or the file as one License.
func sentLicenses(c *fiber.Ctx, as string) ([]market.LicenseContent, error) {
	name, file, err := sentFile(c, "file")
	if err != nil {
		return nil, err
	}
	text := []byte(sent(c, "licenses"))
	if as == "file" {
		if name == "" {
			return nil, nil
		}
		return []market.LicenseContent{{FileName: name, File: file}}, nil
	}
	if name != "" {
		if len(strings.TrimSpace(string(text))) > 0 {
			return nil, fault.New(fault.Invalid, "license.text_and_file")
		}
		text = file
	}
	if as == "csv" && len(text) > 0 {
		return license.ReadCSV(text)
	}
	return license.ReadLines(text), nil
}
