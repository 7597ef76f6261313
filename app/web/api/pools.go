package api

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/provision"
	pools "koodesk/app/provision/pool"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
)

// Pools fills pools of prepared accounts and keeps them.
type Pools interface {
	Add(ctx context.Context, pool string, rows []pools.Row, by staff.Actor) (pools.Added, error)
	Retire(ctx context.Context, pool string, id int64, by staff.Actor) error
	Note(ctx context.Context, pool string, id int64, note string, by staff.Actor) error
	SetLowWater(ctx context.Context, pool string, n int, by staff.Actor) error
}

type pool struct {
	Name      string `json:"name"`
	Free      int    `json:"free"`
	Used      int    `json:"used"`
	Retired   int    `json:"retired"`
	LowWater  int    `json:"low_water"`
	Low       bool   `json:"low"`
	Waiting   int    `json:"waiting"`
	Products  int    `json:"products"`
	AddedAt   moment `json:"last_added_at"`
	CreatedAt moment `json:"created_at"`
}

func showPool(_ *i18n.Localizer, p store.PoolRow) pool {
	return pool{Name: p.Name, Free: p.Free, Used: p.Used, Retired: p.Retired, LowWater: p.LowWater, Low: p.Low, Waiting: p.Waiting,
		Products: p.Products, AddedAt: moment(p.AddedAt), CreatedAt: moment(p.CreatedAt)}
}

type account struct {
	ID          string `json:"id"`
	Status      string `json:"status"`
	FrontEndURL string `json:"front_end_url"`
	AdminURL    string `json:"admin_url"`
	UserName    string `json:"user_name"`
	HasPassword bool   `json:"has_password"`
	Memo        string `json:"memo"`
	Note        string `json:"note"`
	InstanceID  string `json:"instance_id"`
	Batch       string `json:"batch"`
	AddedBy     string `json:"added_by"`
	AddedAt     moment `json:"added_at"`
	TakenAt     moment `json:"taken_at"`
	RetiredAt   moment `json:"retired_at"`
}

func showAccount(_ *i18n.Localizer, a store.AccountRow) account {
	return account{ID: id(a.ID), Status: a.Status, FrontEndURL: a.FrontEndURL, AdminURL: a.AdminURL, UserName: a.UserName,
		HasPassword: a.HasPassword, Memo: a.Memo, Note: a.Note, InstanceID: a.InstanceID, Batch: id(a.Batch), AddedBy: a.AddedBy,
		AddedAt: moment(a.AddedAt), TakenAt: moment(a.TakenAt), RetiredAt: moment(a.RetiredAt)}
}

// Pools answers GET /pools; there are few, so that they are one page.
func (a *API) Pools(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	all, err := a.store.Reader().Pools(c.UserContext())
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), store.Page[store.PoolRow]{Items: all}, showPool))
}

// poolBody is the body of PUT /pools/{pool}.
type poolBody struct {
	LowWater *int `json:"low_water"`
}

// SetPool answers PUT /pools/{pool}.
func (a *API) SetPool(c *fiber.Ctx) error {
	var in poolBody
	name := part(c, "pool")
	err := body(c, &in)
	if err == nil && in.LowWater == nil {
		err = refuse(wrong{in: "body", name: "low_water", key: "missing"})
	}
	if err == nil {
		err = a.o.Pools.SetLowWater(c.UserContext(), name, *in.LowWater, session.Of(c).Actor)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	p, err := a.store.Reader().Pool(c.UserContext(), name)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, showPool(localizer(c), p))
}

// Accounts answers GET /pools/{pool}/accounts.
func (a *API) Accounts(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.AccountFilter{Pool: part(c, "pool"), Status: q.one("status", store.AccountStatuses()), Q: q.text("q")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	if _, err := a.store.Reader().Pool(c.UserContext(), f.Pool); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().Accounts(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showAccount))
}

// added is the answer to POST /pools/{pool}/accounts.
type added struct {
	Added int    `json:"added"`
	Batch string `json:"batch"`
	Woken int    `json:"woken"`
}

// AddAccounts answers POST /pools/{pool}/accounts, in JSON or CSV.
func (a *API) AddAccounts(c *fiber.Ctx) error {
	name := part(c, "pool")
	if pools.CheckName(name) != nil { // a pool that cannot be is not there
		return a.Problem(c, fault.New(fault.NotFound, "pool.unknown"))
	}
	read, at := accountsOfJSON, func(f pools.RowFault) string { return "accounts[" + fmt.Sprint(f.Line-1) + "]" }
	if t, _, _ := strings.Cut(c.Get(fiber.HeaderContentType), ";"); strings.EqualFold(strings.TrimSpace(t), "text/csv") {
		read = func(c *fiber.Ctx) ([]pools.Row, error) { return pools.ReadCSV(c.Body()) }
		at = func(f pools.RowFault) string { return "line " + fmt.Sprint(f.Line) }
	}
	rows, err := read(c)
	var done pools.Added
	if err == nil {
		done, err = a.o.Pools.Add(c.UserContext(), name, rows, session.Of(c).Actor)
	}
	if err != nil {
		return a.Problem(c, refusedRows(err, at))
	}
	return answer(c, fiber.StatusCreated, added{Added: done.Accounts, Batch: id(done.Batch), Woken: done.Woken})
}

// accountsBody is the JSON form.
type accountsBody struct {
	Accounts []accessBody `json:"accounts"`
}

func accountsOfJSON(c *fiber.Ctx) ([]pools.Row, error) {
	var in accountsBody
	if err := body(c, &in); err != nil {
		return nil, err
	}
	rows := make([]pools.Row, 0, len(in.Accounts))
	for i, one := range in.Accounts {
		rows = append(rows, pools.Row{Line: i + 1, Account: provision.Access(one)})
	}
	return rows, nil
}

// maxNamed is how many refused rows an answer names.
const maxNamed = 200

// refusedRows names the rows that were refused; at says where one stands.
func refusedRows(err error, at func(pools.RowFault) string) error {
	var refused *pools.Refused
	if !errors.As(err, &refused) {
		return err
	}
	p := &problem{fault: fault.From(refused)}
	for _, f := range refused.Rows[:min(len(refused.Rows), maxNamed)] {
		name := at(f)
		if f.Field != "" {
			name += "." + f.Field
		}
		p.fields = append(p.fields, wrong{in: "body", name: name, why: f.Fault})
	}
	return p
}

// RetireAccount answers POST /pools/{pool}/accounts/{id}/retire.
func (a *API) RetireAccount(c *fiber.Ctx) error {
	n, by, err := act(c, "pool.account_unknown")
	if err == nil {
		err = a.o.Pools.Retire(c.UserContext(), part(c, "pool"), n, by)
	}
	return a.account(c, n, err)
}

// NoteAccount answers PUT /pools/{pool}/accounts/{id}/note.
func (a *API) NoteAccount(c *fiber.Ctx) error {
	var in struct {
		Note string `json:"note"`
	}
	n, err := idOf(c, "pool.account_unknown")
	if err == nil {
		err = body(c, &in)
	}
	if err == nil {
		err = a.o.Pools.Note(c.UserContext(), part(c, "pool"), n, in.Note, session.Of(c).Actor)
	}
	return a.account(c, n, err)
}

// account answers with an account that was changed.
func (a *API) account(c *fiber.Ctx, n int64, err error) error {
	if err != nil {
		return a.Problem(c, err)
	}
	one, err := a.store.Reader().Account(c.UserContext(), part(c, "pool"), n)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, showAccount(localizer(c), one))
}
