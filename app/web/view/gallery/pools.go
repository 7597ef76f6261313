package gallery

import (
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func poolRows() []view.PoolRow {
	return []view.PoolRow{
		{Name: "crm-basic", URL: "/pools/crm-basic", Free: 3, Used: 197, Retired: 12, LowWater: 20, Low: true, Products: 2, Added: ago(9 * 24 * time.Hour)},
		{Name: "crm-pro", URL: "/pools/crm-pro", Used: 50, Low: true, Waiting: 4, Products: 1, Added: ago(40 * 24 * time.Hour)},
		{Name: "智能客服", URL: "/pools/智能客服", Free: 1200, Used: 8312, Retired: 431, LowWater: 100, Products: 3, Added: ago(3 * time.Hour)},
		{Name: "trial", URL: "/pools/trial"},
	}
}

func (k look) pools(rows []view.PoolRow) view.PoolsPage {
	return view.PoolsPage{Shell: k.shell(view.RoomPools, "/pools"), Pools: rows, Add: k.may(staff.PoolsWrite, "/pools")}
}

func (k look) lowPools(rows []view.PoolRow) view.PoolsPage {
	p := k.pools(rows)
	p.OnlyLow = true
	return p
}

func (k look) accounts() []view.AccountRow {
	account := func(id int64, status string) view.AccountRow {
		a := view.AccountRow{ID: id, Status: status, FrontEndURL: "https://crm.example.com/login", UserName: "user-" + strconv.FormatInt(id, 10), HasPassword: true,
			Batch: 17, By: "ann.zhang@example.com", Added: ago(9 * 24 * time.Hour)}
		if status == "free" {
			a.Retire = k.may(staff.PoolsWrite, "/pools/crm-basic/accounts/"+strconv.FormatInt(id, 10)+"/retire")
		} else {
			a.InstanceID, a.InstanceURL, a.Taken = "10e758d0-31ad-4c4b-8f1b-81d03469a10e", "/instances/10e758d0-31ad-4c4b-8f1b-81d03469a10e", ago(50*time.Hour)
		}
		return a
	}
	noted := account(202, "free")
	noted.AdminURL, noted.Memo, noted.Note, noted.Added = "https://crm.example.com/admin", "首次登录请修改密码", "留给华东区", ago(2*time.Hour)
	bare := account(201, "free")
	bare.UserName, bare.HasPassword, bare.Added = "", false, ago(2*time.Hour)
	retired := account(12, "retired")
	retired.Retired = ago(4 * time.Hour)
	return []view.AccountRow{noted, bare, account(200, "free"), account(199, "used"), retired}
}

func (k look) pool(state view.ListState, filters ...string) view.PoolPage {
	at := address("/pools/crm-basic", filters...)
	row := poolRows()[0]
	p := view.PoolPage{Shell: k.shell(view.RoomPools, at.String()), Pool: row, Fill: k.may(staff.PoolsWrite, row.URL+"/import"),
		Water: k.may(staff.PoolsWrite, row.URL+"/low-water"), Limit: view.Field{Name: "low_water", Value: "20"},
		Facts: []view.Fact{{Label: view.Say("status.account.free"), Value: "3", Tone: "warn", Note: view.Say("pools.low")},
			{Label: view.Say("pools.low_water"), Value: "20"}, {Label: view.Say("pools.waiting"), Value: "0"},
			{Label: view.Say("pools.products"), Value: "2"}, {Label: view.Say("pools.added"), Time: row.Added}},
		List: view.List{State: state, Filter: view.Filter{URL: at, Q: at.Get("q"), Hint: view.Say("pools.search_hint"), Status: at.Get("status")},
			Tabs: tabs("account", at, at.Get("status"), map[string]int{"free": 3, "used": 197, "retired": 12})}}
	switch state {
	case view.ListRows:
		p.Days = view.ByDay(k.accounts(), func(r view.AccountRow) view.Time { return r.Added })
		p.Pager = view.Pager{Rows: 50, Shown: 5, Older: at.With("before", "o1").String()}
	case view.ListError:
		p.Fault = &fault.Record{Code: fault.Unavailable, Key: "database.timeout"}
	}
	return p
}

func (k look) poolImport(isNew bool, preview *view.ImportPreview) view.PoolImportPage {
	return view.PoolImportPage{Shell: k.shell(view.RoomPools, "/pools/crm-basic/import"), Pool: "crm-basic", New: isNew, Back: "/pools/crm-basic",
		Import: k.may(staff.PoolsWrite, "/pools/crm-basic/import"), Max: 10_000, Preview: preview,
		Columns: []string{"front_end_url", "admin_url", "user_name", "password", "memo"}}
}

func poolSamples(op, ro look) []Sample {
	wrong := &view.ImportPreview{Rows: 412, Good: 408, More: 3, Lines: []view.ImportLine{
		{Line: 3, Fault: &fault.Record{Code: fault.Invalid, Key: "pool.csv_fields", Args: map[string]string{"want": "3", "got": "2"}}},
		{Line: 7, Fault: &fault.Record{Code: fault.Conflict, Key: "pool.row_twice", Args: map[string]string{"line": "4"}}},
		{Line: 212, Fault: &fault.Record{Code: fault.Conflict, Key: "pool.account_known"}},
		{Line: 300, Column: "front_end_url", Fault: &fault.Record{Code: fault.Invalid, Key: "access.field_url", Args: map[string]string{"field": "front_end_url"}}}}}
	unreadable := &view.ImportPreview{Fault: &fault.Record{Code: fault.Invalid, Key: "pool.csv_not_utf8"}}
	return []Sample{
		{"pools-full", view.PagePools, op.pools(poolRows())},
		{"pools-empty", view.PagePools, op.pools(nil)},
		{"pools-low", view.PagePools, op.lowPools(poolRows()[:2])},
		{"pools-none-low", view.PagePools, op.lowPools(nil)},
		{"pools-read-only", view.PagePools, ro.pools(poolRows())},
		{"pool-full", view.PagePool, op.pool(view.ListRows)},
		{"pool-empty", view.PagePool, op.pool(view.ListEmpty)},
		{"pool-no-match", view.PagePool, op.pool(view.ListNoMatch, "q", "zzz")},
		{"pool-error", view.PagePool, op.pool(view.ListError)},
		{"pool-read-only", view.PagePool, ro.pool(view.ListRows)},
		{"pool-import", view.PagePoolImport, op.poolImport(false, nil)},
		{"pool-import-new", view.PagePoolImport, op.poolImport(true, nil)},
		{"pool-import-ready", view.PagePoolImport, op.poolImport(false, &view.ImportPreview{Rows: 412, Good: 412, Digest: "9f86d081"})},
		{"pool-import-wrong", view.PagePoolImport, op.poolImport(false, wrong)},
		{"pool-import-unreadable", view.PagePoolImport, op.poolImport(false, unreadable)},
	}
}
