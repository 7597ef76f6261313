package console_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// Only what has tries left says that it is tried again: the same fault stands where
// it was given up.
func TestOnlyWhatHasTriesLeftSaysThatItIsTriedAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.orders.err = unreachable()
	h.buy("CSAGAIN")
	h.work()
	v := h.as(staff.Operator)
	v.locale = "en"
	paths := []string{"/messages/1", "/orders/" + h.text(`SELECT id FROM orders`)}
	for status, says := range map[string]bool{"pending": true, "failed": false} {
		h.exec(`UPDATE tasks SET status = $1, attempts = 1, run_at = now() + interval '1 hour' WHERE kind = 'order_query'`, status)
		h.exec(`UPDATE messages SET status = $1`, map[string]string{"pending": "processing", "failed": "failed"}[status])
		for _, path := range paths {
			said := v.get(path).words(".trouble")
			require.Contains(t, said, "Check that this machine reaches the open API", path)
			require.Equal(t, says, strings.Contains(said, "It is tried again by itself."), "%s %s", path, status)
		}
	}
}
