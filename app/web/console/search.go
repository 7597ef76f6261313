package console

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// Search finds a thing by any of its ids, or a customer by name, address or
// number: it leads to the thing itself when there is just one, else to the list
// of what was found. A number may be that of several things: then they are a choice.
func (k *Console) Search(c *fiber.Ctx) error {
	q := pasted(clean(c.Query("q"), maxParameter))
	if q == "" {
		return k.goTo(c, "/messages")
	}
	things, err := k.numbered(c.UserContext(), q)
	if err != nil {
		return err
	}
	path := ""
	if !strings.HasPrefix(q, "#") {
		if path, err = k.find(c, q); err != nil {
			return err
		}
	}
	more := path != "" && !slices.ContainsFunc(things, func(t view.FoundRow) bool { return t.URL == path })
	switch {
	case len(things) > 1, len(things) == 1 && more:
		return k.among(c, q, things, path, more)
	case len(things) == 1:
		path = things[0].URL
	case path == "":
		path = "/messages?q=" + url.QueryEscape(q)
	}
	return k.goTo(c, path)
}

// pasted is what was pasted without the name of the header that it stood in.
func pasted(q string) string {
	for _, name := range []string{"message-id:", "webhook-id:"} {
		if len(q) > len(name) && strings.EqualFold(q[:len(name)], name) {
			return strings.TrimSpace(q[len(name):])
		}
	}
	return q
}

// find leads to what a text finds; "" is nothing.
func (k *Console) find(c *fiber.Ctx, q string) (string, error) {
	if _, err := k.read.InstanceByID(c.UserContext(), q); err == nil {
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
		return k.placeOf(ctx, messages.Items[0], q)
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

// placeOf is where a call that was found is shown: with what went before and came after
// it, if it is about one instance. Its own number means the message itself.
func (k *Console) placeOf(ctx context.Context, m store.MessageRow, q string) (string, error) {
	if n, err := strconv.ParseInt(q, 10, 64); err == nil && n == m.ID {
		return messageURL(m.ID), nil
	}
	instance, err := k.read.TimelineOf(ctx, m)
	if err != nil || instance == "" {
		return messageURL(m.ID), err
	}
	return callURL(instance, m.ID), nil
}

// findSent finds what was sent: a delivery by an id that its provider or one of its
// mails has for it, an event by its webhook-id, an alert by that of what told of it.
func (k *Console) findSent(ctx context.Context, q, list string) (string, error) {
	delivery, err := k.read.DeliveryByRef(ctx, q)
	if err == nil {
		return deliveryURL(delivery), nil
	}
	if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	if id, secret, ok := deliver.ParseTag(strings.TrimPrefix(q, "sms_")); ok {
		if has, err := k.read.HasSending(ctx, id, secret); err != nil || has {
			return deliveryURL(id), err
		}
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
	ref, _, _ := strings.Cut(strings.Trim(q, "<>"), "@") // of a mail: its Message-ID
	alert, target, err := k.read.AlertByRef(ctx, ref)
	switch {
	case fault.Is(err, fault.NotFound):
		return "", nil
	case err == nil && alert == 0:
		return alertSaidPath + "?target=" + strconv.FormatInt(target, 10), nil
	}
	return alertSaid(alert), err
}
