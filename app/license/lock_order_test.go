package license_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/license"
	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// A repeat of the call that asked for the License has its message, and goes on to the
// instance.
func TestALicenseIsHandedInAndUploadedAgainInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "messages", ID: 1}, {Table: "instances", ID: 1}, {Table: "tasks", ID: 1}}
	for name, act := range map[string]func(*testing.T, *license.Desk) error{
		"handed in": func(t *testing.T, d *license.Desk) error {
			return d.HandIn(t.Context(), 1, market.LicenseContent{Text: "LICENSE"}, staff.CLI())
		},
		"uploaded again": func(t *testing.T, d *license.Desk) error { return d.UploadAgain(t.Context(), 1, staff.CLI()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
				s := storetest.Open(t)
				storetest.Channel(t, s, "default", "")
				exec := func(query string, args ...any) {
					_, err := s.SQL().Exec(query, args...)
					require.NoError(t, err)
				}
				exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, provisioned_at) VALUES (1, 'i1', 'CS1', 'CS1-1', 'b', 'active', now())`)
				exec(`INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, instance_id, first_received_at, last_received_at) VALUES (1, 'license', 'getLicenseAsync', 'k', 'processing', '000004', 'i1', now(), now())`)
				exec(`INSERT INTO licenses (channel_id, instance_pk, message_id, protocol, request_key, status, supplier, version, content_sealed) VALUES (1, 1, 1, 'license', 'k', 'ready', 'manual', 1, $1)`,
					s.Keys().SealString(seal.License, "LICENSE"))
				exec(`INSERT INTO tasks (kind, unique_key, message_id, instance_pk, license_id, status, run_at) VALUES ('license_upload', 'l', 1, 1, 1, 'pending', now() + interval '1 hour')`)
				d := license.New(license.Options{Store: s, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Wake: func() {}})
				return s, func() error { return act(t, d) }
			})
		})
	}
}
