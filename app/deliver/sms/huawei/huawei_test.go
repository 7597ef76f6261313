package huawei_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/sms/huawei"
	"koodesk/app/fault"
	"koodesk/app/simulator"
)

const phone = "18688888888"

func parcel() deliver.Parcel {
	return deliver.Parcel{DeliveryID: 7, Kind: "usage_info", To: phone, Tag: "7-0123456789abcdef", Language: "zh-CN", Text: "您购买的云协作已开通。",
		Variables: map[string]string{"user_name": "admin", "password": "Kp7#secret", "front_end_url": "https://app.example.com/", "memo": ""}}
}

// service starts the stand-in and a sender for it.
func service(t *testing.T, change func(*huawei.Options)) (*simulator.SMSService, *huawei.Sender) {
	t.Helper()
	fake := simulator.NewSMSService(simulator.SMSOptions{Key: "app", Secret: "hunter2", Templates: map[string]int{"tpl1": 2, "tpl3": 3}})
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	templates, err := huawei.ParseTemplates("usage_info.zh-CN=tpl1(user_name,password); frozen.en=tpl3@8899(user_name,memo,password)", deliver.VariableNames())
	require.NoError(t, err)
	o := huawei.Options{URL: server.URL + "/", Key: "app", Secret: "hunter2", Sender: "8824110605", Country: "86", Templates: templates}
	if change != nil {
		change(&o)
	}
	s := huawei.New(o)
	t.Cleanup(s.Close)
	return fake, s
}

// An SMS may hold a password: it leaves this machine encrypted or not at all.
func TestTheServiceIsCalledByHTTPSOnly(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"https://smsapi.cn-north-4.myhuaweicloud.com:443": true, "http://127.0.0.1:8092": true, "http://localhost:8092/": true, "http://[::1]:8092": true,
		"http://smsapi.cn-north-4.myhuaweicloud.com:443": false, "http://10.0.0.1": false, "http://localhost.example.com": false, "http://127.0.0.1.example.com": false,
		"http://2130706433": false, "ftp://127.0.0.1": false, ":": false,
	} {
		require.Equal(t, good, huawei.CheckURL(address) == nil, address)
	}
}

func TestTheServiceGetsTheTemplateWithItsVariables(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{huawei.AKSK, huawei.WSSE} {
		fake, s := service(t, func(o *huawei.Options) { o.Auth, o.Callback = auth, "http://127.0.0.1:1/receipts" })
		fake.SetReport("", 1)
		got, err := s.Send(t.Context(), parcel())
		require.NoError(t, err)
		c := fake.Calls()[0]
		require.Equal(t, auth, c.Signed)
		require.NotEmpty(t, c.ID)
		require.Equal(t, c.ID, got.ProviderRef)
		require.Equal(t, "+86"+phone, c.To)
		require.Equal(t, "8824110605", c.From)
		require.Equal(t, "tpl1", c.Template)
		require.Equal(t, []string{"admin", "Kp7#secret"}, c.Variables)
		require.Equal(t, "7-0123456789abcdef", c.Extend)
		require.Equal(t, "http://127.0.0.1:1/receipts", c.Callback)
	}
}

func TestNumbersAndTemplatesOfOthers(t *testing.T) {
	t.Parallel()
	fake, s := service(t, nil)
	p := parcel()
	p.Kind, p.To = "frozen", "+4915112345678"
	_, err := s.Send(t.Context(), p)
	require.NoError(t, err)
	p.To = "004915112345678"
	_, err = s.Send(t.Context(), p)
	require.NoError(t, err)
	for _, c := range fake.Calls() {
		require.Equal(t, "+4915112345678", c.To)
		require.Equal(t, "8899", c.From, "the template's own channel number")
		require.Equal(t, []string{"admin", " ", "Kp7#secret"}, c.Variables, "nothing is a blank")
	}
	p.Kind = "renewed"
	_, err = s.Send(t.Context(), p)
	f := fault.From(err)
	require.Equal(t, "sms.no_template", f.Key)
	require.True(t, f.Retry.Never)
	require.Equal(t, map[string]string{"kind": "renewed", "language": "zh-CN"}, f.Args)
}

func TestWhatTheServiceSaysDecidesWhatHappensNext(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failure simulator.SMSFailure
		key     string
		never   bool
		after   time.Duration
	}{
		"variables":         {simulator.SMSFailure{Code: "E200028"}, "sms.template_refused", true, 0},
		"form":              {simulator.SMSFailure{Code: "E000503"}, "sms.template_refused", true, 0},
		"address":           {simulator.SMSFailure{Code: "E000620"}, "sms.address_refused", false, 15 * time.Minute},
		"limit":             {simulator.SMSFailure{Code: "E000623"}, "sms.limit_reached", false, time.Hour},
		"flow":              {simulator.SMSFailure{Code: "E200015"}, "sms.deferred", false, 10 * time.Minute},
		"frozen account":    {simulator.SMSFailure{Code: "E000112"}, "sms.auth_refused", false, 10 * time.Minute},
		"number":            {simulator.SMSFailure{Number: "E200022"}, "sms.recipient_refused", true, 0},
		"never heard of":    {simulator.SMSFailure{Code: "E999999"}, "sms.refused", true, 0},
		"gateway busy":      {simulator.SMSFailure{Status: http.StatusServiceUnavailable}, "sms.deferred", false, time.Minute},
		"not this service":  {simulator.SMSFailure{Status: http.StatusNotFound}, "sms.not_the_service", true, 0},
		"gateway gave up":   {simulator.SMSFailure{Status: http.StatusGatewayTimeout}, deliver.ErrOutcomeUnknown, true, 0},
		"taken, no answer":  {simulator.SMSFailure{Drop: true}, deliver.ErrOutcomeUnknown, true, 0},
		"broken in general": {simulator.SMSFailure{Status: http.StatusInternalServerError}, deliver.ErrOutcomeUnknown, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, s := service(t, nil)
			fake.FailNext(1, c.failure)
			_, err := s.Send(t.Context(), parcel())
			f := fault.From(err)
			require.NotNil(t, f)
			require.Equal(t, c.key, f.Key, f.Error())
			require.Equal(t, c.never, f.Retry.Never)
			require.Equal(t, c.after, f.Retry.After)
			require.NotContains(t, f.Error(), phone)
			require.NotContains(t, f.Error(), "hunter2")
			_, err = s.Send(t.Context(), parcel())
			require.NoError(t, err, "the next one goes")
			require.Len(t, fake.Calls(), 2, "nothing was sent twice by itself")
		})
	}
}

func TestAWrongSecretIsRefusedAndNotHurried(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{huawei.AKSK, huawei.WSSE} {
		fake, s := service(t, func(o *huawei.Options) { o.Auth, o.Secret = auth, "hunter3" })
		_, err := s.Send(t.Context(), parcel())
		f := fault.From(err)
		require.Equal(t, "sms.auth_refused", f.Key)
		require.Equal(t, "E000101", f.Args["code"])
		require.Equal(t, 10*time.Minute, f.Retry.After)
		require.NotEmpty(t, fake.Calls()[0].Refused)
	}
}

func TestWhatWasNotWrittenMayGoAgain(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	address := server.URL
	server.Close()
	_, s := service(t, func(o *huawei.Options) { o.URL = address })
	_, err := s.Send(t.Context(), parcel())
	f := fault.From(err)
	require.Equal(t, "sms.unreachable", f.Key)
	require.False(t, f.Retry.Never)
	require.Equal(t, "sms.unreachable", fault.From(s.Check(t.Context())).Key)
}

func TestASilentServiceLeavesTheOutcomeOpen(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hold) })
	_, s := service(t, func(o *huawei.Options) { o.URL, o.Timeout = server.URL, 200*time.Millisecond })
	_, err := s.Send(t.Context(), parcel())
	require.Equal(t, deliver.ErrOutcomeUnknown, fault.From(err).Key)
}

func TestAStopOfTheProgramDoesNotCutACallShort(t *testing.T) {
	t.Parallel()
	fake, s := service(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Send(ctx, parcel())
	require.NoError(t, err)
	require.Len(t, fake.Calls(), 1)
	require.NoError(t, s.Check(t.Context()))
}

func TestTemplatesAreReadOrTheFaultIsNamed(t *testing.T) {
	t.Parallel()
	got, err := huawei.ParseTemplates(" usage_info.zh-CN=a1(user_name,password)\nusage_info.en=b2@991 ", deliver.VariableNames())
	require.NoError(t, err)
	require.Equal(t, huawei.Templates{"usage_info.zh-CN": {ID: "a1", Variables: []string{"user_name", "password"}}, "usage_info.en": {ID: "b2", Sender: "991"}}, got)
	for text, says := range map[string]string{
		"":                                "has no template",
		"usage_info=a1":                   "KIND.LANGUAGE=TEMPLATE_ID",
		"usage_info.fr=a1":                "KIND.LANGUAGE=TEMPLATE_ID",
		"usage_info.en":                   "KIND.LANGUAGE=TEMPLATE_ID",
		"usage_info.en=":                  "KIND.LANGUAGE=TEMPLATE_ID",
		"usage_info.en=a1(":               "KIND.LANGUAGE=TEMPLATE_ID",
		"usage_info.en=a1()":              "KIND.LANGUAGE=TEMPLATE_ID",
		"usage_info.en=a1@":               "KIND.LANGUAGE=TEMPLATE_ID",
		"usage_info.en=a1(pasword)":       `"pasword" is no variable; there are: admin_url`,
		"usage_info.en=a usage_info.en=b": "has usage_info.en twice",
	} {
		_, err := huawei.ParseTemplates(text, deliver.VariableNames())
		require.ErrorContains(t, err, says, text)
	}
}
