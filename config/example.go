package config

import (
	"fmt"
	"strings"
)

// Example is the text of koodesk.env.example: every option with its help.
func Example() string {
	var b strings.Builder
	b.WriteString("# Koodesk's settings. Copy to .env beside the program, or set them in the environment, which wins.\n")
	b.WriteString("# Lines that begin with # are off; what is shown after = is the default or an example.\n")
	for _, o := range Options() {
		fmt.Fprintf(&b, "\n# %s\n", o.Help)
		v := o.Default
		if o.Example != "" {
			v = o.Example
		}
		fmt.Fprintf(&b, "#%s=%s\n", o.Name, quote(v))
	}
	return b.String()
}

// Table is the settings table of the README, in Markdown.
func Table() string {
	var b strings.Builder
	b.WriteString("| variable | default | what it is |\n| --- | --- | --- |\n")
	for _, o := range Options() {
		def := "–"
		if o.Default != "" {
			def = "`" + o.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", o.Name, def, strings.ReplaceAll(o.Help, "|", "\\|"))
	}
	return b.String()
}

func quote(v string) string {
	if strings.ContainsAny(v, " <>()") {
		return `"` + v + `"`
	}
	return v
}
