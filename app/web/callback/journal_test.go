package callback_test

import (
	"encoding/json"
	"strings"

	"github.com/stretchr/testify/require"
)

// lines takes the lines with this message out of the log, once every refusal so
// far was diagnosed.
func (s *site) lines(msg string) (out []map[string]any) {
	s.t.Helper()
	s.handler.Settle()
	for raw := range strings.Lines(s.log.Take()) {
		var l map[string]any
		require.NoError(s.t, json.Unmarshal([]byte(raw), &l), "%s", raw)
		if l["msg"] == msg {
			out = append(out, l)
		}
	}
	return out
}
