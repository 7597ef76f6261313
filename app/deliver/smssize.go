package deliver

import "unicode/utf8"

// Encodings of an SMS.
const (
	GSM7 = "gsm7" // the alphabet of GSM 03.38: 160 units, or 153 in each of several parts
	UCS2 = "ucs2" // UTF-16: 70 units, or 67 in each of several parts
)

// What fits into one SMS, and into each part of a longer one, whose rest is the
// header that joins the parts.
const (
	gsmWhole, gsmPart = 160, 153
	ucsWhole, ucsPart = 70, 67
)

// SMSSize is how long an SMS is.
type SMSSize struct {
	Encoding string // GSM7 or UCS2
	Units    int    // of that encoding
	Parts    int    // SMS that it is sent as, and usually paid for; 0 for no text
	Left     int    // units that still fit into the last part
}

// SizeSMS tells how long an SMS with this text is, as the GSM standards have it
// (3GPP 23.038, 23.040). A character that takes two units does not straddle two
// parts, so that a text may need more parts than its units divided by a part.
// Mainland Chinese carriers count every text as SizeSMSMainland does.
func SizeSMS(text string) SMSSize {
	for _, r := range text {
		if gsmUnits(r) == 0 {
			return fit(text, UCS2, ucsUnits, ucsWhole, ucsPart)
		}
	}
	return fit(text, GSM7, gsmUnits, gsmWhole, gsmPart)
}

// SizeSMSMainland is SizeSMS as carriers of mainland China count: always in
// UCS-2, Latin texts too. The signature in its brackets 【】, which the service
// puts in front, has to be part of the text.
func SizeSMSMainland(text string) SMSSize { return fit(text, UCS2, ucsUnits, ucsWhole, ucsPart) }

// fit lays the text out over parts.
func fit(text, encoding string, units func(rune) int, whole, part int) SMSSize {
	s := SMSSize{Encoding: encoding}
	for _, r := range text {
		s.Units += units(r)
	}
	if s.Units <= whole {
		s.Left = whole - s.Units
		if s.Units > 0 {
			s.Parts = 1
		}
		return s
	}
	s.Parts, s.Left = 1, part
	for _, r := range text {
		n := units(r)
		if n > s.Left {
			s.Parts++
			s.Left = part
		}
		s.Left -= n
	}
	return s
}

func ucsUnits(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// gsmBasic and gsmExtended are the default alphabet and its extension table,
// whose characters take an escape as well. The form feed is left out: nobody
// types it, and phones differ in what they make of it.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "^{}\\[~]|€"
)

var gsmTable = func() map[rune]int {
	t := make(map[rune]int, utf8.RuneCountInString(gsmBasic+gsmExtended))
	for _, r := range gsmBasic {
		t[r] = 1
	}
	for _, r := range gsmExtended {
		t[r] = 2
	}
	return t
}()

// gsmUnits is 0 for a character that the alphabet does not have.
func gsmUnits(r rune) int { return gsmTable[r] }

// FitsSMS is what fits into one SMS of an encoding, and into each part of a
// longer one, in its units.
func FitsSMS(encoding string) (whole, part int) {
	if encoding == GSM7 {
		return gsmWhole, gsmPart
	}
	return ucsWhole, ucsPart
}
