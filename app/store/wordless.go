package store

import (
	"fmt"
	"strings"

	"koodesk/app/fault"
)

// wordless is a stored error without the words of others (fault.Words): column names
// it. It is SQL, since what is erased is not read into the program for that.
func wordless(column string) string {
	var paths strings.Builder
	for _, w := range fault.Words() {
		fmt.Fprintf(&paths, " WHEN '%s' THEN '{args,%s}'", w.Key, w.Arg)
	}
	return `jsonb_set(` + column + ` - 'detail', CASE ` + column + ` ->> 'key'` + paths.String() + ` ELSE '{}' END::text[], '"` + fault.Unsaid + `"', false)`
}

// wordy tells whether a stored error has words of others.
func wordy(column string) string { return column + ` IS DISTINCT FROM ` + wordless(column) }
