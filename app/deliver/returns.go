package deliver

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/seal"
	"koodesk/app/store"
)

// receivers are the media whose services report.
func receivers(o Options) map[string]Receiver {
	out := map[string]Receiver{}
	for medium, s := range map[string]Sender{Email: o.Email, SMS: o.SMS} {
		if r, ok := s.(Receiver); ok {
			out[medium] = r
		}
	}
	if o.Returns != nil {
		out[Email] = o.Returns
	}
	return out
}

// sourceOf is what receipts of a medium are said to come from. A mail comes back
// from mail servers, also where this process hands none over.
func (d *Deliverer) sourceOf(medium string) string {
	if medium == Email {
		return "smtp"
	}
	return d.senders[medium].Transport()
}

// returnTo is the address to which one sending of a delivery comes back, the
// same on each of its tries: the token in it names the sending, and nobody else
// can make it. A mail's path says nothing else of what came back that could be
// believed.
func (d *Deliverer) returnTo(v *store.Delivery) string {
	if d.bounce == "" || v.Medium != Email {
		return ""
	}
	at := strings.LastIndexByte(d.bounce, '@')
	payload := binary.AppendUvarint(nil, uint64(v.ID))
	return d.bounce[:at] + "+" + d.store.Keys().ShortToken(seal.Returns, append(payload, mark(v.MessageRef)...)) + d.bounce[at:]
}

// markSize is that of what tells the sendings of one delivery apart.
const markSize = 4

func mark(ref string) []byte {
	sum := sha256.Sum256([]byte(ref))
	return sum[:markSize]
}

func markOf(ref string) string { return hex.EncodeToString(mark(ref)) }

// findReturned tells which sending came back to one of these addresses. Whatever
// stands before the token, and behind the @, has been somebody's to change.
func (d *Deliverer) findReturned(to []string) (id int64, which sending, err error) {
	for _, address := range to {
		local, _, _ := strings.Cut(strings.Trim(address, "<> \t"), "@")
		token := local[strings.LastIndexAny(local, "+-=_. ")+1:] // a query turns + into a blank
		payload, err := d.store.Keys().OpenShortToken(seal.Returns, token)
		if err != nil {
			continue
		}
		number, n := binary.Uvarint(payload)
		if n > 0 && len(payload) == n+markSize && int64(number) > 0 {
			return int64(number), sending{hex.EncodeToString(payload[n:]), markOf}, nil
		}
	}
	return 0, which, fault.New(fault.NotFound, "delivery.unknown")
}
