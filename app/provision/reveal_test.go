package provision_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/store/storetest"
)

func TestAPasswordIsSeenWithItsEntryInTheAudit(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	i := parked(t, d)
	why := ann
	why.Reason = "客户忘记密码"

	_, err := d.p.RevealPassword(ctx, i.InstanceID, why)
	require.Equal(t, "access.no_password", fault.From(err).Key)
	require.NoError(t, d.p.SetAccess(ctx, i.InstanceID, typed, ann))
	for _, reason := range []string{"", " \t"} {
		mute := ann
		mute.Reason = reason
		_, err = d.p.RevealPassword(ctx, i.InstanceID, mute)
		require.Equal(t, "access.reason_missing", fault.From(err).Key)
	}
	_, err = d.p.RevealPassword(ctx, "nobody", why)
	require.Equal(t, "instance.unknown", fault.From(err).Key)
	require.Equal(t, 0, d.count(`SELECT count(*) FROM audit WHERE action = 'instance.reveal'`), "what was not shown is not noted")

	password, err := d.p.RevealPassword(ctx, i.InstanceID, why)
	require.NoError(t, err)
	require.Equal(t, typed.Password, password)
	require.Equal(t, "operator:ann@example.com instance/"+i.InstanceID+" 客户忘记密码 192.0.2.7",
		d.text(`SELECT concat_ws(' ', actor, target, reason, host(remote_ip)) FROM audit WHERE action = 'instance.reveal'`))
	require.NotContains(t, d.log.String(), typed.Password)

	// Without the entry there is no password.
	storetest.Alter(t, d.store.SQL(), `ALTER TABLE audit ADD CONSTRAINT full_up CHECK (action <> 'instance.reveal') NOT VALID`,
		`ALTER TABLE audit DROP CONSTRAINT full_up`)
	password, err = d.p.RevealPassword(ctx, i.InstanceID, why)
	require.Error(t, err)
	require.Empty(t, password)
}
