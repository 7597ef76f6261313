package console

import (
	"net/url"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/store"
)

// Search finds a thing by any of its ids, or a customer by name, address or
// number: it leads to the thing itself when there is just one, else to the list
// of what was found.
func (k *Console) Search(c *fiber.Ctx) error {
	q := clean(c.Query("q"), maxParameter)
	if q == "" {
		return k.goTo(c, "/messages")
	}
	path, err := k.find(c, q)
	if err != nil {
		return err
	}
	return k.goTo(c, path)
}

func (k *Console) find(c *fiber.Ctx, q string) (string, error) {
	if _, err := k.read.InstanceDetail(c.UserContext(), q); err == nil {
		return instanceURL(q), nil
	} else if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	two := store.Paging{Limit: 2}
	instances, err := k.read.InstanceList(c.UserContext(), store.InstanceFilter{Q: q}, two)
	if err != nil {
		return "", err
	}
	messages, err := k.read.MessageList(c.UserContext(), store.MessageFilter{Q: q}, two)
	if err != nil {
		return "", err
	}
	codes, err := k.read.LicenseCodeList(c.UserContext(), store.LicenseCodeFilter{Q: q}, two)
	if err != nil {
		return "", err
	}
	orders, err := k.read.OrderList(c.UserContext(), store.OrderFilter{Q: q}, two)
	if err != nil {
		return "", err
	}
	list := "?q=" + url.QueryEscape(q)
	switch {
	case len(codes.Items) == 1 && len(messages.Items) == 0 && len(instances.Items) == 0:
		return codeURL(codes.Items[0].ID), nil // and never its code in an address
	case len(orders.Items) == 1 && len(instances.Items) == 0:
		return orderURL(orders.Items[0].PK), nil // with the messages about it
	case len(orders.Items) > 1 && len(instances.Items) == 0:
		return "/orders" + list, nil
	}
	switch {
	case len(messages.Items) == 1:
		return messageURL(messages.Items[0].ID), nil
	case len(messages.Items) > 1 || len(instances.Items) == 0:
		return "/messages" + list, nil
	case len(instances.Items) == 1:
		return instanceURL(instances.Items[0].InstanceID), nil
	}
	return "/instances" + list, nil
}
