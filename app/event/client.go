package event

import (
	"context"
	"log/slog"
	"time"

	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// Options are what a Client needs. Wake, which may be nil, is called after a
// person's act has written work. Restart, without which Resend asks no product again,
// restarts a task as a person's act.
type Options struct {
	Store   *store.Store
	Webhook *webhook.Client
	Restart func(ctx context.Context, tx *store.Tx, task int64, by staff.Actor) error
	Log     *slog.Logger
	Wake    func()
	Now     func() time.Time // the clock that dates signatures; nil: time.Now
}

// Client is the use case: it sends events, asks products, and does what people
// want done with both.
type Client struct {
	store   *store.Store
	webhook *webhook.Client
	restart func(ctx context.Context, tx *store.Tx, task int64, by staff.Actor) error
	log     *slog.Logger
	wake    func()
	now     func() time.Time
}

// NewClient makes the use case.
func NewClient(o Options) *Client {
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{store: o.Store, webhook: o.Webhook, restart: o.Restart, log: o.Log, wake: o.Wake, now: o.Now}
}
