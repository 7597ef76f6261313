package deliver

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"koodesk/app/fault"
)

// Outcome is what became of a delivery, beside its status, which says how far
// the work is.
type Outcome string

// The outcomes.
const (
	Queued     Outcome = "queued"      // nobody has taken it yet
	Kept       Outcome = "kept"        // rendered, and left on the machine: no transport leads out
	HandedOver Outcome = "handed_over" // the service took it; no more is known
	Delivered  Outcome = "delivered"   // the service says that it arrived
	Refused    Outcome = "refused"     // the service, or somebody behind it, said no
	Bounced    Outcome = "bounced"     // taken, and sent back later
	Unknown    Outcome = "unknown"     // it may have been taken: nobody saw how the hand-over ended
)

// Outcomes lists all, in the order of a delivery's life.
func Outcomes() []string {
	return []string{string(Queued), string(Kept), string(HandedOver), string(Delivered), string(Refused), string(Bounced), string(Unknown)}
}

// Report is what a service says later of one message, or of one part of it.
type Report struct {
	Tag         string   // Parcel.Tag as the service gave it back; "" if it does not
	To          []string // addresses to which a mail may have come back: one of them is Parcel.ReturnTo
	ProviderRef string   // the service's own id
	Outcome     Outcome  // Delivered, Refused, Bounced, or HandedOver for "still on its way"
	Code        string   // the service's word, e.g. UNDELIV
	Note        string   // in the service's words
	Remark      string   // what it says instead of an outcome: written down, and changes nothing
	Part, Parts int      // of a long SMS, from 1; 0 counts as 1
	At          time.Time
}

// Receiver is a Sender whose service reports back by HTTP. The address at which
// it does so ends in a token that nobody can guess; what the service offers
// beyond that as proof is Receive's business.
type Receiver interface {
	// Receive proves and reads one call. Faults: unauthenticated "receipt.rejected"
	// (why), invalid "receipt.unreadable".
	Receive(r *http.Request, body []byte, now time.Time) ([]Report, error)
}

// ErrOutcomeUnknown is the key of the fault of a sender that cannot tell whether
// its service took the message, and whose service would take it twice. It is not
// tried again by itself.
const ErrOutcomeUnknown = "delivery.outcome_unknown"

// OutcomeUnknown makes that fault. It is final unless the sender's service does not
// take a repeat twice, which is kept with it: a restart may then have it sent again.
func OutcomeUnknown(cause error, s Sender) *fault.Error {
	if s.Repeatable() {
		return fault.Wrap(cause, fault.Unavailable, ErrOutcomeUnknown, "transport", s.Transport(), "repeat", "known")
	}
	return fault.Wrap(cause, fault.Unavailable, ErrOutcomeUnknown, "transport", s.Transport()).Final()
}

// HandOver gives a parcel to a sender and has written down that it was taken.
// Where that cannot be written, the next try would not know of this one. Faults:
// those of Send and write; OutcomeUnknown in place of write's where the sender's
// service would take the parcel twice.
func HandOver(ctx context.Context, s Sender, p Parcel, write func(Receipt) error) error {
	receipt, err := s.Send(ctx, p)
	if err != nil {
		return err
	}
	err = write(receipt)
	if err != nil && !s.Repeatable() && fault.From(err).Key != "task.lease_lost" {
		return OutcomeUnknown(err, s)
	}
	return err
}

// Interrupted tells whether what an earlier try began to hand over, without
// writing how that ended, may be handed over again: OutcomeUnknown if not.
func Interrupted(s Sender) error {
	if s.Repeatable() {
		return nil
	}
	return OutcomeUnknown(errors.New("an earlier try ended without a word"), s)
}

// tagOf names one sending of a delivery: its id, and the part of its reference
// that nobody can guess and that a resend changes.
func tagOf(id int64, ref string) string { return formatID(id) + "-" + secretOf(ref) }

// ParseTag reads what tagOf writes: the delivery's id and the part of its reference.
func ParseTag(tag string) (id int64, secret string, ok bool) {
	number, secret, _ := strings.Cut(tag, "-")
	id, err := strconv.ParseInt(number, 10, 64)
	return id, secret, err == nil && id > 0 && len(secret) >= 16 && len(secret) <= 64
}

func secretOf(ref string) string {
	secret, _, _ := strings.Cut(strings.Trim(ref, "<>"), "@")
	return secret
}
