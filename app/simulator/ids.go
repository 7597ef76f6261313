package simulator

import (
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// IDs makes identifiers that look like the marketplace's own. Safe for
// concurrent use.
type IDs struct {
	now   func() time.Time
	start uint64
	n     atomic.Uint64
}

const (
	orderLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	orderTail    = 5
	orderSpace   = 36 * 36 * 36 * 36 * 36
	orderStride  = 30233087 // odd and no multiple of 3: walks through the whole space
)

// beijing is the zone of the digits in an order id.
var beijing = time.FixedZone("CST", 8*3600)

// NewIDs makes a source of identifiers.
func NewIDs(now func() time.Time) *IDs {
	start, err := rand.Int(rand.Reader, big.NewInt(orderSpace))
	if err != nil {
		panic(err) // the system's random source is gone: nothing to go on with
	}
	return &IDs{now: now, start: start.Uint64()}
}

// OrderID is like CS2611221315B4LVS: "CS", the minute in Beijing, five letters
// or digits that do not come twice in a run.
func (g *IDs) OrderID() string {
	n := (g.start + g.n.Add(1)*orderStride) % orderSpace
	var tail [orderTail]byte
	for i := range tail {
		tail[i] = orderLetters[n%36]
		n /= 36
	}
	return "CS" + g.now().In(beijing).Format("0601021504") + string(tail[:])
}

// LineID is the id of an order's first line.
func LineID(orderID string) string { return orderID + "-000001" }

// UUID is a random id, as businessId is.
func (g *IDs) UUID() string { return uuid.NewString() }

// nonce has the form of the published samples: 64 hex digits in upper case.
func nonce() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return strings.ToUpper(hex.EncodeToString(b))
}
