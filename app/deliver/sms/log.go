// Package sms hands short messages over. It knows nothing of what they are about.
package sms

import (
	"context"
	"log/slog"

	"koodesk/app/deliver"
)

// Log is the driver for machines without an SMS service: the text has been
// rendered and kept, and stays on the machine; a log line says that it would
// have gone, to a masked number and without its content.
type Log struct{ Log *slog.Logger }

// Transport is "log".
func (Log) Transport() string { return "log" }

// Repeatable is true: nothing leaves.
func (Log) Repeatable() bool { return true }

// Send writes the line.
func (l Log) Send(ctx context.Context, p deliver.Parcel) (deliver.Receipt, error) {
	l.Log.InfoContext(ctx, "an SMS was kept and not sent: SMS_DRIVER is log", "delivery", p.DeliveryID, "to", p.Mask,
		"parts", deliver.SizeSMS(p.Text).Parts)
	return deliver.Receipt{}, nil
}
