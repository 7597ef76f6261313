package market

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var codeNow = time.Date(2026, 11, 22, 5, 15, 0, 0, time.UTC)

func TestACodeIsReleasedForGood(t *testing.T) {
	t.Parallel()
	c := LicenseCodeState{Status: CodeUnverified}
	require.Len(t, c.Release(codeNow), 1)
	require.Empty(t, c.Release(codeNow), "again changes nothing")
	require.Empty(t, c.Freeze(codeNow))
	_, code := c.Unfreeze()
	require.Equal(t, NoSuchInstance, code)
	_, code = c.Renew(codeNow.AddDate(1, 0, 0), codeNow)
	require.Equal(t, NoSuchInstance, code)
	require.Empty(t, c.Learn(CodeInfo{Status: CodeAlive, ExpireTime: codeNow.AddDate(1, 0, 0)}, codeNow, codeNow))
	require.Equal(t, CodeReleased, c.Status)
	require.Equal(t, CodeAlive, c.Said, "the disagreement can be seen")
	require.Zero(t, c.ExpiresAt)
}

func TestARenewalBringsAnExpiredCodeBack(t *testing.T) {
	t.Parallel()
	c := LicenseCodeState{Status: CodeUnverified}
	c.Learn(CodeInfo{Status: CodeExpired, ExpireTime: codeNow.Add(-time.Hour)}, codeNow, codeNow)
	require.Equal(t, CodeExpired, c.Status)
	_, code := c.Renew(codeNow.AddDate(1, 0, 0), codeNow)
	require.Equal(t, Success, code)
	require.Equal(t, CodeAlive, c.Status)
	require.True(t, c.Usable(codeNow))
	require.False(t, c.Usable(codeNow.AddDate(1, 0, 0)), "the end itself is over")
}

func TestAnAnswerOlderThanARenewalDoesNotUndoIt(t *testing.T) {
	t.Parallel()
	c := LicenseCodeState{Status: CodeAlive, Said: CodeAlive, ExpiresAt: codeNow.AddDate(0, 1, 0)}
	end := codeNow.AddDate(1, 1, 0)
	c.Renew(end, codeNow)
	c.Learn(CodeInfo{Status: CodeAlive, ExpireTime: codeNow.AddDate(0, 1, 0)}, codeNow.Add(-time.Second), codeNow.Add(time.Second))
	require.Equal(t, end, c.ExpiresAt)
	c.Learn(CodeInfo{Status: CodeAlive, ExpireTime: codeNow.AddDate(0, 2, 0)}, codeNow.Add(time.Second), codeNow.Add(2*time.Second))
	require.Equal(t, codeNow.AddDate(0, 2, 0), c.ExpiresAt, "one asked later is authoritative")
}

func TestAnUnpublishedStatusChangesNothing(t *testing.T) {
	t.Parallel()
	c := LicenseCodeState{Status: CodeAlive, Said: CodeAlive}
	require.Empty(t, c.Learn(CodeInfo{Status: "SUSPENDED"}, codeNow, codeNow))
	require.Equal(t, CodeAlive, c.Status)
}

// Whatever comes in whatever order: released wins over frozen, frozen over what
// the marketplace says, and every change of status is told once.
func TestTheStatusOfACodeFollowsFromItsFacts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		c := LicenseCodeState{Status: CodeUnverified}
		now := codeNow
		frozen, released := false, false
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			now = now.Add(time.Hour)
			before := c.Status
			var changes []Change
			switch rapid.IntRange(0, 4).Draw(r, "what") {
			case 0:
				changes = c.Freeze(now)
				frozen = frozen || !released
			case 1:
				var code ResultCode
				if changes, code = c.Unfreeze(); code == Success {
					frozen = false
				}
			case 2:
				changes, _ = c.Renew(now.Add(time.Duration(rapid.IntRange(-9, 9).Draw(r, "days"))*24*time.Hour), now)
			case 3:
				said := rapid.SampledFrom([]CodeStatus{CodeAlive, CodeExpired, CodeReleased}).Draw(r, "said")
				changes = c.Learn(CodeInfo{Status: said}, now, now)
				released = released || said == CodeReleased
			case 4:
				if rapid.IntRange(0, 9).Draw(r, "release") == 0 {
					changes, released = c.Release(now), true
				}
			}
			told := 0
			for _, ch := range changes {
				if ch.Kind == StatusChanged {
					told++
					if ch.Old != string(before) || ch.New != string(c.Status) {
						r.Fatalf("told %s → %s, was %s → %s", ch.Old, ch.New, before, c.Status)
					}
				}
			}
			if (told == 1) != (before != c.Status) || told > 1 {
				r.Fatalf("%s → %s told %d times", before, c.Status, told)
			}
			if released != (c.Status == CodeReleased) || frozen && !released && c.Status != CodeFrozen {
				r.Fatalf("released %v frozen %v, but %s", released, frozen, c.Status)
			}
		}
	})
}

func TestMaskCode(t *testing.T) {
	t.Parallel()
	require.Equal(t, "PL••••4321", MaskCode("PL8765abcd4321"))
	for _, short := range []string{"", "PLXXXXXX", "12345678901"} {
		require.Equal(t, "••••••", MaskCode(short))
	}
}

func TestChinaDay(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2026-11-23", ChinaDay(time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)))
	require.Equal(t, time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC), ChinaDayStart(time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)))
}
