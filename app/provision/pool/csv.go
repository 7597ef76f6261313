package pool

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/provision"
)

// bom is what some programs write before a text in UTF-8.
var bom = []byte("\xef\xbb\xbf")

// ReadCSV reads accounts from a CSV file (RFC 4180) in UTF-8, with or without a
// byte order mark, with line ends LF or CRLF. The first row names the columns of
// Columns in any order, front_end_url among them; fields may be quoted; empty
// lines are passed over.
//
// Faults: invalid "pool.csv_not_utf8", "pool.csv_no_header", "pool.csv_column"
// (unknown, twice or missing), "pool.too_many"; else *Refused with the lines
// that cannot be read, each "pool.csv_fields" (want, got) or "pool.csv_quote".
func ReadCSV(file []byte) ([]Row, error) {
	rows, refused, err := readCSV(file)
	if err == nil && len(refused.Rows) > 0 {
		err = refused
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// readCSV gives every line that could be told apart, also those that are refused.
func readCSV(file []byte) ([]Row, *Refused, error) {
	file = bytes.TrimPrefix(file, bom)
	if !utf8.Valid(file) || bytes.IndexByte(file, 0) >= 0 {
		return nil, nil, fault.New(fault.Invalid, "pool.csv_not_utf8")
	}
	r := csv.NewReader(bytes.NewReader(file))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	header, err := r.Read()
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "pool.csv_no_header")
	}
	fill, err := readHeader(header)
	if err != nil {
		return nil, nil, err
	}
	return readRows(r, fill)
}

// readHeader gives what each column fills.
func readHeader(header []string) ([]func(*provision.Access) *string, error) {
	var fill []func(*provision.Access) *string
	seen := map[string]bool{}
	for _, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		to := columns[name]
		if to == nil || seen[name] {
			return nil, columnFault(name)
		}
		seen[name] = true
		fill = append(fill, to)
	}
	if !seen["front_end_url"] {
		return nil, columnFault("front_end_url")
	}
	return fill, nil
}

func columnFault(name string) error {
	if r := []rune(name); len(r) > 40 {
		name = string(r[:40]) + "…"
	}
	return fault.New(fault.Invalid, "pool.csv_column", "column", strconv.Quote(name), "known", strings.Join(Columns(), ", "))
}

func readRows(r *csv.Reader, fill []func(*provision.Access) *string) ([]Row, *Refused, error) {
	var rows []Row
	refused := &Refused{}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			// What follows a broken quote cannot be told apart from what is quoted.
			refused.add(wrong.StartLine, "", fault.New(fault.Invalid, "pool.csv_quote"))
			break
		}
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.Internal, "internal")
		}
		line, _ := r.FieldPos(0)
		if len(rows) == MaxRows {
			return nil, nil, fault.New(fault.Invalid, "pool.too_many", "max", strconv.Itoa(MaxRows))
		}
		if blank(record) {
			continue
		}
		row := Row{Line: line}
		if len(record) != len(fill) {
			refused.add(line, "", fault.New(fault.Invalid, "pool.csv_fields", "want", strconv.Itoa(len(fill)), "got", strconv.Itoa(len(record))))
		} else {
			for at, to := range fill {
				*to(&row.Account) = record[at]
			}
		}
		rows = append(rows, row)
	}
	return rows, refused, nil
}

// blank is a line of nothing but separators, as spreadsheets leave them below
// the last row.
func blank(record []string) bool {
	return !slices.ContainsFunc(record, func(s string) bool { return strings.TrimSpace(s) != "" })
}
