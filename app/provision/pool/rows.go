package pool

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/provision"
)

// MaxRows is how many accounts one import may bring.
const MaxRows = 10_000

// Row is one account of an import. Line is where it begins in the file, counted
// from 1 with the header row, or its place in a list, counted from 1.
type Row struct {
	Line    int
	Account provision.Access
}

// RowFault is what is wrong with one row; Field is the column, "" for the row as
// a whole.
type RowFault struct {
	Line  int
	Field string
	Fault *fault.Error
}

// Refused is an import that was refused whole: nothing of it was added. It
// unwraps to the fault invalid "pool.rows_refused".
type Refused struct{ Rows []RowFault }

func (r *Refused) add(line int, field string, f *fault.Error) {
	r.Rows = append(r.Rows, RowFault{Line: line, Field: field, Fault: f})
}

func (r *Refused) sort() {
	slices.SortStableFunc(r.Rows, func(a, b RowFault) int { return a.Line - b.Line })
}

// addField names the column in which a value is wrong, by the name of the
// column.
func (r *Refused) addField(line int, f *fault.Error) {
	column := named[f.Args["field"]]
	renamed := *f
	renamed.Args = maps.Clone(f.Args)
	renamed.Args["field"] = column
	r.add(line, column, &renamed)
}

// Error is for logs.
func (r *Refused) Error() string { return fmt.Sprintf("%v: line %d", r.Unwrap(), r.Rows[0].Line) }

// Unwrap is the fault that this is.
func (r *Refused) Unwrap() error {
	return fault.New(fault.Invalid, "pool.rows_refused", "count", strconv.Itoa(len(r.Rows)), "line", strconv.Itoa(r.Rows[0].Line))
}

// columns are the columns of an import by name, and what each fills.
var columns = map[string]func(*provision.Access) *string{
	"front_end_url": func(a *provision.Access) *string { return &a.FrontEndURL },
	"admin_url":     func(a *provision.Access) *string { return &a.AdminURL },
	"user_name":     func(a *provision.Access) *string { return &a.UserName },
	"password":      func(a *provision.Access) *string { return &a.Password },
	"memo":          func(a *provision.Access) *string { return &a.Memo },
}

// Columns lists the columns of an import in the order in which people write them.
func Columns() []string {
	return []string{"front_end_url", "admin_url", "user_name", "password", "memo"}
}

// named is the column of a field that the domain calls by KooGallery's name.
var named = map[string]string{"frontEndUrl": "front_end_url", "adminUrl": "admin_url", "userName": "user_name", "password": "password", "memo": "memo"}

// check looks at every row of an import, by itself and beside the others.
func check(pool string, rows []Row) ([]market.AppInfo, error) {
	if err := CheckName(pool); err != nil {
		return nil, err
	}
	switch {
	case len(rows) == 0:
		return nil, fault.New(fault.Invalid, "pool.nothing_to_add")
	case len(rows) > MaxRows:
		return nil, fault.New(fault.Invalid, "pool.too_many", "max", strconv.Itoa(MaxRows))
	}
	accounts, r := checkRows(rows)
	if len(r.Rows) > 0 {
		return nil, r
	}
	return accounts, nil
}

// checkRows gives every row's account and what is wrong with it, by line.
func checkRows(rows []Row) ([]market.AppInfo, *Refused) {
	r := &Refused{}
	accounts := make([]market.AppInfo, 0, len(rows))
	first := map[[2]string]int{}
	for _, row := range rows {
		a := tidy(row.Account)
		accounts = append(accounts, a)
		if err := a.Check(); err != nil {
			r.addField(row.Line, fault.From(err))
			continue
		}
		key := [2]string{a.FrontEndURL, a.UserName}
		if line, seen := first[key]; seen {
			r.add(row.Line, "", fault.New(fault.Conflict, "pool.row_twice", "line", strconv.Itoa(line)))
			continue
		}
		first[key] = row.Line
	}
	r.sort()
	return accounts, r
}

// tidy takes the blanks off that files have around values. A password keeps its
// own.
func tidy(a provision.Access) provision.Access {
	a.FrontEndURL, a.AdminURL = strings.TrimSpace(a.FrontEndURL), strings.TrimSpace(a.AdminURL)
	a.UserName = strings.TrimSpace(a.UserName)
	a.Memo = strings.TrimSpace(strings.ReplaceAll(a.Memo, "\r\n", "\n"))
	return a
}
