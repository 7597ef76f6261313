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
	ctx, two, list := c.UserContext(), store.Paging{Limit: 2}, "?q="+url.QueryEscape(q)
	instances, err := k.read.InstanceList(ctx, store.InstanceFilter{Q: q}, two)
	if err != nil {
		return "", err
	}
	if len(instances.Items) == 0 {
		switch orders, err := k.read.OrderList(ctx, store.OrderFilter{Q: q}, two); {
		case err != nil:
			return "", err
		case len(orders.Items) == 1:
			return orderURL(orders.Items[0].PK), nil // with the messages about it
		case len(orders.Items) > 1:
			return "/orders" + list, nil
		}
	}
	switch messages, err := k.read.MessageList(ctx, store.MessageFilter{Q: q}, two); {
	case err != nil:
		return "", err
	case len(messages.Items) == 1:
		return messageURL(messages.Items[0].ID), nil
	case len(messages.Items) > 1:
		return "/messages" + list, nil
	}
	switch len(instances.Items) {
	case 0:
	case 1:
		return instanceURL(instances.Items[0].InstanceID), nil
	default:
		return "/instances" + list, nil
	}
	switch codes, err := k.read.LicenseCodeList(ctx, store.LicenseCodeFilter{Q: q}, two); {
	case err != nil:
		return "", err
	case len(codes.Items) == 1:
		return codeURL(codes.Items[0].ID), nil // and never its code in an address
	case len(codes.Items) > 1:
		return "/license-codes" + list, nil
	}
	return "/messages" + list, nil
}
