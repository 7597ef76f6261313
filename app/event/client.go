package event

import (
	"log/slog"

	"koodesk/app/store"
	"koodesk/app/webhook"
)

// Options are what a Client needs. Wake, which may be nil, is called after a
// person's act has written work.
type Options struct {
	Store   *store.Store
	Webhook *webhook.Client
	Log     *slog.Logger
	Wake    func()
}

// Client is the use case: it sends events, asks products, and does what people
// want done with both.
type Client struct {
	store   *store.Store
	webhook *webhook.Client
	log     *slog.Logger
	wake    func()
}

// NewClient makes the use case.
func NewClient(o Options) *Client {
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{store: o.Store, webhook: o.Webhook, log: o.Log, wake: o.Wake}
}
