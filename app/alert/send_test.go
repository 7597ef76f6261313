package alert_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/deliver"
	"koodesk/app/deliver/sms/huawei"
	"koodesk/app/fault"
	"koodesk/app/simulator"
	"koodesk/app/staff"
	"koodesk/app/store/storetest"
)

func TestAnSMSWhoseTakingCouldNotBeWrittenIsNotSentAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	sms := simulator.NewSMSService(simulator.SMSOptions{Key: "app", Secret: "hunter2"})
	service := httptest.NewServer(sms)
	t.Cleanup(service.Close)
	sender := huawei.New(huawei.Options{URL: service.URL, Key: "app", Secret: "hunter2", Sender: "88", Country: "86",
		Templates: huawei.Templates{"alert.en": {ID: "tpl", Variables: []string{"alert_count"}}}})
	t.Cleanup(sender.Close)
	h.options.SMS = sender
	h.restart()
	h.target(alert.Setting{Medium: alert.SMS, Address: "+8618688888888"})
	h.group(1)
	h.watch()
	storetest.Alter(t, h.store.SQL(), `ALTER TABLE alert_messages ADD CONSTRAINT nothing_is_written CHECK (status <> 'succeeded')`,
		`ALTER TABLE alert_messages DROP CONSTRAINT nothing_is_written`)
	cause, ok := h.work(5)
	require.True(t, ok)
	require.Equal(t, deliver.ErrOutcomeUnknown, fault.From(cause).Key)
	_, ok = h.work(5)
	require.False(t, ok, "nothing waits for another try")
	require.Len(t, sms.Calls(), 1)
	require.Equal(t, "000000", sms.Calls()[0].Code)
	require.Equal(t, "failed delivery.outcome_unknown", h.text(`SELECT concat_ws(' ', status, last_error ->> 'key') FROM alert_messages`))
}

func TestWhyATargetWasTestedOrRemovedIsWrittenDown(t *testing.T) {
	t.Parallel()
	h := open(t)
	by := staff.CLI()
	by.Reason = "she has left"
	id := h.target(alert.Setting{Medium: alert.SMS, Address: "+8618688888888"})
	_, err := h.d.TestTarget(context.Background(), id, h.operator, by)
	require.NoError(t, err)
	require.NoError(t, h.d.RemoveTarget(context.Background(), id, h.operator, by))
	require.Equal(t, "alert_target.test she has left, alert_target.remove she has left",
		h.text(`SELECT string_agg(action || ' ' || reason, ', ' ORDER BY id) FROM audit WHERE reason <> ''`))
}
