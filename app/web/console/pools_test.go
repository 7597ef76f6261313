package console_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/provision"
	"koodesk/app/provision/pool"
	"koodesk/app/staff"
)

func TestEveryPageTellsThatAPoolIsLow(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	keeper := pool.NewKeeper(pool.Options{Store: h.store, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	_, err := keeper.Add(ctx, "crm", []pool.Row{{Line: 2, Account: provision.Access{FrontEndURL: "https://a.cn"}}}, staff.CLI())
	require.NoError(t, err)
	v := h.as(staff.Operator)
	require.NotContains(t, v.get("/tasks").words("body"), "crm")
	require.NoError(t, keeper.SetLowWater(ctx, "crm", 1, staff.CLI()))
	require.Contains(t, v.get("/tasks").words(".banner.warn"), "Pool crm is running out of accounts")
}
