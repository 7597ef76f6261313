package console

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/provision"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// Product is one entry, with the form that changes it for those who may.
func (k *Console) Product(c *fiber.Ctx) error {
	id, err := number(c, "product.unknown")
	if err != nil {
		return err
	}
	p, err := k.product(c, id)
	if err != nil {
		return err
	}
	return k.sendProduct(c, fiber.StatusOK, p)
}

func (k *Console) product(c *fiber.Ctx, id int64) (p view.ProductPage, err error) {
	if p.Shell, err = k.shell(c, view.RoomProducts); err != nil {
		return p, err
	}
	e, err := k.read.ProductByID(c.UserContext(), id)
	if err != nil {
		return p, err
	}
	uses, err := k.read.ProductUses(c.UserContext(), id)
	if err != nil {
		return p, err
	}
	p.Shell.Here = productURL(id) // also when a form is what was answered
	p.Product = productRow(p.Shell.Clock, *e, uses[id])
	p.Facts = productFacts(p.Shell.Clock, p.Product, *e)
	p.Form = k.productForm(store.Product{ProductID: e.ProductID, SkuCode: e.SkuCode, Driver: e.Driver, Settings: e.Settings, MailLanguage: e.MailLanguage})
	p.Form.Action, p.Form.HasSecret = action(p.Shell, staff.ProductsWrite, p.Shell.Here, view.Text{}), e.HasSecret
	p.Form.Seen = strconv.FormatInt(e.UpdatedAt.UnixMicro(), 10)
	return p, nil
}

func productFacts(clock view.Clock, r view.ProductRow, e store.ProductRow) []view.Fact {
	use := view.Fact{Label: view.Say("products.instances"), Text: view.Say("products.rest_use")}
	if !r.Rest() {
		use.Text, use.Value, use.URL = view.Text{}, strconv.Itoa(r.Instances), r.All
		if r.More {
			use.Note = view.Say("products.at_least")
		}
	}
	return []view.Fact{
		{Label: view.Say("fact.channel"), Value: e.Channel},
		{Label: view.Say("fact.driver"), Text: view.Say("driver." + e.Driver)},
		use,
		{Label: view.Say("products.last"), Time: r.Last},
		{Label: view.Say("fact.created"), Time: clock.Time(e.CreatedAt)},
		{Label: view.Say("products.changed"), Time: clock.Time(e.UpdatedAt)},
	}
}

// NewProduct is the form of a new entry.
func (k *Console) NewProduct(c *fiber.Ctx) error {
	p, err := k.newProduct(c)
	if err != nil {
		return err
	}
	return k.sendProduct(c, fiber.StatusOK, p)
}

func (k *Console) newProduct(c *fiber.Ctx) (p view.ProductPage, err error) {
	if p.Shell, err = k.shell(c, view.RoomProducts); err != nil {
		return p, err
	}
	p.Shell.Here = productsPath + "/new"
	p.Form = k.productForm(store.Product{Driver: "static"})
	p.Form.Action, p.Form.New, p.Form.Key = action(p.Shell, staff.ProductsWrite, p.Shell.Here, view.Text{}), true, keyProduct
	p.Form.Channels, p.Form.Channel, err = k.channelChoice(c.UserContext())
	return p, err
}

func (k *Console) sendProduct(c *fiber.Ctx, status int, p view.ProductPage) error {
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageProduct, p)
}

// AddProduct makes an entry, or shows the form again.
func (k *Console) AddProduct(c *fiber.Ctx) error {
	channel, kind, id := clean(field(c, "channel"), maxParameter), field(c, "key"), clean(field(c, "key_id"), maxParameter)
	entry := store.Product{ProductID: id, Seen: &time.Time{}}
	switch kind {
	case keySku:
		entry.ProductID, entry.SkuCode = "", id
	case keyRest:
		entry.ProductID = "*"
	}
	made, wrong, err := k.saveProduct(c, channel, &entry)
	if err != nil {
		return err
	}
	if wrong == nil {
		e, err := k.read.ProductDetail(c.UserContext(), channel, entry.ProductID, entry.SkuCode)
		if err != nil {
			return err
		}
		return k.productDone(c, e.ID, made, "products.flash_added")
	}
	if kind == keySku && wrong.Key == "product.bad_id" { // an empty skuCode
		wrong = fault.New(fault.Invalid, "product.bad_sku")
	}
	p, err := k.newProduct(c)
	if err != nil {
		return err
	}
	p.Form.Key, p.Form.Channel, p.Form.ID.Value = kind, channel, id
	return k.productAgain(c, p, entry, wrong)
}

// SetProduct changes an entry that was seen on its page.
func (k *Console) SetProduct(c *fiber.Ctx) error {
	id, err := number(c, "product.unknown")
	if err != nil {
		return err
	}
	e, err := k.read.ProductByID(c.UserContext(), id)
	if err != nil {
		return err
	}
	micros, _ := strconv.ParseInt(field(c, "seen"), 10, 64) // what is no number was never seen
	seen := time.UnixMicro(micros)
	entry := store.Product{ProductID: e.ProductID, SkuCode: e.SkuCode, Seen: &seen}
	made, wrong, err := k.saveProduct(c, e.Channel, &entry)
	if err != nil {
		return err
	}
	if wrong == nil {
		return k.productDone(c, id, made, "products.flash_saved")
	}
	p, err := k.product(c, id)
	if err != nil {
		return err
	}
	return k.productAgain(c, p, entry, wrong)
}

// saveProduct reads the rest of the form and stores it. made is a secret that was
// made; wrong is what is wrong with the form.
func (k *Console) saveProduct(c *fiber.Ctx, channel string, entry *store.Product) (made string, wrong *fault.Error, err error) {
	if wrong = readProduct(c, entry); wrong != nil {
		return "", wrong, nil
	}
	secret := provision.KeepSecret
	if entry.Secret = field(c, "webhook_secret"); entry.Secret != "" {
		secret = provision.GivenSecret
	} else if field(c, "renew_secret") == "on" {
		secret = provision.RenewSecret
	}
	done, err := k.o.Provision.SetProduct(c.UserContext(), channel, *entry, secret, actor(c))
	if f := fault.From(err); f != nil && f.Code != fault.Internal && f.Code != fault.Unavailable {
		return "", f, nil
	}
	return done.Secret, nil, err
}

// productDone goes to an entry's page; a secret that was made is shown there in
// this answer, and never again.
func (k *Console) productDone(c *fiber.Ctx, id int64, made, said string) error {
	if made == "" {
		flash(c, "ok", view.Say(said))
		return k.goTo(c, productURL(id))
	}
	p, err := k.product(c, id)
	if err != nil {
		return err
	}
	p.Made, p.Shell.Flash = made, &view.Flash{Tone: "ok", Text: view.Say(said)}
	return k.sendProduct(c, fiber.StatusOK, p)
}
