package deliver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// UsageInfo sees to it, within tx, that the customer gets the instance's present
// access data, once per version of it: by e-mail if there is an address, else by
// SMS, else the instance's history says that nobody could be told. What an
// earlier version has not managed to tell is cancelled. A product or a customer
// may have switched it off.
func (d *Deliverer) UsageInfo(ctx context.Context, tx *store.Tx, i *store.Instance, p *store.Product, messageID int64) error {
	w, err := tx.Reader().Wishes(ctx, i.ChannelID, i.Customer())
	if err != nil {
		return err
	}
	if slices.Contains(p.Settings.NoticesOff, UsageInfo) || slices.Contains(w.Off, UsageInfo) {
		return nil
	}
	if medium, _ := reach(i); medium == "" {
		return tx.Record(ctx, i.PK, []market.Change{{Kind: market.CustomerChanged, New: NoAddress}}, store.Origin{MessageID: messageID})
	}
	language := w.Language
	if language == "" {
		language = p.MailLanguage
	}
	return d.tellUsage(ctx, tx, i, language, messageID, fmt.Sprintf("%s/%d/%d", UsageInfo, i.PK, i.AccessVersion))
}

// tellUsage writes the delivery of the usage information and its task, once by
// the key; whatever of it has not gone out before is cancelled.
func (d *Deliverer) tellUsage(ctx context.Context, tx *store.Tx, i *store.Instance, language string, messageID int64, key string) error {
	medium, to := reach(i)
	id, err := tx.AddDelivery(ctx, store.NewDelivery{ChannelID: i.ChannelID, InstancePK: i.PK, MessageID: messageID,
		Kind: UsageInfo, Medium: medium, Language: language, To: to, ToMask: mask(medium, to), MessageRef: d.newRef(),
		UniqueKey: key})
	if err != nil || id == 0 {
		return err
	}
	if err := tx.SupersedeDeliveries(ctx, i.PK, UsageInfo, id, "system"); err != nil {
		return err
	}
	_, err = tx.Enqueue(ctx, outbox.New{Kind: outbox.Deliver, Purpose: outbox.Usage, MessageID: messageID, InstancePK: i.PK,
		DeliveryID: id, OrderID: i.OrderID, OrderLineID: i.OrderLineID, UniqueKey: outbox.Key(outbox.Deliver, outbox.Usage, id)})
	return err
}

// reach tells how a customer is told. An e-mail address that cannot be one is
// still used when there is no phone number: the delivery then fails visibly and
// can be sent again to a corrected address.
func reach(i *store.Instance) (medium, to string) {
	return reachBy(i.Email, i.Phone)
}

func reachBy(email, phone string) (medium, to string) {
	email, phone = strings.TrimSpace(email), market.FoldPhone(phone)
	switch {
	case email != "" && (phone == "" || checkEmail(email) == nil):
		return Email, email
	case phone != "":
		return SMS, phone
	}
	return "", ""
}

func mask(medium, to string) string {
	if medium == SMS {
		return store.MaskPhone(to)
	}
	return store.MaskEmail(to)
}

// checkEmail accepts a bare address only: no display name, no list, no comment.
// Fault: invalid "delivery.bad_email".
func checkEmail(s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s || strings.ContainsAny(s, "<>\r\n ") {
		return fault.New(fault.Invalid, "delivery.bad_email")
	}
	return nil
}

// checkPhone accepts 5 to 15 digits (the E.164 maximum), with a plus, blanks and
// hyphens. Fault: invalid "delivery.bad_phone".
func checkPhone(s string) error {
	n := len(strings.TrimPrefix(market.FoldPhone(s), "+"))
	if n < 5 || n > 15 || strings.Trim(s, "+0123456789 -()") != "" {
		return fault.New(fault.Invalid, "delivery.bad_phone")
	}
	return nil
}

// newRef makes a Message-ID that nobody can guess.
func (d *Deliverer) newRef() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil { // crypto/rand does not fail on supported systems
		panic(err)
	}
	return "<" + hex.EncodeToString(b[:]) + "@" + d.domain + ">"
}
