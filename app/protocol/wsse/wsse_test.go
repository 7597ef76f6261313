package wsse

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var at = time.Date(2018, 5, 26, 0, 35, 30, 0, time.UTC)

func signed() http.Header {
	h := http.Header{}
	Sign(h, "app", "hunter2", "ac1c911c4792492687f8f6b2264a491e", at)
	return h
}

// The digest was computed by coreutils:
// printf %s ac1c911c4792492687f8f6b2264a491e2018-05-26T00:35:30Zhunter2 | sha256sum | cut -c1-64 | tr -d '\n' | base64 -w0
func TestTheDigestIsTheBase64OfTheHexadecimalHash(t *testing.T) {
	t.Parallel()
	require.Equal(t, `UsernameToken Username="app",PasswordDigest="NDk2NjMwNzVmYzNlOTNmZWI4NjlmOTVjMmQzMjg1ODY3ODZjNmY3OWIzODQyNzdiZDMyMjNiYWJjNjMwYjBlOA==",Nonce="ac1c911c4792492687f8f6b2264a491e",Created="2018-05-26T00:35:30Z"`,
		signed().Get(HeaderName))
	require.Equal(t, `WSSE realm="SDP",profile="UsernameToken",type="Appkey"`, signed().Get("Authorization"))
}

func TestOnlyTheRightSecretVerifies(t *testing.T) {
	t.Parallel()
	require.NoError(t, Verify(signed(), "app", "hunter2", at.Add(time.Hour)))
	require.ErrorIs(t, Verify(signed(), "app", "hunter3", at), ErrDigest)
	require.ErrorIs(t, Verify(signed(), "other", "hunter2", at), ErrKey)
	require.ErrorIs(t, Verify(signed(), "app", "hunter2", at.Add(Window+time.Second)), ErrTime)
	require.ErrorIs(t, Verify(signed(), "app", "hunter2", at.Add(-Window-time.Second)), ErrTime)
	require.ErrorIs(t, Verify(http.Header{}, "app", "hunter2", at), ErrHeaders)
	for _, part := range []string{"ac1c911c", "2018-05-26", "UsernameToken", `"app"`} {
		h := signed()
		h.Set(HeaderName, strings.Replace(h.Get(HeaderName), part, "x"+part[1:], 1))
		require.Error(t, Verify(h, "app", "hunter2", at), part)
	}
	h := signed()
	h.Set("Authorization", "WSSE")
	require.ErrorIs(t, Verify(h, "app", "hunter2", at), ErrHeaders)
}
