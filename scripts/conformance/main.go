// Command conformance writes docs/conformance.md from the published tables in
// app/conformance/testdata. `go generate ./app/conformance` runs it.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"koodesk/app/conformance"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func write() error {
	text, err := conformance.Document()
	if err != nil {
		return err
	}
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(strings.TrimSpace(string(module)), "docs", "conformance.md"), []byte(text), 0o644)
}
