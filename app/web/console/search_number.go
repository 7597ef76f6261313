package console

import (
	"context"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/alert"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// numbered are the things that have the number which is searched for, as pages print
// it ("#12") or without the sign; none if it is no number.
func (k *Console) numbered(ctx context.Context, q string) ([]view.FoundRow, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(q, "#"), 10, 64)
	if err != nil || n < 1 {
		return nil, nil
	}
	things, err := k.read.ByNumber(ctx, n)
	rows := make([]view.FoundRow, 0, len(things))
	for _, t := range things {
		rows = append(rows, view.FoundRow{Thing: t.Thing, Number: n, Kind: t.Kind, State: t.State, At: view.Time{At: t.At}, Test: t.Test, Fault: t.Error, URL: numberURL(t, n)})
	}
	return rows, err
}

func numberURL(t store.Numbered, n int64) string {
	switch t.Thing {
	case store.ThingTask:
		return itemURL(store.RestartTasks, n)
	case store.ThingEvent:
		return eventURL(n)
	case store.ThingDelivery:
		return deliveryURL(n)
	case store.ThingGroup:
		return groupURL(n)
	case store.ThingRestart:
		return batchURL(n)
	case store.ThingAlert: // what it is about: that is there also where nobody was told
		return alert.Path(t.Kind, t.Subject)
	}
	return messageURL(n)
}

// among is the page of several things that were found; path leads to what the text
// found beside them, if there is more.
func (k *Console) among(c *fiber.Ctx, q string, things []view.FoundRow, path string, more bool) error {
	s, err := k.shell(c, view.RoomMessages)
	if err != nil {
		return err
	}
	for n := range things {
		things[n].At = s.Clock.Time(things[n].At.At)
	}
	p := view.FoundPage{Shell: s, Q: q, Things: things}
	if more {
		p.More = path
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, s, view.PageFound, p)
}
