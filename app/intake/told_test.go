package intake_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/store"
)

func TestALicenseThatIsAskedForIsToldOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.subscribe()
	ask := func(key string) {
		_, _, err := d.intake.Handle(context.Background(), intake.Arrived{Channel: d.channel, ReceivedAt: time.Now(), Request: store.Request{},
			Call: market.Call{Protocol: market.License, Activity: market.GetLicenseAsync, InstanceIDs: []string{"i1"}, EventID: key, DeviceFingerprint: "AA-BB",
				ContentHash: []byte("asked")}})
		require.NoError(t, err)
	}
	ask("E-1")
	ask("E-1")
	told := d.told()
	require.Equal(t, []string{"license.requested"}, told.types)
	require.Equal(t, "i1", told.last["instance_id"])
	require.Equal(t, map[string]any{"id": d.text(`SELECT id::text FROM licenses`), "event_id": "E-1", "device_fingerprint": "AA-BB", "supplier": ""}, told.last["license"])
	ask("E-2")
	require.Equal(t, []string{"license.requested", "license.requested"}, d.told().types)
}

// subscribe has somebody told of everything.
func (d *desk) subscribe() {
	d.t.Helper()
	ctx := context.Background()
	require.NoError(d.t, d.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.AddEventTarget(ctx, store.EventTarget{ChannelID: d.channel.ID, Name: "crm", URL: "https://crm.example.com/hook",
			Secret: "0123456789abcdef0123456789", Enabled: true})
		return err
	}))
}

// toldEvents are the events that were written, and the data of the last one.
type toldEvents struct {
	types []string
	last  map[string]any
}

func (d *desk) told() (told toldEvents) {
	d.t.Helper()
	ctx := context.Background()
	require.NoError(d.t, d.store.Write(ctx, func(tx *store.Tx) error {
		for id := range int64(100) {
			e, err := tx.LockEvent(ctx, id)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			require.NoError(d.t, err)
			var body struct {
				Type string
				Data map[string]any
			}
			require.NoError(d.t, json.Unmarshal(e.Payload, &body))
			told.types, told.last = append(told.types, body.Type), body.Data
		}
		return nil
	}))
	return told
}
