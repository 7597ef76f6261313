package buyer_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

func TestAOneTimeLinkShowsTheAccessDataOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.product(true, "en")
	s.bought("i1")
	s.ready("i1")
	link := s.link("i1")
	require.Contains(t, s.get(link).Text(), "This works once only")
	shown := make(chan bool, 8)
	var wg sync.WaitGroup
	for range cap(shown) { // all at once
		wg.Go(func() { shown <- strings.Contains(s.post(link).Text(), password) })
	}
	wg.Wait()
	close(shown)
	n := 0
	for was := range shown {
		if was {
			n++
		}
	}
	require.Equal(t, 1, n)
	a := s.post(link)
	require.Equal(t, 409, a.status)
	a.hides(t)
	for _, a := range []answer{a, s.get(link)} {
		require.Contains(t, a.Text(), "has been shown once")
		require.Contains(t, a.Text(), "ask the seller for a new link")
		require.Contains(t, a.body, app.FrontEndURL, "the address is no secret")
		require.Zero(t, a.Find("form").Length())
	}
	require.Equal(t, "1", s.text(`SELECT reveals FROM access_links`))

	ctx := context.Background()
	ann := staff.Actor{Name: "operator:ann@example.com", Reason: "lost it", IP: "192.0.2.7"}
	require.NoError(t, s.pages.Renew(ctx, "i1", ann))
	require.Equal(t, 404, s.get(link).status, "the old link has ended")
	fresh := strings.TrimPrefix(s.pages.URL("i1", 1), s.base)
	a = s.post(fresh)
	require.Contains(t, a.Text(), password)
	require.Contains(t, a.Text(), "shown this once only")
	require.Zero(t, a.Find(".buyer-languages a").Length(), "a switch of language would lose it")
	require.Equal(t, "instance.link operator:ann@example.com instance/i1 lost it", s.text(`SELECT concat_ws(' ', action, actor, target, reason) FROM audit`))
	d, err := s.store.Reader().InstanceDetail(ctx, "i1")
	require.NoError(t, err)
	var life []string
	for _, e := range d.Timeline {
		if e.Sort == store.EventLink {
			life = append(life, e.Kind+strings.Repeat("+", e.Count))
		}
	}
	require.ElementsMatch(t, []string{"viewed++", "revealed+", "revealed+"}, life, "counted by link, not flooding")
	require.Equal(t, 1, d.Link.Generation)
	require.Equal(t, 1, d.Link.Reveals)
	require.True(t, d.OneTimeLink)
}

func TestThereIsNoButtonWithoutAnythingToShow(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.product(true, "en")
	s.bought("i1")
	s.readyWith("i1", market.AppInfo{FrontEndURL: "https://app.example.com/i/7"})
	a := s.get(s.link("i1"))
	require.Equal(t, "active", a.state())
	require.Zero(t, a.Find("form").Length())
	require.Equal(t, 409, s.post(s.link("i1")).status)
	require.NotContains(t, s.get(s.link("i1")).Text(), "has been shown once", "nothing was used up")
}
