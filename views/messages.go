package views

import "embed"

// Messages are what customers get: email/<event>.<language>.{html,txt} with the
// frame email/layout.html, and sms/<event>.<language>.txt. The subject of a mail
// is the block "subject" of its txt. app/deliver reads them.
//
//go:embed email sms
var Messages embed.FS
