package license

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// ReadLines reads one License per line; empty lines are left out, a byte order
// mark is tolerated.
func ReadLines(raw []byte) []market.LicenseContent {
	var out []market.LicenseContent
	for line := range strings.SplitSeq(string(withoutMark(raw)), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, market.LicenseContent{Text: line})
		}
	}
	return out
}

// ReadCSV reads the column "license" of a table with a heading; other columns are
// left out. Fault: invalid "license.bad_csv".
func ReadCSV(raw []byte) ([]market.LicenseContent, error) {
	raw = withoutMark(raw)
	if !utf8.Valid(raw) {
		return nil, fault.New(fault.Invalid, "license.bad_csv")
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord = -1
	column := -1
	var out []market.LicenseContent
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, "license.bad_csv") // the cause would quote a License
		}
		if column < 0 {
			if column = find(row); column < 0 {
				return nil, fault.New(fault.Invalid, "license.bad_csv")
			}
			continue
		}
		if column < len(row) && strings.TrimSpace(row[column]) != "" {
			out = append(out, market.LicenseContent{Text: row[column]})
		}
	}
	return out, nil
}

func find(heading []string) int {
	for n, name := range heading {
		if strings.EqualFold(strings.TrimSpace(name), "license") {
			return n
		}
	}
	return -1
}

func withoutMark(raw []byte) []byte { return bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")) }

// FromFields is a License as it comes in JSON: a text, or a file in base64 with
// its name. Faults: invalid "license.bad_base64", and those of
// market.LicenseContent's Check.
func FromFields(text, fileName, file string) (market.LicenseContent, error) {
	c := market.LicenseContent{Text: text, FileName: fileName}
	if file != "" {
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(file), ""))
		if err != nil {
			return market.LicenseContent{}, fault.New(fault.Invalid, "license.bad_base64")
		}
		c.File = raw
	}
	c = c.Tidy()
	return c, c.Check()
}
