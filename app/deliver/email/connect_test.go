package email

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAStepDoesNotOutliveAnEarlierCancellation(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	t.Cleanup(func() { _, _ = here.Close(), there.Close() })
	ctx, cancel := context.WithCancel(context.Background())
	c := &connection{net: here}
	stop := c.interrupt(ctx)
	defer stop()
	cancel()
	require.ErrorIs(t, c.step(ctx, time.Hour), context.Canceled, "the next step of the conversation does not begin")
}
