package console

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
	"koodesk/app/webhook"
)

// Product is one entry, with the form that changes it for those who may.
func (k *Console) Product(c *fiber.Ctx) error {
	p, err := k.productAsked(c)
	if err != nil {
		return err
	}
	return k.sendProduct(c, fiber.StatusOK, p)
}

// productAsked is the page of the entry that the address names.
func (k *Console) productAsked(c *fiber.Ctx) (p view.ProductPage, err error) {
	id, err := number(c, "product.unknown")
	if err != nil {
		return p, err
	}
	return k.product(c, id)
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
	channels, _, err := k.manyChannels(c.UserContext())
	if err != nil {
		return p, err
	}
	p.Shell.Here = productsPath + "/new"
	p.Form = k.productForm(store.Product{Driver: "static"})
	p.Form.Action, p.Form.New, p.Form.Key = action(p.Shell, staff.ProductsWrite, p.Shell.Here, view.Text{}), true, keyProduct
	for _, ch := range channels {
		p.Form.Channels = append(p.Form.Channels, ch.Slug)
	}
	if len(channels) > 0 {
		p.Form.Channel = channels[0].Slug
	}
	return p, nil
}

func (k *Console) sendProduct(c *fiber.Ctx, status int, p view.ProductPage) error {
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageProduct, p)
}

// AddProduct makes an entry, or shows the form again.
func (k *Console) AddProduct(c *fiber.Ctx) error {
	p, err := k.newProduct(c)
	if err != nil {
		return err
	}
	channel, kind, id := clean(field(c, "channel"), maxParameter), field(c, "key"), clean(field(c, "key_id"), maxParameter)
	entry := store.Product{ProductID: id, Seen: &time.Time{}}
	switch kind {
	case keySku:
		entry.ProductID, entry.SkuCode = "", id
	case keyRest:
		entry.ProductID = "*"
	}
	p.Form.Key, p.Form.Channel, p.Form.ID.Value = kind, channel, id
	if kind == keySku && id == "" {
		return k.productAgain(c, p, entry, fault.New(fault.Invalid, "product.bad_sku"))
	}
	return k.saveProduct(c, p, channel, entry, "products.flash_added")
}

// SetProduct changes an entry that was seen on its page.
func (k *Console) SetProduct(c *fiber.Ctx) error {
	p, err := k.productAsked(c)
	if err != nil {
		return err
	}
	micros, _ := strconv.ParseInt(field(c, "seen"), 10, 64) // what is no number was never seen
	seen := time.UnixMicro(micros)
	return k.saveProduct(c, p, p.Product.Channel, store.Product{ProductID: p.Product.ProductID, SkuCode: p.Product.SkuCode, Seen: &seen}, "products.flash_saved")
}

// saveProduct reads the rest of the form and stores it. A secret that was made is
// shown in this answer, and never again.
func (k *Console) saveProduct(c *fiber.Ctx, p view.ProductPage, channel string, entry store.Product, said string) error {
	wrong := readProduct(c, &entry)
	if wrong != nil {
		return k.productAgain(c, p, entry, wrong)
	}
	made := ""
	if entry.Secret = field(c, "webhook_secret"); entry.Secret == "" && field(c, "renew_secret") == "on" {
		made = webhook.NewSecret()
		entry.Secret = made
	}
	done, err := k.o.Provision.SetProduct(c.UserContext(), channel, entry, entry.Secret == "", actor(c))
	if f := fault.From(err); f != nil {
		if f.Code == fault.Internal || f.Code == fault.Unavailable {
			return err
		}
		return k.productAgain(c, p, entry, f)
	}
	e, err := k.read.ProductDetail(c.UserContext(), channel, entry.ProductID, entry.SkuCode)
	if err != nil {
		return err
	}
	if made = orElse(made, done.Secret); made == "" {
		flash(c, "ok", view.Say(said))
		return k.goTo(c, productURL(e.ID))
	}
	if p, err = k.product(c, e.ID); err != nil {
		return err
	}
	p.Made, p.Shell.Flash = made, &view.Flash{Tone: "ok", Text: view.Say(said)}
	return k.sendProduct(c, fiber.StatusOK, p)
}
