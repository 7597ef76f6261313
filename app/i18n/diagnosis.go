package i18n

import (
	"strings"
	"time"
)

// FindingText is a cause of a refusal for a person.
type FindingText struct {
	What string // what is wrong, and by how much
	Do   string // the remedy, in the marketplace's own words
}

// Finding translates a finding of a diagnosis; moments are shown in the zone.
func (z *Localizer) Finding(code string, args map[string]string, zone *time.Location) FindingText {
	key := "diagnosis.finding." + code
	if !z.Has(key + ".what") { // of a later release
		return FindingText{What: code}
	}
	values := z.diagnosisArgs(args, zone)
	return FindingText{What: z.T(key+".what", values...), Do: z.T(key+".do", values...)}
}

// CheckName names a step of the proof, CheckNote says what failed in it.
func (z *Localizer) CheckName(name string) string {
	if key := "diagnosis.check." + name + ".name"; z.Has(key) {
		return z.T(key)
	}
	return name
}

// CheckNote says by how much a step failed.
func (z *Localizer) CheckNote(name string, args map[string]string, zone *time.Location) string {
	key := "diagnosis.check." + name + ".failed"
	if !z.Has(key) {
		return ""
	}
	return z.T(key, z.diagnosisArgs(args, zone)...)
}

// diagnosisArgs puts the words of the language for the codes among the values.
func (z *Localizer) diagnosisArgs(args map[string]string, zone *time.Location) []any {
	var out []any
	for name, v := range args {
		word := ""
		switch name {
		case "class", "want":
			word = "key_class." + v
		case "how", "unit", "signature":
			word = "diagnosis." + name + "." + v
		case "when":
			if at, err := time.Parse(time.RFC3339, v); err == nil {
				v = Exact(at.In(zone))
			}
		case "seconds":
			late, ahead := "late", strings.HasPrefix(v, "-")
			if ahead {
				late = "early"
			}
			v = strings.TrimSuffix(strings.TrimPrefix(v, "-"), ".0")
			out = append(out, "direction", z.T("diagnosis."+late))
		}
		if word != "" && z.Has(word) {
			v = z.T(word)
		}
		out = append(out, name, v)
	}
	return out
}
