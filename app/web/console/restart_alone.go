package console

import (
	"context"
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// fillAlone fills in what became of the one message or task that was restarted, and
// how it stands now.
func (k *Console) fillAlone(ctx context.Context, p *view.RestartPage, b store.BatchRow) error {
	found, err := k.read.ItemList(ctx, b.ID, false, store.Paging{Limit: 1})
	if err != nil || len(found.Items) == 0 {
		return err
	}
	item := batchItem(p.Shell.Clock, b.Thing, found.Items[0])
	p.Alone = &item
	p.Facts = aloneFacts(p.Batch, item, p.Told)
	return k.standsNow(ctx, p, b)
}

// aloneFacts are what was restarted alone, by whom, when, why, and what that did.
func aloneFacts(b view.BatchRow, i view.BatchItem, told bool) []view.Fact {
	of := view.Fact{Label: view.Say("found.thing.task"), Value: "#" + strconv.FormatInt(i.ID, 10), URL: i.URL}
	if i.Message {
		of.Label = view.Say("found.thing.message")
	}
	switch {
	case i.What == "": // it is not kept any more
		of.URL = ""
	case i.Message:
		of.Note = activity(i.What)
	default:
		of.Note = view.Say("task_kind." + i.What)
	}
	out := []view.Fact{of}
	if i.Line != "" {
		out = append(out, view.Fact{Label: view.Say("fact.order_line"), Value: i.Line, Mono: true, Copy: true})
	}
	out = append(out, view.Fact{Label: view.Say("restarts.fact.by"), Value: b.By}, view.Fact{Label: view.Say("restarts.fact.begun"), Time: b.Created})
	out = append(out, whyFacts(b)...)
	return append(out, view.Fact{Label: view.Say("restarts.fact.mode"), Text: view.Say("restarts.mode." + b.Mode)},
		view.Fact{Label: view.Say("restarts.col.did"), Text: i.Did(told)})
}

// standsNow fills in how the message or task of a restart stands now, why, and how often
// it was tried; nothing if it is not kept any more.
func (k *Console) standsNow(ctx context.Context, p *view.RestartPage, b store.BatchRow) error {
	status, tries, n := "status.message.", view.Say("fact.attempts"), 0
	if b.Thing == store.RestartTasks {
		t, err := k.read.TaskDetail(ctx, b.One)
		if err != nil {
			return unlessGone(err)
		}
		row := taskRow(p.Shell, *t, k.o.Tries)
		status, tries, n, p.Last = "status.task."+row.Status, view.Say("restarts.fact.tries"), row.Attempts, row.Fault
	} else {
		m, err := k.read.MessageDetail(ctx, b.One, 1)
		if err != nil {
			return unlessGone(err)
		}
		status, n = status+m.Status, m.Attempts
		if m.Status != store.MessageSucceeded {
			p.Last = m.LastError
		}
	}
	p.Facts = append(p.Facts, view.Fact{Label: view.Say("restarts.fact.now"), Text: view.Say(status)}, view.Fact{Label: tries, Value: strconv.Itoa(n)})
	return nil
}

func unlessGone(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
