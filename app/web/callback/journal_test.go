package callback_test

import (
	"bytes"
	"encoding/json"
	"sync"

	"github.com/stretchr/testify/require"
)

// journal is the log of a site, line by line.
type journal struct {
	mu  sync.Mutex
	raw bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.raw.Write(p)
}

// lines takes the lines with this message out of the log, once every refusal so
// far was diagnosed.
func (s *site) lines(msg string) (out []map[string]any) {
	s.t.Helper()
	s.handler.Settle()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for raw := range bytes.Lines(s.log.raw.Bytes()) {
		var l map[string]any
		require.NoError(s.t, json.Unmarshal(raw, &l), "%s", raw)
		if l["msg"] == msg {
			out = append(out, l)
		}
	}
	s.log.raw.Reset()
	return out
}
