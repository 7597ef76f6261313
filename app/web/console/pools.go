package console

import (
	"context"
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/provision/pool"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

const poolsPath = "/pools"

// onlyLow narrows a page of pools to those that run low.
func onlyLow(path string) string { return path + "?status=low" }

func poolURL(name string) string { return poolsPath + "/" + url.PathEscape(name) }

// poolParam reads a pool's name from the address. Fault: not_found "pool.unknown".
func poolParam(c *fiber.Ctx) (string, error) {
	name, err := url.PathUnescape(c.Params("pool"))
	if err != nil || pool.CheckName(name) != nil { // one that cannot be is not there
		return "", fault.New(fault.NotFound, "pool.unknown")
	}
	return name, nil
}

// Pools is every pool. With a name of a new one in the address it leads to where
// that is filled: a pool comes into being with its first accounts.
func (k *Console) Pools(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomPools)
	if err != nil {
		return err
	}
	u := address(c, poolsPath, "new", "status")
	if name := u.Get("new"); name != "" && s.May(staff.PoolsWrite) {
		if err := pool.CheckName(name); err != nil {
			s.Flash = &view.Flash{Tone: "warn", Text: trouble(k.localizer(c), fault.From(err))}
		} else {
			return k.goTo(c, poolURL(name)+"/import")
		}
	}
	p := view.PoolsPage{Shell: s, Add: action(s, staff.PoolsWrite, poolsPath, view.Text{}), OnlyLow: u.Get("status") == "low"}
	all, err := k.read.Pools(c.UserContext())
	if err != nil {
		return err
	}
	for _, row := range all {
		if row.Low || !p.OnlyLow {
			p.Pools = append(p.Pools, poolRow(s.Clock, row))
		}
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, p.Shell, view.PagePools, p)
}

func poolRow(clock view.Clock, p store.PoolRow) view.PoolRow {
	return view.PoolRow{Name: p.Name, URL: poolURL(p.Name), Free: p.Free, Used: p.Used, Retired: p.Retired, LowWater: p.LowWater, Low: p.Low,
		Waiting: p.Waiting, Products: p.Products, Added: clock.Time(p.AddedAt)}
}

// Pool is one pool with its accounts.
func (k *Console) Pool(c *fiber.Ctx) error {
	name, err := poolParam(c)
	if err != nil {
		return err
	}
	row, err := k.read.Pool(c.UserContext(), name)
	if err != nil {
		return err
	}
	s, err := k.shell(c, view.RoomPools)
	if err != nil {
		return err
	}
	self := poolURL(name)
	u := address(c, self, "status", "q")
	p := view.PoolPage{Shell: s, Pool: poolRow(s.Clock, row), List: view.List{Filter: view.Filter{URL: u, Q: u.Get("q"), Hint: view.Say("pools.search_hint"), Status: u.Get("status")}},
		Fill: action(s, staff.PoolsWrite, self+"/import", view.Text{}), Water: action(s, staff.PoolsWrite, self+"/low-water", view.Text{}),
		Limit: view.Field{Name: "low_water", Value: strconv.Itoa(row.LowWater)}}
	p.Facts = poolFacts(s.Clock, row)
	return k.answer(c, listed{name: view.PagePool, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillAccounts(ctx, &p, name, u) }})
}

func poolFacts(clock view.Clock, p store.PoolRow) []view.Fact {
	free := view.Fact{Label: view.Say("status.account.free"), Value: strconv.Itoa(p.Free)}
	if p.Low {
		free.Tone, free.Note = "warn", view.Say("pools.low")
	}
	if p.Long > 0 && !p.Low {
		free.Note = view.Say("pools.long", "n", p.Long)
	}
	water := view.Fact{Label: view.Say("pools.low_water"), Value: strconv.Itoa(p.LowWater)}
	if p.LowWater == 0 {
		water.Note = view.Say("pools.low_water_none")
	}
	waiting := view.Fact{Label: view.Say("pools.waiting"), Value: strconv.Itoa(p.Waiting)}
	if p.Waiting > 0 {
		waiting.Tone = "bad"
	}
	return []view.Fact{free, water, waiting,
		{Label: view.Say("pools.products"), Value: strconv.Itoa(p.Products)},
		{Label: view.Say("pools.added"), Time: clock.Time(p.AddedAt)}}
}

func (k *Console) fillAccounts(ctx context.Context, p *view.PoolPage, name string, u view.URL) error {
	f := store.AccountFilter{Pool: name, Status: u.Get("status"), Q: u.Get("q")}
	found, err := k.read.Accounts(ctx, f, paging(u))
	if err != nil {
		return err
	}
	counts, err := k.read.AccountCounts(ctx, f)
	if err != nil {
		return err
	}
	rows := make([]view.AccountRow, 0, len(found.Items))
	for _, a := range found.Items {
		rows = append(rows, accountRow(p.Shell, a))
	}
	p.State = view.StateOf(len(rows), filtered(u))
	p.Days = view.ByDay(rows, func(r view.AccountRow) view.Time { return r.Added })
	p.Pager, p.Tabs = pager(u, found), tabs("account", u, counts)
	return nil
}

func accountRow(s view.Shell, a store.AccountRow) view.AccountRow {
	r := view.AccountRow{ID: a.ID, Status: a.Status, FrontEndURL: a.FrontEndURL, AdminURL: a.AdminURL, UserName: a.UserName, HasPassword: a.HasPassword,
		Memo: a.Memo, Note: a.Note, InstanceID: a.InstanceID, Batch: a.Batch, By: by(a.AddedBy), Added: s.Clock.Time(a.AddedAt),
		Taken: s.Clock.Time(a.TakenAt), Retired: s.Clock.Time(a.RetiredAt)}
	if a.InstanceID != "" {
		r.InstanceURL = instanceURL(a.InstanceID)
	}
	if a.Status == store.AccountFree {
		r.Retire = action(s, staff.PoolsWrite, poolURL(a.Pool)+"/accounts/"+strconv.FormatInt(a.ID, 10)+"/retire", view.Text{})
	}
	return r
}

// RetireAccount takes a free account out of its pool for good. People say why.
func (k *Console) RetireAccount(c *fiber.Ctx) error {
	name, err := poolParam(c)
	if err != nil {
		return err
	}
	id, err := number(c, "pool.account_unknown")
	if err != nil {
		return err
	}
	who := actor(c)
	if who.Reason == "" {
		err = fault.New(fault.Invalid, "pool.reason_missing")
	} else {
		err = k.o.Pools.Retire(c.UserContext(), name, id, who)
	}
	return k.told(c, err, "pools.flash.retired", poolURL(name))
}

// SetLowWater says from how many free accounts on a pool counts as low.
func (k *Console) SetLowWater(c *fiber.Ctx) error {
	name, err := poolParam(c)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(clean(field(c, "low_water"), 20))
	if err != nil {
		n = -1 // refused as any other that is none
	}
	return k.told(c, k.o.Pools.SetLowWater(c.UserContext(), name, n, actor(c)), "pools.flash.low_water", poolURL(name))
}
