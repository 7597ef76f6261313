package main

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/jobs"
)

// isPatientlyAsked has a product answer too late, fail and talk nonsense before it
// makes an instance: it is one question, one instance and one mail.
func (r *rig) isPatientlyAsked(p *seller) {
	r.t.Helper()
	r.stop()
	r.patience = 500 * time.Millisecond
	r.tune = func(o *jobs.Options) {
		quick(o)
		for i := range o.Kinds {
			o.Kinds[i].Tries = 20
		}
	}
	late := make(chan struct{})
	answers := sync.OnceFunc(func() { close(late) })
	defer answers()
	var calls atomic.Int64
	before := len(p.of("instance.provision"))
	p.mu.Lock()
	p.answer = func(int, heard) (int, string) {
		switch calls.Add(1) {
		case 1:
			<-late
		case 2:
			return http.StatusBadGateway, "not now"
		case 3:
			return http.StatusOK, "<html>It works!</html>"
		}
		return http.StatusOK, `{"front_end_url":"https://patient.example.com/"}`
	}
	p.mu.Unlock()
	r.start(true)
	id := r.buy("CS2611220603CCCCC")
	require.Equal(r.t, "https://patient.example.com/", r.access(id).FrontEndURL)
	answers()
	asked := p.of("instance.provision")[before:]
	require.GreaterOrEqual(r.t, len(asked), 4)
	for _, h := range asked {
		require.Equal(r.t, asked[0].ID, h.ID, "one question")
		require.Equal(r.t, id, h.Data["instance_id"])
	}
	require.Equal(r.t, 1, r.count(`SELECT count(*) FROM instances WHERE order_id = 'CS2611220603CCCCC' AND access_version = 1`))
	require.NotZero(r.t, r.count(`SELECT count(*) FROM event_attempts WHERE error->>'key' = 'webhook.timeout'`))
	r.waitItems("/messages?activity=newInstance&status=succeeded", 3)
	r.mails(3)
	require.Equal(r.t, 3, r.count(`SELECT count(*) FROM deliveries`), "one mail each")
}
