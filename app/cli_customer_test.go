package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACustomerIsErasedAtTheCommandLine(t *testing.T) {
	s := newShell(t)
	code, _, errs := s.run("", "customer", "erase", "--customer", "ann")
	require.Equal(t, exitUsage, code)
	require.Equal(t, "koodesk customer erase: --channel is missing; -h explains\n", errs)
	for _, args := range [][]string{nil, {"--customer", "ann", "--order", "CS1"}} {
		code, _, errs = s.run("", append([]string{"customer", "erase", "--channel", "default"}, args...)...)
		require.Equal(t, exitUsage, code)
		require.Equal(t, "koodesk customer erase: give one of --customer and --order; -h explains\n", errs)
	}
	code, _, errs = s.run("", "channel", "set", "--slug", "default", "--site", "cn")
	require.Equal(t, exitOK, code, errs)
	code, _, errs = s.run("", "customer", "erase", "--channel", "default", "--customer", "ann", "--reason", "a letter")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "koodesk: Nothing is held of such a customer, or such an order, in this channel. Check the channel")
	code, _, errs = s.run("", "customer", "erase", "--channel", "default", "--customer", "ann")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "koodesk: A reason is needed. ")
}
