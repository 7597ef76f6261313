package email

import (
	"context"

	"koodesk/app/deliver"
)

// None is what mails are handed to when no SMTP_URL is set: they have been
// rendered and kept, and stay on the machine. Its transport "none" is shown with
// every such delivery, and none of them has a time of sending.
type None struct{}

// Transport is "none".
func (None) Transport() string { return "none" }

// Repeatable is true: nothing leaves.
func (None) Repeatable() bool { return true }

// Send takes the mail nowhere. An address that cannot be one is refused as by a
// real server, so that it shows before there is one.
func (None) Send(_ context.Context, p deliver.Parcel) (deliver.Receipt, error) {
	_, err := receiver(p.To)
	return deliver.Receipt{}, err
}
