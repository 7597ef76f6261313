package console

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

var noon = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

func clockOf(t *testing.T) view.Clock {
	t.Helper()
	return view.Clock{Zone: time.FixedZone("Asia/Shanghai", 8*3600), Now: noon}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"/messages": "/messages", "/messages?status=failed&q=a%20b": "/messages?status=failed&q=a%20b", "/instances/a%2Fb": "/instances/a%2Fb",
		"/messages#x": "/messages", "/": "/", "/loginx": "/loginx",
		"": "", "messages": "", "//evil": "", "/\\evil": "", "https://evil": "", "/login": "", "/login?next=/x": "", "/logout": "", "/preferences?x=1": "",
		"/a\nb": "", "/a b": "", "/a\\b": "", "/%zz": "", "/a\x00": "", "/a\x7f": "",
	} {
		require.Equal(t, want, local(raw), "%q", raw)
	}
	require.Equal(t, "/login?next=%2Ftasks", inside("/login?next=%2Ftasks"), "the language is also switched at the door")
}

func TestSpan(t *testing.T) {
	t.Parallel()
	at := func(query string) view.URL { return addressOf("/messages", query, messageParams...) }
	for query, want := range map[string]struct {
		since, until string
		preset       string
		ok           bool
	}{
		"":                                       {ok: true},
		"range=15m":                              {since: "2026-11-22T03:45:00Z", preset: "15m", ok: true},
		"range=7d":                               {since: "2026-11-15T04:00:00Z", preset: "7d", ok: true},
		"range=3y":                               {ok: true},
		"since=2026-11-22T08:00":                 {ok: true},
		"range=custom":                           {preset: "custom", ok: true},
		"range=custom&since=2026-11-22T08:00":    {since: "2026-11-22T00:00:00Z", preset: "custom", ok: true},
		"range=custom&until=2026-11-22T08:00:30": {until: "2026-11-22T00:00:30Z", preset: "custom", ok: true},
		"range=custom&since=yesterday":           {preset: "custom"},
		"range=custom&since=2026-11-22T08:00&until=2026-11-22T08:00": {preset: "custom"},
	} {
		r, since, until, ok := span(at(query), clockOf(t))
		require.Equal(t, want.ok, ok, query)
		require.Equal(t, want.preset, r.Preset, query)
		require.Equal(t, want.since, market.Stamp(since), query)
		require.Equal(t, want.until, market.Stamp(until), query)
		require.Equal(t, !ok, !r.Wrong.None(), query)
	}
}

func TestAnAddressKeepsWhatItKnows(t *testing.T) {
	t.Parallel()
	u := addressOf("/messages", "q=+a%00b+&status=&evil=1&before=c&before=d&test=1&%zz", messageParams...)
	require.Equal(t, url.Values{"q": {"ab"}, "before": {"c"}, "test": {"1"}}, u.Query)
	require.Equal(t, "/messages/7?before=c&q=ab&test=1", within(messageURL(7), u))
	require.Equal(t, "/instances/a%2Fb%3F", instanceURL("a/b?"))
}

func TestAFlashComesBackAsItWas(t *testing.T) {
	t.Parallel()
	said := view.Say("reconcile.flash.partly", "done", 1, "why", view.Say("flash.reason", "count", 2, "what", view.Say("fault.restart.running.what")))
	require.Equal(t, said, speak(said).text())
}

func TestWhyThingsWereRefused(t *testing.T) {
	t.Parallel()
	require.Equal(t, view.Say("flash.reasons",
		"first", view.Say("flash.reason", "count", 3, "what", view.Say("fault.restart.rejected.what")),
		"rest", view.Say("flash.reason", "count", 1, "what", view.Say("fault.restart.running.what"))),
		reasons(i18n.For(i18n.En), map[string]int{"restart.running": 1, "restart.rejected": 3}))
}

func TestADifferentContentIsAppliedWhereThatCanWork(t *testing.T) {
	t.Parallel()
	s := view.Shell{Operator: view.Operator{Role: staff.Operator}}
	for activity, why := range map[string]string{market.RefreshInstance: "", market.NewInstance: "", market.GetLicenseAsync: "why.quarantine_license", market.ReleaseInstance: "why.quarantine_other"} {
		q := quarantined(s, store.MessageRow{Activity: activity}, store.QuarantineRow{}, view.URL{})
		require.Equal(t, why, q.Accept.Why.Key, activity)
		require.True(t, q.Refuse.Why.None(), activity)
	}
}

func TestAFaultWithoutATextStillSaysSomething(t *testing.T) {
	t.Parallel()
	z := i18n.For(i18n.ZhCN)
	require.Equal(t, "fault_code.conflict.what", what(z, fault.New(fault.Conflict, "nobody.wrote_this")).Key)
	require.Equal(t, view.Say("flash.trouble", "what", view.Say("fault_code.conflict.what"), "do", view.Say("fault_code.conflict.do")),
		trouble(z, fault.New(fault.Conflict, "nobody.wrote_this")))
}

func TestEveryCallAndTaskHasAName(t *testing.T) {
	t.Parallel()
	for _, l := range []i18n.Locale{i18n.ZhCN, i18n.En} {
		z := i18n.For(l)
		for _, a := range market.Activities() {
			require.True(t, z.Has("activity."+a), a)
			require.Equal(t, view.Say("activity."+a), activity(a))
		}
		for _, k := range outbox.Kinds() {
			require.True(t, z.Has("task_kind."+string(k)), k)
		}
		for _, p := range outbox.Purposes() {
			require.True(t, z.Has("purpose."+string(p)), p)
		}
	}
	require.Equal(t, view.Say("activity.unknown"), activity("buyNow"))
}

func TestWhenAMessageCanBeRestarted(t *testing.T) {
	t.Parallel()
	task := func(s outbox.Status) store.TaskRow { return store.TaskRow{Status: s} }
	parked := store.TaskRow{Status: outbox.Pending, Parked: true}
	for name, c := range map[string]struct {
		status string
		tasks  []store.TaskRow
		want   string
	}{
		"failed":             {status: store.MessageFailed, tasks: []store.TaskRow{task(outbox.Failed)}, want: ""},
		"failed alone":       {status: store.MessageFailed, want: ""},
		"waits for its turn": {status: store.MessageProcessing, tasks: []store.TaskRow{task(outbox.Pending)}, want: ""},
		"running":            {status: store.MessageProcessing, tasks: []store.TaskRow{task(outbox.Failed), task(outbox.Running)}, want: "why.message_running"},
		"parked":             {status: store.MessageProcessing, tasks: []store.TaskRow{task(outbox.Succeeded), parked}, want: "why.message_waiting"},
		"parked and failed":  {status: store.MessageFailed, tasks: []store.TaskRow{parked, task(outbox.Failed)}, want: ""},
		"done":               {status: store.MessageSucceeded, tasks: []store.TaskRow{task(outbox.Succeeded)}, want: ""},
		"forged":             {status: store.MessageRejected, want: "why.message_rejected"},
	} {
		m := &store.MessageDetail{MessageRow: store.MessageRow{Status: c.status}, Tasks: c.tasks}
		require.Equal(t, c.want, whyNoRestart(m).Key, name)
		require.Equal(t, name == "waits for its turn" || name == "running", underWay(c.tasks), name)
	}
}

func TestWhenATaskCanBeRestarted(t *testing.T) {
	t.Parallel()
	for status, want := range map[outbox.Status]string{outbox.Failed: "", outbox.Pending: "", outbox.Running: "why.task_running",
		outbox.Succeeded: "why.task_done", outbox.Cancelled: "why.task_cancelled"} {
		require.Equal(t, want, whyNoTaskRestart(store.TaskRow{Status: status}).Key, status)
	}
	require.Equal(t, "why.message_waiting", whyNoTaskRestart(store.TaskRow{Status: outbox.Pending, Parked: true}).Key)
}

func TestATaskAsItIsShown(t *testing.T) {
	t.Parallel()
	s := view.Shell{Clock: clockOf(t)}
	old := &fault.Record{Key: "x"}
	r := taskRow(s, store.TaskRow{ID: 3, Kind: outbox.Deliver, Status: outbox.Succeeded, MessageID: 4, DeliveryID: 5, InstanceID: "i", LastError: old,
		Tries: []store.TaskTry{{Round: 1, Number: 1, Outcome: "succeeded"}, {Round: 1, Outcome: "restarted", Actor: "operator:ann@x"}, {Number: 1, Outcome: "failed"}}},
		map[outbox.Kind]int{outbox.Deliver: 10})
	require.Equal(t, "/deliveries/5", r.URL)
	require.Equal(t, 10, r.Max)
	require.Nil(t, r.Fault, "what went wrong before it went well is in the tries")
	require.Equal(t, []int{3, 2, 1}, []int{r.Tries[0].N, r.Tries[1].N, r.Tries[2].N})
	require.Equal(t, "ann@x", r.Tries[1].By)
	parked := taskRow(s, store.TaskRow{Status: outbox.Pending, Parked: true, RunAt: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), MessageID: 1}, nil)
	require.True(t, parked.RunAt.IsZero(), "the end of the calendar is no time")
	require.True(t, parked.Waiting)
}

func TestTheStoryOfAMessage(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	bad := &fault.Record{Key: "order_query.unreachable"}
	m := &store.MessageDetail{MessageRow: store.MessageRow{Activity: market.NewInstance}, AttemptLog: []store.AttemptRow{
		{At: at(9), Disposition: store.Restart, Actor: "operator:ann@x"},
		{At: at(6), Disposition: store.Conflict}, {At: at(5), Disposition: store.Repeat},
		{At: at(0), Disposition: store.Invalid, ResultCode: "000002", Error: bad}},
		Tasks: []store.TaskRow{
			{Kind: outbox.OrderQuery, Tries: []store.TaskTry{{At: at(10), Outcome: "succeeded"}, {At: at(9), Outcome: "restarted", Actor: "operator:ann@x"},
				{At: at(2), Outcome: "lost"}, {At: at(1), Outcome: "failed", Error: bad}}},
			{Kind: outbox.Provision, Purpose: outbox.Purchase, Tries: []store.TaskTry{{At: at(12), Outcome: "succeeded"}, {At: at(11), Outcome: "restarted", Actor: "token:ci"}}},
			{Kind: outbox.Deliver, DeliveryID: 8, Tries: []store.TaskTry{{At: at(13), Outcome: "succeeded"}}}}}
	var kinds []string
	events := messageTimeline(clockOf(t), m)
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	require.Equal(t, []string{"task_done", "provisioned", "task_restarted", "queried", "restarted", "conflict", "repeated", "task_failed", "received", "refused"}, kinds)
	require.Equal(t, "/deliveries/8", events[0].URL)
	require.Equal(t, time.Minute, events[0].Gap)
	require.Equal(t, "token:ci", events[2].By)
	for _, kind := range kinds {
		require.Contains(t, view.Moments(), kind)
	}
	unknown := attemptEvents(clockOf(t), &store.MessageDetail{MessageRow: store.MessageRow{Activity: "dance"}}, store.AttemptRow{Disposition: store.New})
	require.Equal(t, []any{"what", view.Say("activity.unknown")}, unknown[0].Args)
}

func TestTheLifeOfAnInstance(t *testing.T) {
	t.Parallel()
	change := func(kind market.ChangeKind, old, now string) store.TimelineEvent {
		return store.TimelineEvent{Sort: store.EventChange, Kind: string(kind), Old: old, New: now, MessageID: 4}
	}
	kept := store.DeliveryRow{ID: 1, Kind: deliver.UsageInfo, Status: "succeeded", Transport: "none", To: "a•••"}
	again := store.DeliveryRow{ID: 2, Kind: "sonnet", Status: "succeeded", Transport: "smtp", Resends: 1}
	i := &store.InstanceDetail{Deliveries: []store.DeliveryRow{kept, again}}
	l := life{clock: clockOf(t), deliveries: i.Deliveries, restarts: map[time.Time]bool{noon: true}}
	for name, c := range map[string]struct {
		event store.TimelineEvent
		want  string
	}{
		"activated":      {change(market.StatusChanged, "provisioning", "active"), "activated"},
		"unfrozen":       {change(market.StatusChanged, "frozen", "active"), "unfrozen"},
		"frozen":         {change(market.StatusChanged, "active", "frozen"), "frozen"},
		"released":       {change(market.StatusChanged, "active", "released"), "released"},
		"expiry":         {change(market.ExpiryChanged, "", "2026-11-22T04:00:00Z"), "renewed"},
		"product":        {change(market.ProductChanged, "", "P"), "product"},
		"changed":        {change(market.ProductChanged, "O", "P"), "changed"},
		"order":          {change(market.OrderLearned, "", "CS"), "order"},
		"access":         {change(market.AccessChanged, "", "userName"), "access_set"},
		"customer":       {change(market.CustomerChanged, "", "c"), "customer"},
		"no address":     {change(market.CustomerChanged, "", deliver.NoAddress), "no_address"},
		"new kind":       {change("weather", "", ""), ""},
		"call":           {store.TimelineEvent{Sort: store.EventMessage, Kind: market.ReleaseInstance}, "received"},
		"forged":         {store.TimelineEvent{Sort: store.EventMessage, Status: store.MessageRejected}, "rejected"},
		"restart":        {store.TimelineEvent{Sort: store.EventRestart, At: noon}, "restarted"},
		"its tasks":      {store.TimelineEvent{Sort: store.EventTask, Kind: "provision", Status: "restarted", At: noon.Add(time.Second), Duration: time.Second}, ""},
		"a task":         {store.TimelineEvent{Sort: store.EventTask, Kind: "provision", Status: "restarted", At: noon.Add(time.Hour)}, "task_restarted"},
		"failure":        {store.TimelineEvent{Sort: store.EventTask, Kind: "provision", Status: "failed"}, "task_failed"},
		"success":        {store.TimelineEvent{Sort: store.EventTask, Kind: "provision", Status: "succeeded"}, ""},
		"let go":         {store.TimelineEvent{Sort: store.EventTask, Kind: "provision", Purpose: "release", Status: "succeeded"}, "task_done"},
		"lost":           {store.TimelineEvent{Sort: store.EventTask, Kind: "provision", Status: "lost"}, ""},
		"kept":           {store.TimelineEvent{Sort: store.EventDelivery, DeliveryID: 1, Status: "succeeded"}, "kept"},
		"resent":         {store.TimelineEvent{Sort: store.EventDelivery, DeliveryID: 2, Status: "succeeded"}, "resent"},
		"not sent yet":   {store.TimelineEvent{Sort: store.EventDelivery, DeliveryID: 1, Status: "pending"}, ""},
		"reveal":         {store.TimelineEvent{Sort: store.EventAudit, Kind: "instance.reveal", Reason: "why"}, "revealed"},
		"another act":    {store.TimelineEvent{Sort: store.EventAudit, Kind: "instance.access"}, ""},
		"another source": {store.TimelineEvent{Sort: "weather"}, ""},
	} {
		e, ok := l.event(c.event)
		require.Equal(t, c.want != "", ok, name)
		if ok {
			require.Equal(t, c.want, e.Kind, name)
			require.Contains(t, view.Moments(), e.Kind, name)
		}
	}
	e, _ := l.event(change(market.ExpiryChanged, "", "2026-11-22T04:00:00Z"))
	require.Equal(t, []any{"to", "2026-11-22 12:00:00"}, e.Args, "in the reader's zone")
}

func TestEveryFieldOfAccessDataIsChecked(t *testing.T) {
	t.Parallel()
	require.Empty(t, checkAccess(market.AppInfo{FrontEndURL: "https://a.example", Memo: "one\ntwo"}))
	wrong := checkAccess(market.AppInfo{AdminURL: "x", UserName: "a\nb", Password: "a\tb", Memo: "a\x00b"})
	require.Len(t, wrong, 5)
	require.Equal(t, "access.field_missing", wrong["front_end_url"].Key)
	require.Equal(t, view.Say("wrong.control"), fieldWrong(i18n.For(i18n.En), wrong["password"]))
}

func TestRequestsAreShownPartByPart(t *testing.T) {
	t.Parallel()
	p := request(store.AttemptRow{RemoteIP: "192.0.2.1", Request: store.Payload{Method: "POST", Query: "a=1%202&&b&c=%zz", Body: "{}"}})
	require.Equal(t, []view.Pair{{Name: "a", Value: "1 2"}, {Name: "b"}, {Name: "c", Value: "%zz"}, {Name: "IP", Value: "192.0.2.1"}}, p.Headers)
	require.Equal(t, "POST", p.Line)
}

func TestWhatIsRememberedIsReadAgainAfterAWhile(t *testing.T) {
	t.Parallel()
	n := 0
	var err error
	r := remembered[int]{load: func(context.Context) (int, error) { n++; return n, err }}
	get := func(after time.Duration) int {
		v, _ := r.get(t.Context(), noon.Add(after), time.Minute)
		return v
	}
	require.Equal(t, []int{1, 1, 2}, []int{get(0), get(59 * time.Second), get(time.Minute)})
	err = errors.New("away")
	_, failed := r.get(t.Context(), noon.Add(time.Hour), time.Minute)
	require.Error(t, failed, "a failure is told, and not remembered")
	err = nil
	require.Equal(t, 4, get(time.Hour))

	enter, leave := make(chan struct{}), make(chan struct{})
	r.load = func(context.Context) (int, error) { close(enter); <-leave; return 9, nil }
	done := make(chan int)
	go func() { done <- get(2 * time.Hour) }()
	<-enter
	require.Equal(t, 4, get(2*time.Hour), "the others do not wait")
	close(leave)
	require.Equal(t, 9, <-done)
	require.Equal(t, 9, get(2*time.Hour))
}

func TestWhatBecameOfAnAutomaticRetryIsSaid(t *testing.T) {
	t.Parallel()
	failed, waiting := view.Say("flash.restarted", "n", 2), view.Say("flash.hurried", "n", 1)
	require.Equal(t, failed, whatRuns(2, 0))
	require.Equal(t, waiting, whatRuns(0, 1))
	require.Equal(t, view.Say("flash.restarted_and", "given", failed, "hurried", waiting), whatRuns(2, 1))
}
