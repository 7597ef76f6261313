package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// head is what docs/conformance.md begins with.
const head = `# Conformance, interface by interface

What KooGallery's published tables say, and what Koodesk accepts, refuses and answers. **This page is generated** from
the files below ` + "`app/conformance/testdata/`" + `; a test fails when it is out of date (` + "`go generate ./app/conformance`" + ` writes it anew).
Why a choice was made where the pages are silent stands in [protocol.md](protocol.md).

Every line is tested. The suite (` + "`go test ./app -run TestConformance`" + `) starts the whole program on a database of its own, sends each
call over a raw connection, signed by a second implementation of the formulas that shares no code with the program
(` + "`app/conformance/formula`" + `), and holds every answer against HTTP 200, ` + "`Content-Type: application/json`" + `, a header spelled
exactly ` + "`Body-Sign`" + ` that signs the very bytes, the fields and lengths of the answer's table, and, for a call that is sent
again, the same bytes.

How to read the tables. **M** mandatory, **O** optional and the length, in characters, are as printed. "Taken" are
values that the suite sends and that must be taken over, "refused" those that must be answered 000002 with the field's
name. For every mandatory field the suite also sends the call without it, with it empty, blank and (in JSON) null; for
every optional one it does the same and wants success; every free text is sent with exactly its length, in Latin and in
Chinese characters, with one character more, and, in JSON, as a number, as an object and twice. A page id is that of
Huawei's help page. In the answers, ` + "`$instanceId`, `$msg` and `$publicUrl`" + ` stand for what is different each time.

`

// Document writes docs/conformance.md.
func Document() (string, error) {
	guides, err := Load()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(head)
	total := 0
	rows := ""
	for _, g := range guides {
		n := 0
		accepted, refused, err := Proofs(g.Form)
		if err != nil {
			return "", err
		}
		var names []string
		for _, i := range g.Interfaces {
			n += len(g.Cases(i)) + len(accepted) + len(refused)
			names = append(names, fmt.Sprintf("[%s](#%s)", i.Name, anchor(g, i)))
		}
		total += n
		rows += fmt.Sprintf("| %s | %s | %d |\n", g.Title, strings.Join(names, ", "), n)
	}
	fmt.Fprintf(&b, "| guide | interfaces | calls sent |\n| --- | --- | ---: |\n%s| all | | %d |\n\n", rows, total)
	for _, g := range guides {
		g.write(&b)
	}
	err = writeProofs(&b)
	return b.String(), err
}

func (g Guide) write(b *strings.Builder) {
	fmt.Fprintf(b, "## %s\n\n%s Signed with the channel's `%s` key.\n\n`Body-Sign`: %s\n\n", g.Title, strings.TrimSpace(g.Preface), g.Key, strings.TrimSpace(g.BodySign))
	for _, i := range g.Interfaces {
		i.write(b, g)
	}
}

func (i Interface) write(b *strings.Builder, g Guide) {
	fmt.Fprintf(b, "### %s: %s\n\n%s. Source: %s. Test: `TestConformance/guides/%s/%s`, %d calls.\n\n", g.ID, i.Name, i.Title, i.Sources, g.ID, i.Name, len(g.Cases(i)))
	b.WriteString("| field | M/O | type | length | taken | refused | remarks |\n| --- | --- | --- | ---: | --- | --- | --- |\n")
	for _, f := range i.Request {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", f.Name, f.Need, f.Type, length(f), taken(f), refuses(f), remarks(f))
	}
	b.WriteString("\n| answer | M/O | type | length | values | remarks |\n| --- | --- | --- | ---: | --- | --- |\n")
	for _, f := range i.Answer {
		var values []any
		for _, v := range f.Values {
			values = append(values, v)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s |\n", f.Name, f.Need, f.Type, length(f), listed(values), remarks(f))
	}
	if len(i.Cases) > 0 {
		b.WriteString("\n| further call | required answer | source |\n| --- | --- | --- |\n")
		for _, c := range i.Cases {
			fmt.Fprintf(b, "| %s | %s | %s |\n", c.Name, required(c), cell(c.Source))
		}
	}
	for _, n := range i.Notes {
		fmt.Fprintf(b, "\n- %s", n)
	}
	b.WriteString("\n\n")
}

func required(c Case) string {
	code := c.Code
	if code == "" {
		code = "000000"
	}
	if c.Has != "" {
		return "`" + code + "` with `" + cell(c.Has) + "`"
	}
	if c.Answer == "" {
		return "`" + code + "`"
	}
	return "`" + cell(c.Answer) + "`"
}

func length(f Field) string {
	if f.Length == 0 {
		return "–"
	}
	return fmt.Sprint(f.Length)
}

func taken(f Field) string {
	var values []any
	for _, v := range f.Values {
		values = append(values, v)
	}
	if f.Name == "testFlag" {
		values = append(values, "1", 1)
	}
	values = append(values, f.Accepts...)
	if len(values) == 0 && f.free() {
		return "any text"
	}
	return listed(values)
}

func refuses(f Field) string {
	if f.Name == "testFlag" {
		return listed(noTestFlags)
	}
	return listed(f.Refuses)
}

func remarks(f Field) string {
	var parts []string
	if f.Note != "" {
		parts = append(parts, f.Note)
	}
	if f.Lenient != "" {
		parts = append(parts, "may be missing: "+f.Lenient)
	}
	if f.Always != "" {
		parts = append(parts, "must be there with 000000: "+f.Always)
	}
	if f.Sealed {
		parts = append(parts, "encrypted with the access key")
	}
	return cell(strings.Join(parts, "; "))
}

// placeholders are values that the suite makes up.
var placeholders = map[string]string{"$ids100": "100 ids", "$ids101": "101 ids", "$id65": "an id of 65 characters",
	"$params2048": "a list of exactly 2048 characters", "$params2052": "one of 2052"}

func listed(values []any) string {
	var out []string
	for _, v := range values {
		text := show(v)
		if p, ok := placeholders[text]; ok {
			out = append(out, p)
			continue
		}
		if len(text) > 60 {
			text = text[:48] + "…"
		}
		out = append(out, "`"+cell(text)+"`")
	}
	return strings.Join(out, ", ")
}

// cell keeps a text within its cell of a table.
func cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s) }

// anchor is the address that readers of Markdown give a heading.
func anchor(g Guide, i Interface) string { return g.ID + "-" + strings.ToLower(i.Name) }

// writeProofs lists what holds for every interface of a form.
func writeProofs(b *strings.Builder) error {
	b.WriteString("## Ways to send a call\n\nEach is sent to every interface of its form.\n")
	for _, form := range []string{FormSignature, FormToken} {
		accepted, refused, err := Proofs(form)
		if err != nil {
			return err
		}
		how := "POST with `signature`"
		if form == FormToken {
			how = "GET with `authToken`"
		}
		fmt.Fprintf(b, "\n### %s\n\n| way | answer | why |\n| --- | --- | --- |\n", how)
		for _, p := range slices.Concat(accepted, refused) {
			answer := "accepted"
			if p.Code != "" {
				answer = "refused, `" + p.Code + "`"
			}
			fmt.Fprintf(b, "| %s | %s | %s |\n", p.Name, answer, cell(p.Why))
		}
	}
	return nil
}
