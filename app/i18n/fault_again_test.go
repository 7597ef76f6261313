package i18n

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// again is a promise that something is tried without a person. KooGallery's own
// retries are no promise of ours.
var again = regexp.MustCompile(`again by itself|It is (tried|run) again|(^|[^的])自动重试`)

// TestNoFaultPromisesAnotherTry: the same fault stands where tries are left and where
// it was given up. Whoever shows it knows which, and says part.tries_again.
func TestNoFaultPromisesAnotherTry(t *testing.T) {
	t.Parallel()
	// What never is the end of anything, and what says when it holds.
	spared := []string{"fault.task.lease_lost.do", "fault.delivery.outcome_unknown.do"}
	for _, l := range Locales() {
		for key, forms := range catalogues()[l] {
			if !strings.HasPrefix(key, "fault") || !strings.HasSuffix(key, ".do") || slices.Contains(spared, key) {
				continue
			}
			for _, text := range forms {
				require.NotRegexp(t, again, text, "%s %s", l, key)
			}
		}
		require.Regexp(t, again, For(l).T("part.tries_again"))
	}
}
