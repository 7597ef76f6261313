package market_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

var write = flag.Bool("write-lifecycle", false, "write docs/lifecycle.md from the table")

const document = "../../docs/lifecycle.md"

func TestEveryEventFindsExactlyOneRuleInEveryStage(t *testing.T) {
	t.Parallel()
	for _, p := range []market.Protocol{market.V2, market.V1} {
		for _, e := range market.Events() {
			for _, s := range market.Stages() {
				for _, ahead := range []bool{false, true} {
					n := 0
					for _, r := range rulesFor(p, e) {
						if r.Ahead == ahead && stands(r, s) {
							n++
						}
					}
					_, ok := market.Decide(p, s, e, ahead)
					require.Equal(t, e.Speaks(p), ok, "%s: %s when %s", p, e, s)
					require.LessOrEqual(t, n, 1, "%s: %s when %s", p, e, s)
				}
			}
		}
	}
	for _, r := range market.Lifecycle {
		for _, s := range r.From {
			require.Contains(t, market.Stages(), s)
		}
	}
}

// A second time changes nothing more, whatever the event is.
func TestEveryEventIsIdempotent(t *testing.T) {
	t.Parallel()
	for _, p := range []market.Protocol{market.V2, market.V1} {
		for _, e := range market.Events() {
			for _, s := range market.Stages() {
				once, ok := market.Decide(p, s, e, true)
				if !ok {
					continue
				}
				twice, _ := market.Decide(p, once.To, e, true)
				require.Equal(t, once.To, twice.To, "%s: %s when %s", p, e, s)
				if s == market.StageReleased {
					require.Equal(t, market.StageReleased, once.To, "released is final")
				}
			}
		}
	}
}

// What an instance does with a decision is to stand where the decision says.
func TestAnInstanceComesToTheStageThatIsDecided(t *testing.T) {
	t.Parallel()
	for _, p := range []market.Protocol{market.V2, market.V1} {
		for _, s := range market.Stages()[1:] {
			for _, e := range market.Events() {
				d, ok := market.Decide(p, s, e, true)
				if !ok {
					continue
				}
				var i market.Instance
				i.Status = market.Provisioning
				if s == market.StageReleased {
					i.Take(market.InUse, at)
				}
				i.Take(s, at)
				require.Equal(t, s, i.Stage())
				i.Take(d.To, at.Add(time.Hour))
				require.Equal(t, d.To, i.Stage(), "%s when %s", e, s)
				require.Equal(t, d.To.Status(), i.Status)
			}
		}
	}
}

func TestTheDocumentIsWrittenFromTheTable(t *testing.T) {
	t.Parallel()
	want := lifecycleDocument()
	if *write {
		require.NoError(t, os.WriteFile(document, []byte(want), 0o644))
	}
	got, err := os.ReadFile(document)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "write it anew: go test ./app/market -run Document -write-lifecycle")
}

func rulesFor(p market.Protocol, e market.Event) []market.Rule {
	var out []market.Rule
	for _, r := range market.Lifecycle {
		if r.On == e && e.Speaks(p) && (r.By == "" || r.By == p) {
			out = append(out, r)
		}
	}
	return out
}

func stands(r market.Rule, s market.Stage) bool {
	for _, from := range r.From {
		if from == s {
			return true
		}
	}
	return false
}

func lifecycleDocument() string {
	var b strings.Builder
	b.WriteString(`# The life of an instance

Written from the table in ` + "`app/market/lifecycle.go`" + `; a test holds both equal. What is decided about an instance is decided by
that table, so calls may come in any order, late, twice and days apart. Where the published pages leave something open,
[protocol.md](protocol.md), sections 8 and 11, says what we chose and why.

`)
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> provisioning: newInstance\n")
	for _, line := range arrows() {
		b.WriteString("    " + line + "\n")
	}
	b.WriteString("    released --> [*]\n```\n\n")
	b.WriteString(`A stage is the status with what the rules need besides. The status shown to people and in the API is its first word;
` + "`expired`" + ` shows as ` + "`frozen`" + `. *Not made*: the access data is not there yet.

In each cell: the answer, → the new stage if it is another one, and what else is done. *ask order*: the order query is asked.
*keep terms*: expiry and product that were told. *learn order*: what the order says. *make*, *change*, *undo*: by the
driver, as a task; a change of what another driver or another pool gave waits for a person. *ask driver*: whether it could be
changed; if it says no the answer is 000005. *end work*: what was still to be done is cancelled. *ahead*: only if the new
expiry is not over yet.

`)
	for _, p := range []struct {
		p    market.Protocol
		name string
	}{{market.V2, "SaaS V2.0"}, {market.V1, "SaaS V1.0"}} {
		fmt.Fprintf(&b, "## %s\n\n", p.name)
		table(&b, p.p)
	}
	b.WriteString(`## Charging modes

| charging mode | has an expiry |
| --- | --- |
`)
	for _, m := range market.Modes {
		name := string(m.Mode)
		if name == "" {
			name = "not known yet"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, map[bool]string{true: "yes", false: "no: what a refreshInstance tells is kept and has no effect"}[m.Expires])
	}
	b.WriteString(`
Expiry and product follow from what was told and what was ordered, not from which became known first:

- The expiry that the last refreshInstance told counts; without one, that of the newest order that has an expiry.
- Product, size, charging mode and period are those of the newest order by its createTime, of two with the same the one
  whose call came later. A productId that a refreshInstance named counts until an order is learned whose call came after it.
- A cancelled order (UNSUBSCRIBE) says nothing about what is there.
- The customer is whom the purchase's order names; any other order only fills in what nobody has said.
- A trial that becomes formal is the order of its conversion from then on, with that order's charging mode.
`)
	return b.String()
}

// arrows are the changes of status that there are, V1.0's in brackets.
func arrows() []string {
	var out []string
	seen := map[string]bool{}
	for _, p := range []market.Protocol{market.V2, market.V1} {
		for _, e := range market.Events() {
			for _, s := range market.Stages()[1:] {
				d, ok := market.Decide(p, s, e, true)
				if !ok || d.To.Status() == s.Status() {
					continue
				}
				label := string(e)
				if e == market.UnfreezeCame {
					label += map[bool]string{true: " (access data is there)", false: " (not yet)"}[d.To == market.InUse]
				}
				line := fmt.Sprintf("%s --> %s: %s", s.Status(), d.To.Status(), label)
				if p == market.V1 && !seen[line] {
					line += " (V1.0)"
				}
				if !seen[line] {
					seen[line] = true
					out = append(out, line)
				}
			}
		}
	}
	return out
}

func table(b *strings.Builder, p market.Protocol) {
	stages := market.Stages()
	if p == market.V2 { // which cannot bring an instance there, and treats it as frozen
		stages = []market.Stage{market.Absent, market.InMaking, market.InUse, market.FrozenEarly, market.FrozenMade, market.StageReleased}
	}
	b.WriteString("| event |")
	for _, s := range stages {
		b.WriteString(" " + string(s) + " |")
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", len(stages)+1) + "\n")
	for _, e := range market.Events() {
		if !e.Speaks(p) {
			continue
		}
		fmt.Fprintf(b, "| %s |", e)
		for _, s := range stages {
			d, _ := market.Decide(p, s, e, false)
			a, _ := market.Decide(p, s, e, true)
			text := cell(s, d)
			if a.To != d.To {
				text += ", ahead → " + string(a.To)
			}
			b.WriteString(" " + text + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

func cell(s market.Stage, d market.Decision) string {
	var parts []string
	if d.Code != "" {
		parts = append(parts, string(d.Code))
	}
	if d.To != s {
		parts = append(parts, "→ "+string(d.To))
	}
	for _, e := range d.Effects() {
		parts = append(parts, string(e))
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, ", ")
}
