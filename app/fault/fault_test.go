package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
)

func TestAFaultIsFoundThroughWraps(t *testing.T) {
	t.Parallel()
	f := fault.New(fault.NotFound, "channel.unknown", "channel", "x")
	err := fmt.Errorf("looking: %w", f)
	require.True(t, fault.Is(err, fault.NotFound))
	require.ErrorIs(t, err, fault.New(fault.NotFound, "channel.unknown"))
	require.NotErrorIs(t, err, fault.New(fault.NotFound, "message.unknown"))
	require.Equal(t, "channel.unknown (channel=x)", f.Error())
}

func TestAnythingElseIsInternal(t *testing.T) {
	t.Parallel()
	require.Equal(t, fault.Internal, fault.CodeOf(errors.New("boom")))
	require.Nil(t, fault.From(nil))
	require.Empty(t, fault.CodeOf(nil))
	require.False(t, fault.Is(nil, fault.Internal))
}

func TestRetry(t *testing.T) {
	t.Parallel()
	require.True(t, fault.New(fault.Invalid, "x").Retry.Never, "the same input fails again")
	f := fault.New(fault.Unavailable, "x")
	require.False(t, f.Retry.Never)
	require.Equal(t, time.Minute, f.RetryAfter(time.Minute).Retry.After)
	require.True(t, f.Final().Retry.Never)
	require.False(t, f.Retry.Never, "a copy was changed, not the fault")
}

func TestRecordsKeepTheCauseBoundedAndStorable(t *testing.T) {
	t.Parallel()
	cause := errors.New("a\x00b" + strings.Repeat("界", 1000))
	r := fault.ToRecord(fault.Wrap(cause, fault.Unavailable, "order_query.unreachable", "host", "h"))
	require.LessOrEqual(t, len(r.Detail), 610)
	require.True(t, utf8.ValidString(r.Detail))
	require.NotContains(t, r.Detail, "\x00")
	back, err := fault.ParseRecord(r.JSON())
	require.NoError(t, err)
	require.Equal(t, r, back)
	none, err := fault.ParseRecord(nil)
	require.NoError(t, err)
	require.Nil(t, none)
	require.Nil(t, fault.ToRecord(nil).JSON())
}
