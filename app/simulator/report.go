package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
)

// reporter writes a run for people: everything of a single shot, of many only
// what went wrong (the first few) and the summary.
type reporter struct {
	out    io.Writer
	many   bool
	accept func(Answer) bool
	failed int
}

const maxShown = 10

func (r *reporter) shot(s Shot) {
	for _, a := range s.Answers {
		if r.many && r.accept(a) && len(s.Findings) == 0 {
			continue
		}
		r.failed++
		if r.failed <= maxShown || !r.many {
			writeAnswer(r.out, a)
		}
	}
	for _, f := range s.Findings {
		fmt.Fprintln(r.out, "  !", f)
	}
	if len(s.Answers) == 2 && !r.many {
		fmt.Fprintln(r.out, pairVerdict(s))
	}
}

func pairVerdict(s Shot) string {
	a, b := s.Answers[0], s.Answers[1]
	switch {
	case a.InstanceID != "" && a.InstanceID == b.InstanceID:
		return "both answers name the same instance: " + a.InstanceID
	case a.InstanceID != "" || b.InstanceID != "":
		return fmt.Sprintf("the answers name different instances: %q and %q", a.InstanceID, b.InstanceID)
	}
	return fmt.Sprintf("the answers have the codes %q and %q", a.Code, b.Code)
}

func writeAnswer(w io.Writer, a Answer) {
	fmt.Fprintf(w, "> %s\n", a.Request)
	if a.Fault != "" {
		fmt.Fprintf(w, "  ! %s\n\n", a.Fault)
		return
	}
	fmt.Fprintf(w, "< %d %s in %s\n%s\n", a.Status, a.ContentType, round(a.Latency), strings.TrimSpace(a.Body))
	for _, f := range a.Findings {
		fmt.Fprintln(w, "  !", f)
	}
	form := "form right"
	if !a.Conformant() {
		form = "form wrong"
	}
	fmt.Fprintf(w, "%s, Body-Sign %s, resultCode %s %s\n\n", form, a.BodySign, orNone(string(a.Code)), a.Msg)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

func (r *reporter) summary(s Summary) {
	if !r.many {
		return
	}
	if r.failed > maxShown {
		fmt.Fprintf(r.out, "… and %d more\n\n", r.failed-maxShown)
	}
	fmt.Fprintf(r.out, "%d calls in %s (%.0f/s): %d as they should be, %d right in form\n",
		s.Calls, round(s.Took), s.CallsPerSec, s.OK, s.Conformant)
	var codes []string
	for code := range s.Codes {
		codes = append(codes, code)
	}
	sort.Strings(codes)
	for _, code := range codes {
		fmt.Fprintf(r.out, "  %-8s %d\n", code, s.Codes[code])
	}
	fmt.Fprintf(r.out, "distinct instanceIds %d\n", s.Instances)
	if s.Pairs > 0 {
		fmt.Fprintf(r.out, "pairs %d, with one instanceId %d\n", s.Pairs, s.PairsEqual)
	}
	fmt.Fprintf(r.out, "latency p50 %s, p99 %s, slowest %s\n", round(s.P50), round(s.P99), round(s.Slowest))
}

// The JSON forms of --json.
type jsonAnswer struct {
	Activity    string   `json:"activity"`
	Request     string   `json:"request"`
	Error       string   `json:"error,omitempty"`
	Status      int      `json:"status,omitempty"`
	ContentType string   `json:"content_type,omitempty"`
	Body        string   `json:"body,omitempty"`
	LatencyMS   float64  `json:"latency_ms"`
	ResultCode  string   `json:"result_code"`
	ResultMsg   string   `json:"result_msg"`
	InstanceID  string   `json:"instance_id,omitempty"`
	BodySign    string   `json:"body_sign,omitempty"`
	Findings    []string `json:"findings"`
	Conformant  bool     `json:"conformant"`
	OK          bool     `json:"ok"`
}

type jsonSummary struct {
	Shots      int            `json:"shots"`
	Calls      int            `json:"calls"`
	OK         int            `json:"ok"`
	Conformant int            `json:"conformant"`
	Codes      map[string]int `json:"result_codes"`
	Instances  int            `json:"distinct_instance_ids"`
	Pairs      int            `json:"pairs"`
	PairsEqual int            `json:"pairs_with_one_instance_id"`
	PairFaults []string       `json:"pair_findings"`
	P50MS      float64        `json:"p50_ms"`
	P99MS      float64        `json:"p99_ms"`
	MaxMS      float64        `json:"max_ms"`
	TookMS     float64        `json:"took_ms"`
	PerSecond  float64        `json:"calls_per_second"`
}

type jsonReport struct {
	OK      bool         `json:"ok"`
	Answers []jsonAnswer `json:"answers"`
	Summary jsonSummary  `json:"summary"`
}

func (a Answer) json(ok bool) jsonAnswer {
	findings := a.Findings
	if findings == nil {
		findings = []string{}
	}
	return jsonAnswer{
		Activity: a.Activity, Request: a.Request, Error: a.Fault, Status: a.Status, ContentType: a.ContentType,
		Body: a.Body, LatencyMS: millis(a.Latency), ResultCode: string(a.Code), ResultMsg: a.Msg,
		InstanceID: a.InstanceID, BodySign: a.BodySign, Findings: findings, Conformant: a.Conformant(), OK: ok,
	}
}

func (s Summary) json(pairFindings []string) jsonSummary {
	if pairFindings == nil {
		pairFindings = []string{}
	}
	return jsonSummary{
		Shots: s.Shots, Calls: s.Calls, OK: s.OK, Conformant: s.Conformant, Codes: s.Codes, Instances: s.Instances,
		Pairs: s.Pairs, PairsEqual: s.PairsEqual, PairFaults: pairFindings,
		P50MS: millis(s.P50), P99MS: millis(s.P99), MaxMS: millis(s.Slowest), TookMS: millis(s.Took), PerSecond: s.CallsPerSec,
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func writeJSON(w io.Writer, v any) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // a closed output has nobody to tell
}
