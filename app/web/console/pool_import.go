package console

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/provision/pool"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

// maxWrong is how many wrong lines of an import a page names.
const maxWrong = 200

// PoolImport is the page on which accounts are added to a pool.
func (k *Console) PoolImport(c *fiber.Ctx) error {
	name, err := poolParam(c)
	if err != nil {
		return err
	}
	return k.sendImport(c, fiber.StatusOK, name, nil)
}

// ImportAccounts first says what is in a file and what is wrong with it, line by
// line; asked again for the same file, it adds the accounts.
func (k *Console) ImportAccounts(c *fiber.Ctx) error {
	name, err := poolParam(c)
	if err != nil {
		return err
	}
	file, err := importedFile(c)
	if err != nil {
		return k.sendImport(c, fiber.StatusUnprocessableEntity, name, &view.ImportPreview{Fault: fault.ToRecord(err)})
	}
	sum := sha256.Sum256(file)
	digest := hex.EncodeToString(sum[:])
	if posted(c, "digest") == digest {
		done, err := k.importNow(c, name, file)
		var refused *pool.Refused
		switch {
		case err == nil:
			said := view.Say("pools.flash.added", "n", done.Accounts)
			if done.Woken > 0 {
				said = view.Say("pools.flash.added_woken", "added", said, "n", done.Woken)
			}
			flash(c, "ok", said)
			return k.goTo(c, poolURL(name))
		case !errors.As(err, &refused):
			return err
		} // something has changed since it was looked at: the preview says what
	}
	found, err := k.o.Pools.Preview(c.UserContext(), name, file)
	p := importPreview(found, digest)
	switch {
	case fault.Is(err, fault.Invalid):
		p = view.ImportPreview{Fault: fault.ToRecord(err)}
	case err != nil:
		return err
	}
	status := fiber.StatusOK
	if !p.Ready() {
		status = fiber.StatusUnprocessableEntity
	}
	return k.sendImport(c, status, name, &p)
}

func (k *Console) importNow(c *fiber.Ctx, name string, file []byte) (pool.Added, error) {
	rows, err := pool.ReadCSV(file)
	if err != nil {
		return pool.Added{}, err
	}
	return k.o.Pools.Add(c.UserContext(), name, rows, actor(c))
}

func importPreview(found pool.Preview, digest string) view.ImportPreview {
	p := view.ImportPreview{Rows: found.Rows, Good: found.Good, Digest: digest}
	for _, f := range found.Refused[:min(len(found.Refused), maxWrong)] {
		p.Lines = append(p.Lines, view.ImportLine{Line: f.Line, Column: f.Field, Fault: fault.ToRecord(f.Fault)})
	}
	p.More = len(found.Refused) - len(p.Lines)
	return p
}

// sendImport sends the page, or to a script the preview alone, so that what was
// typed or chosen stays in the browser.
func (k *Console) sendImport(c *fiber.Ctx, status int, name string, preview *view.ImportPreview) error {
	s, err := k.shell(c, view.RoomPools)
	if err != nil {
		return err
	}
	self := poolURL(name)
	p := view.PoolImportPage{Shell: s, Pool: name, Back: self, Import: action(s, staff.PoolsWrite, self+"/import", view.Text{}),
		Columns: pool.Columns(), Max: pool.MaxRows, Preview: preview}
	p.Shell.Here = self + "/import"
	if fragment(c, view.BlockPreview) {
		return k.block(c, status, s, view.PagePoolImport, view.BlockPreview, p)
	}
	if _, err := k.read.Pool(c.UserContext(), name); fault.Is(err, fault.NotFound) {
		p.New, p.Back = true, poolsPath
	} else if err != nil {
		return err
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PagePoolImport, p)
}

// importedFile is the file that was uploaded, or else the text that was pasted.
// Faults: invalid "pool.nothing_to_add", "pool.two_sources".
func importedFile(c *fiber.Ctx) ([]byte, error) {
	text := posted(c, "text")
	form, err := c.MultipartForm()
	if err != nil || len(form.File["file"]) == 0 {
		if text == "" {
			return nil, fault.New(fault.Invalid, "pool.nothing_to_add")
		}
		return []byte(strings.ReplaceAll(text, "\r\n", "\n")), nil // as browsers end lines of a form, or as they do not
	}
	if text != "" {
		return nil, fault.New(fault.Invalid, "pool.two_sources")
	}
	f, err := form.File["file"][0].Open()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	return b, nil
}

// posted is field for forms that may bring files too.
func posted(c *fiber.Ctx, name string) string {
	form, err := c.MultipartForm()
	if err != nil {
		return field(c, name)
	}
	if v := form.Value[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
