package deliver_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/sms/huawei"
	"koodesk/app/market"
	"koodesk/app/simulator"
)

// A service that has the texts itself gets nothing but the values: each of them
// must be there, and short enough for it.
func TestANoticeByAServiceWithTextsOfItsOwnHasItsValues(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{}`)
	sms := simulator.NewSMSService(simulator.SMSOptions{Key: "app", Secret: "hunter2"})
	service := httptest.NewServer(sms)
	t.Cleanup(service.Close)
	t.Cleanup(sms.Wait)
	templates, err := huawei.ParseTemplates("expiry_notice.zh-CN=tpl(product_name,days,expires_at)", deliver.VariableNames())
	require.NoError(t, err)
	sender := huawei.New(huawei.Options{URL: service.URL, Key: "app", Secret: "hunter2", Sender: "88", Country: "86", Templates: templates})
	t.Cleanup(sender.Close)
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	k.d, err = deliver.New(deliver.Options{Store: k.s, Email: email.None{}, SMS: sender, Domain: "seller.test", Zone: zone,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	require.NoError(t, err)

	pk, _ := k.instance("c1", "", "+8613800000000", 9*day)
	_, err = k.s.SQL().Exec(`UPDATE instances SET product_name = '云协作' WHERE id = $1`, pk)
	require.NoError(t, err)
	k.at(k.now.Add(2 * day))
	k.run()
	require.Equal(t, []string{"expiry_notice 7 sms succeeded  "}, k.notices(pk))
	require.Len(t, sms.Calls(), 1)
	require.Equal(t, []string{"云协作", "7", "2027-03-10 10:00"}, sms.Calls()[0].Variables)
}

func TestTheManualNamesEveryVariableAndKind(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/sms.md")
	require.NoError(t, err)
	manual := strings.Join(strings.Fields(string(b)), " ")
	require.Contains(t, manual, "`"+strings.Join(deliver.VariableNames(), " ")+"`")
	require.Contains(t, manual, "`"+strings.Join(market.Notices(), " ")+"`")
}
