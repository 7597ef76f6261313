package selfcheck

import "time"

// Status is how a check came out.
type Status string

// The statuses. Warn is what the marketplace would accept today, or what cannot
// be told from here.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Check is one thing that was looked at. Its sentence is the translation
// selfcheck.<Name>.<Status> with Args.
type Check struct {
	Name   string            `json:"check"`
	Status Status            `json:"status"`
	Args   map[string]string `json:"args,omitempty"`
}

// Case is one debugging case that was sent, twice.
type Case struct {
	Guide    string  `json:"guide"` // v2, v1, license, …
	Activity string  `json:"activity"`
	Variant  string  `json:"variant,omitempty"`
	Sources  string  `json:"sources"` // page ids of the interface
	Optional bool    `json:"optional"`
	Sent     bool    `json:"sent"` // false: the address did not answer the cases before
	Code     string  `json:"result_code,omitempty"`
	Millis   int64   `json:"duration_ms"`
	Request  string  `json:"request,omitempty"` // without its proof
	Answer   string  `json:"answer,omitempty"`
	Checks   []Check `json:"checks"`
}

// Status is the worst of the case's checks; a case that was not sent fails.
func (c Case) Status() Status {
	if !c.Sent {
		return Fail
	}
	return worst(c.Checks)
}

// Report is the outcome of one run.
type Report struct {
	Channel  string    `json:"channel"`
	Site     string    `json:"site"`
	URL      string    `json:"url"`
	Version  string    `json:"version"` // of the program that ran the checks
	Types    []Type    `json:"types"`
	Started  time.Time `json:"started_at"`
	Finished time.Time `json:"finished_at"`
	Address  []Check   `json:"address"`
	Cases    []Case    `json:"cases"`
}

// Count counts address checks and cases by status.
func (r Report) Count() (ok, warn, fail int) {
	add := func(s Status) {
		switch s {
		case OK:
			ok++
		case Warn:
			warn++
		default:
			fail++
		}
	}
	for _, c := range r.Address {
		add(c.Status)
	}
	for _, c := range r.Cases {
		add(c.Status())
	}
	return ok, warn, fail
}

// Passed tells whether nothing failed.
func (r Report) Passed() bool { _, _, fail := r.Count(); return fail == 0 }

func worst(checks []Check) Status {
	w := OK
	for _, c := range checks {
		if c.Status == Fail {
			return Fail
		}
		if c.Status == Warn {
			w = Warn
		}
	}
	return w
}

// Summed is a report with its counts, as JSON prints it.
type Summed struct {
	Passed   bool `json:"passed"`
	OK       int  `json:"ok"`
	Warnings int  `json:"warnings"`
	Failed   int  `json:"failed"`
	Report
}

// Summed adds the counts.
func (r Report) Summed() Summed {
	s := Summed{Passed: r.Passed(), Report: r}
	s.OK, s.Warnings, s.Failed = r.Count()
	return s
}
