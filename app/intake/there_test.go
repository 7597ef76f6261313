package intake_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/staff"
)

// Where a restart here is refused, the operator reads where KooGallery's own is, in
// the words of the channel's site; of one whose words are not published, that they are
// another's.
func TestARefusedRestartNamesTheSitesOwnPage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		site market.Site
		want string
		sure bool
	}{
		{market.SiteCN, "卖家中心 > 生产接口消息 > 重新启动", true},
		{market.SiteIntl, "Application Tools > Service Interface Messages > Restart Debugging", true},
		{market.SiteEU, "Application Tools > Service Interface Messages > Restart Debugging", false},
	} {
		d := open(t)
		d.exec(`UPDATE channels SET site = $1`, string(c.site))
		for key, statement := range map[string]string{
			"restart.rejected":       `UPDATE messages SET status = 'rejected'`,
			"restart.call_again":     `UPDATE messages SET status = 'failed', idem_key = 'invalid/newInstance/x'`,
			"restart.nothing_stored": `UPDATE attempts SET request_sealed = NULL`,
		} {
			d.exec(`DELETE FROM messages`)
			require.NotEmpty(t, d.refresh("nobody", "RENEWAL", "R1", "20281124023618"))
			d.exec(statement)
			_, err := d.restartMessage(d.id(`SELECT id FROM messages`), staff.CLI())
			require.Equal(t, key, fault.From(err).Key)
			for _, l := range i18n.Locales() {
				do := i18n.For(l).FaultOf(err).Do
				require.Contains(t, do, c.want, "%s %s", key, l)
				require.Equal(t, c.sure, !strings.Contains(do, i18n.For(l).T("retry.another_site")), "%s %s: %s", key, l, do)
				require.NotContains(t, do, fault.Unsure)
			}
		}
	}
}

func (d *desk) id(query string) (id int64) {
	d.t.Helper()
	require.NoError(d.t, d.store.SQL().QueryRow(query).Scan(&id))
	return id
}
