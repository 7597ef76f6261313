package deliver

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSMSAreAsLongAsCarriersCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want SMSSize
	}{
		"nothing":                           {"", SMSSize{GSM7, 0, 0, 160}},
		"one letter":                        {"a", SMSSize{GSM7, 1, 1, 159}},
		"160 fit":                           {strings.Repeat("a", 160), SMSSize{GSM7, 160, 1, 0}},
		"161 make two parts of 153":         {strings.Repeat("a", 161), SMSSize{GSM7, 161, 2, 145}},
		"306 are two whole parts":           {strings.Repeat("a", 306), SMSSize{GSM7, 306, 2, 0}},
		"307 are three":                     {strings.Repeat("a", 307), SMSSize{GSM7, 307, 3, 152}},
		"80 escaped characters fit":         {strings.Repeat("€", 80), SMSSize{GSM7, 160, 1, 0}},
		"an escape does not straddle parts": {strings.Repeat("a", 152) + "€" + strings.Repeat("a", 7), SMSSize{GSM7, 161, 2, 144}},
		"braces and a backslash count two":  {"{}\\", SMSSize{GSM7, 6, 1, 154}},
		"a line break is one":               {"a\nb", SMSSize{GSM7, 3, 1, 157}},
		"a back quote is not GSM":           {"`", SMSSize{UCS2, 1, 1, 69}},
		"one Chinese character turns all":   {strings.Repeat("a", 69) + "云", SMSSize{UCS2, 70, 1, 0}},
		"70 Chinese":                        {strings.Repeat("云", 70), SMSSize{UCS2, 70, 1, 0}},
		"71 Chinese":                        {strings.Repeat("云", 71), SMSSize{UCS2, 71, 2, 63}},
		"134 are two whole parts":           {strings.Repeat("云", 134), SMSSize{UCS2, 134, 2, 0}},
		"135 are three":                     {strings.Repeat("云", 135), SMSSize{UCS2, 135, 3, 66}},
		"a surrogate pair counts two":       {"😀", SMSSize{UCS2, 2, 1, 68}},
		"and does not straddle parts":       {strings.Repeat("云", 66) + "😀" + strings.Repeat("云", 3), SMSSize{UCS2, 71, 2, 62}},
	} {
		require.Equal(t, c.want, SizeSMS(c.text), name)
	}
	require.Equal(t, SMSSize{UCS2, 71, 2, 63}, SizeSMSMainland(strings.Repeat("a", 71)), "in mainland China letters count like characters")
}

// TestPartsHoldTheText compares with the bounds that hold for any text.
func TestPartsHoldTheText(t *testing.T) {
	t.Parallel()
	letters := []rune("aZ €{云😀`\n")
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var b strings.Builder
		for range r.IntN(400) {
			b.WriteRune(letters[r.IntN(len(letters))])
		}
		s, whole, part := SizeSMS(b.String()), gsmWhole, gsmPart
		if s.Encoding == UCS2 {
			whole, part = ucsWhole, ucsPart
		}
		switch {
		case s.Units <= whole:
			require.Equal(t, whole, s.Units+s.Left)
			require.LessOrEqual(t, s.Parts, 1)
		default:
			require.LessOrEqual(t, s.Units+s.Left, s.Parts*part)
			require.Greater(t, s.Units+s.Left, s.Parts*(part-1)-1, "at most one unit of a part is lost")
			require.GreaterOrEqual(t, s.Left, 0)
		}
	}
}
