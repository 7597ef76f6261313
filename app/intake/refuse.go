package intake

import (
	"context"
	"errors"
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// What is kept of one claim that cannot be proved: its first attempts, and after
// that as many in an hour as an alert takes.
const (
	firstRejected  = 20
	hourlyRejected = 3
)

// Invalid logs an authentic call that could not be understood and gives the
// answer, which names the field.
func (in *Intake) Invalid(ctx context.Context, a Arrived, cause error) ([]byte, market.ResultCode, error) {
	d := in.dialects[a.Call.Protocol]
	response := d.Encode(a.Call.Activity, market.Answer{Code: market.InvalidParameter, Msg: d.Message(cause)})
	content := a.Request.Body
	if len(content) == 0 {
		content = a.Call.ContentHash // a V1.0 call has no body
	}
	arr := a.arrival(market.InvalidKey(a.Call.Activity, content))
	_, err := in.record(ctx, arr, store.Outcome{Status: store.MessageFailed, Code: market.InvalidParameter,
		Disposition: store.Invalid, Response: response, Err: cause, Source: "marketplace"})
	return response, market.InvalidParameter, err
}

// Reject logs a call that could not be proved authentic. Equal claims are one
// message, of which not every attempt is kept: attempt is 0 for one that was not.
func (in *Intake) Reject(ctx context.Context, a Arrived, code market.ResultCode, response []byte, cause error) (attempt int64, err error) {
	c := a.Call
	arr := a.arrival(market.RejectedKey(fault.From(cause).Key, c.Activity, c.OrderID, c.OrderLineID, c.InstanceID()))
	return in.record(ctx, arr, store.Outcome{Status: store.MessageRejected, Code: code, Disposition: store.Rejected,
		Response: response, Err: cause, Source: "marketplace"})
}

// Flood is calls that were refused without being kept. Kind is "keyed" for those
// that a key explains, "" for the others, which scanners make.
type Flood struct {
	Channel     int64
	Kind        string
	N           int
	From, Until time.Time
	Protocol    market.Protocol // of the last one, like the rest
	IP, Reason  string
}

// Flooded notes a flood: among the refused calls it is one message per channel and
// kind, whose attempts count them all.
func (in *Intake) Flooded(ctx context.Context, f Flood) error {
	key := "call.flood"
	if f.Kind == "keyed" {
		key = "call.flood_keyed"
	}
	cause := fault.Wrap(errors.New(f.IP+" "+f.Reason), fault.Unauthenticated, key, "count", strconv.Itoa(f.N))
	return in.store.NoteFlood(ctx, f.Channel, f.Protocol, market.RejectedKey("call.flood", f.Kind, "", "", ""), f.N, f.From, f.Until, cause)
}

func (in *Intake) record(ctx context.Context, arr store.Arrival, o store.Outcome) (attempt int64, err error) {
	arr.Call = storable(arr.Call)
	err = in.store.Write(ctx, func(tx *store.Tx) error {
		m, err := tx.OpenMessage(ctx, arr)
		if err != nil {
			return err
		}
		if o.Disposition == store.Rejected {
			attempt, err = tx.CloseRejected(ctx, m.ID, arr, o, firstRejected, hourlyRejected)
			return err
		}
		attempt, err = tx.CloseAttempt(ctx, m.ID, arr, o)
		return err
	})
	return attempt, err
}

// retiredFor is for how long a retired key still explains a refused call.
const retiredFor = 180 * 24 * time.Hour

// SigningKeys are the keys that may have signed a call to the channel, for the
// diagnosis of a refused one: its own of every class, the retired ones of half a
// year among them, then those of other channels. Nothing is ever proved by them.
func (in *Intake) SigningKeys(ctx context.Context, channel int64, now time.Time) ([]store.SigningKey, error) {
	return in.store.Reader().SigningKeys(ctx, channel, now.Add(-retiredFor))
}

// Diagnosed keeps with a rejected attempt why it was.
func (in *Intake) Diagnosed(ctx context.Context, attempt int64, d market.Diagnosis) error {
	return in.store.SetDiagnosis(ctx, attempt, d)
}

// storable makes what a refused call claims fit for the log's columns: nobody
// has checked it.
func storable(c market.Call) market.Call {
	c.Activity = clip(c.Activity)
	if c.Activity == "" {
		c.Activity = "unknown"
	}
	c.OrderID, c.OrderLineID, c.BusinessID = clip(c.OrderID), clip(c.OrderLineID), clip(c.BusinessID)
	c.ProductID = clip(c.Product())
	if len(c.InstanceIDs) > 0 {
		c.InstanceIDs = []string{clip(c.InstanceIDs[0])}
	}
	return c
}

// clip bounds s to 64 characters that PostgreSQL's text can hold.
func clip(s string) string {
	out := make([]rune, 0, 64)
	for _, r := range s {
		if len(out) == 64 {
			break
		}
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			r = '·'
		}
		out = append(out, r)
	}
	return string(out)
}
