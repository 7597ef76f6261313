package console

import (
	"context"
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
	orders, err := k.read.OrderList(ctx, store.OrderFilter{Q: q}, two)
	if err != nil {
		return "", err
	}
	if found := orders.Items; len(found) > 0 && (len(instances.Items) == 0 || found[0].OrderID == q || found[0].OrderLineID == q) {
		if len(found) == 1 {
			return orderURL(found[0].PK), nil // with its whole life
		}
		return "/orders" + list, nil
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
	switch licenses, err := k.read.LicenseList(ctx, store.LicenseFilter{EventID: q}, two); {
	case err != nil:
		return "", err
	case len(licenses.Items) == 1:
		return licenseURL(licenses.Items[0].ID), nil
	case len(licenses.Items) > 1: // one event of each device
		return "/licenses?instance=" + url.QueryEscape(licenses.Items[0].InstanceID), nil
	}
	return k.findSent(ctx, q, list)
}

// findSent finds what was sent: a delivery by the id that its provider or its mail
// has for it, or an event by its webhook-id.
func (k *Console) findSent(ctx context.Context, q, list string) (string, error) {
	delivery, err := k.read.DeliveryByRef(ctx, q)
	if err == nil {
		return deliveryURL(delivery), nil
	}
	if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	events, err := k.read.EventList(ctx, store.EventFilter{Q: q}, store.Paging{Limit: 2})
	switch {
	case err != nil:
		return "", err
	case len(events.Items) == 1:
		return eventURL(events.Items[0].ID), nil
	case len(events.Items) > 1:
		return "/events" + list, nil
	}
	return "/messages" + list, nil
}
