package console

import (
	"io"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

// sent is what a form with files sent under a name, in its body.
func sent(c *fiber.Ctx, name string) string {
	f, err := c.MultipartForm()
	if err != nil || len(f.Value[name]) == 0 {
		return ""
	}
	return f.Value[name][0]
}

// sentFile is the file that a form sent; the name is "" if none was chosen. The
// body's limit bounds it.
func sentFile(c *fiber.Ctx, name string) (fileName string, content []byte, err error) {
	h, err := c.FormFile(name)
	if err != nil || h.Filename == "" {
		return "", nil, nil
	}
	f, err := h.Open()
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	content, err = io.ReadAll(f)
	return strings.Clone(h.Filename), content, err
}

// sender is who sent a form with files.
func sender(c *fiber.Ctx) staff.Actor {
	a := actor(c)
	a.Reason = clean(sent(c, "reason"), maxReason)
	return a
}

// HandLicenseIn takes a License that a person pasted or chose a file for.
func (k *Console) HandLicenseIn(c *fiber.Ctx) error {
	id, err := number(c, "license.unknown")
	if err != nil {
		return err
	}
	name, file, err := sentFile(c, "file")
	if err != nil {
		return err
	}
	given := market.LicenseContent{Text: strings.Clone(sent(c, "license")), FileName: name, File: file}
	err = k.o.Licenses.HandIn(c.UserContext(), id, given, sender(c))
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
		f := fault.From(err)
		p, err := k.license(c, id)
		if err != nil {
			return err
		}
		// What was pasted is a secret and does not come back.
		p.Form.Open, p.Form.Fault, p.Live = true, record(f), false
		return k.sendLicense(c, statusOf(f.Code), p)
	}
	if err != nil {
		return err
	}
	flash(c, "ok", view.Say("flash.license_handed_in"))
	return k.goTo(c, within(licenseURL(id), address(c, "/licenses", licenseParams...)))
}

// UploadLicense uploads a License once more.
func (k *Console) UploadLicense(c *fiber.Ctx) error {
	id, err := number(c, "license.unknown")
	if err != nil {
		return err
	}
	err = k.o.Licenses.UploadAgain(c.UserContext(), id, actor(c))
	if err := k.done(c, err, view.Say("flash.license_upload"), fault.Conflict); err != nil {
		return err
	}
	return k.goTo(c, within(licenseURL(id), address(c, "/licenses", licenseParams...)))
}

// RevealLicense shows a License's text on its page, once, or sends its file, after
// the audit trail has noted who looked and why.
func (k *Console) RevealLicense(c *fiber.Ctx) error {
	id, err := number(c, "license.unknown")
	if err != nil {
		return err
	}
	content, err := k.o.Licenses.Reveal(c.UserContext(), id, actor(c))
	f := fault.From(err)
	if f != nil && f.Code != fault.Invalid && f.Code != fault.Conflict {
		return err
	}
	if f == nil && content.IsFile() {
		private(c)
		c.Attachment(content.FileName)
		c.Set(fiber.HeaderContentType, fiber.MIMEOctetStream)
		return c.Send(content.File)
	}
	p, err := k.license(c, id)
	if err != nil {
		return err
	}
	if f != nil {
		p.Shell.Flash = &view.Flash{Tone: "bad", Text: trouble(k.localizer(c), f)}
		return k.sendLicense(c, statusOf(f.Code), p)
	}
	p.Revealed, p.Live = content.Text, false
	return k.sendLicense(c, fiber.StatusOK, p)
}
