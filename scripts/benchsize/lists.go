package main

import (
	"context"
	"time"

	"koodesk/app/store"
)

// named is a change to a filter.
type named[F any] struct {
	name string
	set  func(*F)
}

// pairs are the filters alone and two by two.
func pairs[F any](all []named[F]) []named[F] {
	var out []named[F]
	for i, a := range all {
		out = append(out, a)
		for _, b := range all[i+1:] {
			out = append(out, named[F]{a.name + " & " + b.name, func(f *F) { a.set(f); b.set(f) }})
		}
	}
	return out
}

// whole is a page of a list with the numbers above it.
func whole[F, T any](list func(*store.Reader, context.Context, F, store.Paging) (store.Page[T], error),
	counts func(*store.Reader, context.Context, F) (store.Counts, error), f F) func(context.Context, *store.Reader, string) (int, error) {
	return func(ctx context.Context, r *store.Reader, cursor string) (int, error) {
		p, err := list(r, ctx, f, store.Paging{Cursor: cursor})
		if err != nil {
			return 0, err
		}
		_, err = counts(r, ctx, f)
		return len(p.Items), err
	}
}

func instancePages() []page {
	type F = store.InstanceFilter
	read := func(f F) func(context.Context, *store.Reader, string) (int, error) {
		return func(ctx context.Context, r *store.Reader, cursor string) (int, error) {
			f, err := r.FindInstances(ctx, f)
			if err != nil {
				return 0, err
			}
			return whole((*store.Reader).InstanceList, (*store.Reader).InstanceCounts, f)(ctx, r, cursor)
		}
	}
	out := []page{{name: "instances: page 1", read: read(F{})},
		{name: "instances: page 1,000, or the last", read: read(F{}), prepare: func(ctx context.Context, r *store.Reader) (string, error) {
			return walk(ctx, func(ctx context.Context, p store.Paging) (store.Page[store.InstanceRow], error) {
				return r.InstanceList(ctx, F{}, p)
			})
		}}}
	filters := []named[F]{
		{"channel", func(f *F) { f.Channel = "mid" }},
		{"product", func(f *F) { f.ProductID = "MID" }},
		{"status", func(f *F) { f.Status = "frozen" }},
		{"expiry", func(f *F) { f.ExpiresBefore = time.Now().Add(90 * 24 * time.Hour) }},
		{"customer", func(f *F) { f.Q = "cust-777" }},
	}
	// Under two of these the small database has less than a page.
	rare := []named[F]{
		{"small channel", func(f *F) { f.Channel = "small" }},
		{"small product", func(f *F) { f.ProductID = "OFFI7" }},
		{"near expiry", func(f *F) { f.ExpiresBefore = time.Now().Add(30 * 24 * time.Hour) }},
	}
	for _, n := range append(pairs(filters), pairs(rare)...) {
		var f F
		n.set(&f)
		out = append(out, page{name: "instances: " + n.name, read: read(f)})
	}
	for _, q := range []struct{ name, q string }{
		{"search: order", "CS7777"}, {"search: order line", "CS7777-000001"}, {"search: instance", "inst-7777"},
		{"search: a customer's name, four characters of it", "博光安安"}, {"search: three characters", "博光安"},
		{"search: two characters that one name in 400 has", "光博"}, {"search: two characters that every second name has", "科技"},
		{"search: part of a user name", "n777"}, {"search: a name that nobody has", "无此客户"},
		{"search: e-mail", "nobody@example.com"},
	} {
		out = append(out, page{name: "instances: " + q.name, read: read(F{Q: q.q})})
	}
	for _, q := range []struct{ name, q string }{{"three characters", "博光安"}, {"a frequent part", "科技"}} {
		for _, n := range filters[:4] {
			f := F{Q: q.q}
			n.set(&f)
			out = append(out, page{name: "instances: " + q.name + " & " + n.name, read: read(f)})
		}
	}
	return out
}

func messagePages() []page {
	type F = store.MessageFilter
	read := func(f F) func(context.Context, *store.Reader, string) (int, error) {
		return whole((*store.Reader).MessageList, (*store.Reader).MessageCounts, f)
	}
	yes := true
	out := []page{{name: "messages: page 1", read: read(F{})},
		{name: "messages: page 1,000", read: read(F{}), prepare: func(ctx context.Context, r *store.Reader) (string, error) {
			return walk(ctx, func(ctx context.Context, p store.Paging) (store.Page[store.MessageRow], error) {
				return r.MessageList(ctx, F{}, p)
			})
		}}}
	for _, n := range pairs([]named[F]{
		{"channel", func(f *F) { f.Channel = "small" }},
		{"V1.0", func(f *F) { f.Protocol = "v1" }},
		{"interface", func(f *F) { f.Activity = "newInstance" }},
		{"failed", func(f *F) { f.Status = "failed" }},
		{"debugging", func(f *F) { f.Test = &yes }},
		{"a day", func(f *F) { f.Since = time.Now().Add(-24 * time.Hour) }},
		{"order", func(f *F) { f.OrderID = "CS777" }},
		{"search", func(f *F) { f.Q = "CS7777" }},
	}) {
		var f F
		n.set(&f)
		out = append(out, page{name: "messages: " + n.name, read: read(f)})
	}
	groups := whole((*store.Reader).GroupList, (*store.Reader).GroupCounts, store.GroupFilter{Status: store.GroupOpen})
	members := read(F{Group: 7})
	return append(out, page{name: "messages: failure groups", read: groups},
		page{name: "messages: a group with its members", read: func(ctx context.Context, r *store.Reader, _ string) (int, error) {
			if _, err := r.Group(ctx, 7); err != nil {
				return 0, err
			}
			if _, err := r.GroupOrders(ctx, 7, 100); err != nil {
				return 0, err
			}
			return members(ctx, r, "")
		}})
}
