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
var again = regexp.MustCompile(`again by itself|It is (tried|run) again|go(es)? on by (itself|themselves)|(^|[^的])自动重试|自动继续`)

// TestNoFaultPromisesAnotherTry: the same fault stands where tries are left and where
// it was given up. Whoever shows it knows which, and says part.tries_again.
func TestNoFaultPromisesAnotherTry(t *testing.T) {
	t.Parallel()
	// What never is the end of anything, and what says when it holds.
	spared := []string{"fault.task.lease_lost.do", "fault.event.waits_turn.do", "fault.delivery.outcome_unknown.do"}
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

// nothingToDo denies what the kind of an alert asks for behind it.
var nothingToDo = regexp.MustCompile(`(?i)nothing (has to be done|is to be done|to (do[.;]|put right))|无需(处理|排除)`)

// TestNoFaultDeniesWhatItsAlertAsksFor: an alert tells what helps against its fault,
// then what to press. A fault that there is nothing to do about says so only where no
// alert can have it.
func TestNoFaultDeniesWhatItsAlertAsksFor(t *testing.T) {
	t.Parallel()
	spared := []string{
		// Why something that a person asks for is refused.
		"fault.license.instance_released.do", "fault.license_code.active_now.do", "fault.delivery.outdated.do",
		"fault.event.target_gone.do", "fault.provision.still_running.do", "fault.seen.never_asked.do",
		// Of what waits, or was cancelled.
		"fault.delivery.held_quiet_hours.do", "fault.delivery.held_daily_cap.do", "fault.alert_target.gone.do", "fault.order_query.released.do",
		// Of a refused call, whose alert has words of its own.
		"fault.call.method.do",
		// They say until when.
		"fault.license_upload.no_remain_amount.do", "fault.delivery.outcome_unknown.do",
	}
	for _, l := range Locales() {
		for key, forms := range catalogues()[l] {
			if !strings.HasPrefix(key, "fault.") || !strings.HasSuffix(key, ".do") || slices.Contains(spared, key) {
				continue
			}
			for _, text := range forms {
				require.NotRegexp(t, nothingToDo, text, "%s %s", l, key)
			}
		}
	}
}
