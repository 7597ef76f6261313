package store

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A cursor of one list is refused by the others only if each has its letter.
func TestEveryListHasALetterOfItsOwn(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	letter := regexp.MustCompile(`(?:letter:\s*|taskStuck\()'(.)'`)
	seen := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range letter.FindAllStringSubmatch(string(source), -1) {
			require.NotContains(t, seen, m[1], "%s and %s", file, seen[m[1]])
			seen[m[1]] = file
		}
	}
	require.Greater(t, len(seen), 15)
}
