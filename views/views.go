// Package views holds the templates, and nothing else: no code beyond the
// embedding, no logic in the templates beyond if and range. It knows nothing of
// the rest of the program.
package views

import "embed"

// Console is the operators' console: layouts/, partials/ and
// pages/<area>/<page>.html. The engine in app/web/view reads it.
//
//go:embed layouts partials pages
var Console embed.FS
