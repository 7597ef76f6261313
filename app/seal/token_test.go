package seal_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/seal"
)

func TestATokenIsTheSameEachTimeAndTellsNothing(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	payload := []byte("87b94795-0603-4e24-8ae5-69420d60e3c8")
	token := r.Token(seal.AccessPage, payload)
	require.Equal(t, token, r.Token(seal.AccessPage, payload))
	require.Equal(t, token, ring(t, 1, 2).Token(seal.AccessPage, payload), "the present key makes it")
	require.NotEqual(t, token, r.Token("another purpose", payload))
	require.Regexp(t, `^[A-Za-z0-9_-]+$`, token)
	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "87b94795")
	other := r.Token(seal.AccessPage, []byte("87b94795-0603-4e24-8ae5-69420d60e3c9"))
	require.NotEqual(t, token[22:26], other[22:26], "one bit more changes all of it")

	got, err := ring(t, 2, 1).OpenToken(seal.AccessPage, token)
	require.NoError(t, err, "an old key still opens")
	require.Equal(t, payload, got)
	_, err = ring(t, 2).OpenToken(seal.AccessPage, token)
	require.ErrorIs(t, err, seal.ErrOpen)
	_, err = r.OpenToken("another purpose", token)
	require.ErrorIs(t, err, seal.ErrOpen)
}

func TestNoTamperedTokenOpens(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "payload")
		token := r.Token(seal.AccessPage, payload)
		got, err := r.OpenToken(seal.AccessPage, token)
		require.NoError(t, err)
		require.True(t, bytes.Equal(payload, got))
		b := []byte(token)
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		c := rapid.SampledFrom([]byte("ABCxyz019-_=+/. ")).Draw(t, "to")
		if b[i] == c {
			return
		}
		b[i] = c
		_, err = r.OpenToken(seal.AccessPage, string(b))
		require.ErrorIs(t, err, seal.ErrOpen)
	})
	for _, s := range []string{"", "A", "AAAA", token16(), "\x00", "ÄÖÜ"} {
		_, err := r.OpenToken(seal.AccessPage, s)
		require.ErrorIs(t, err, seal.ErrOpen, "%q", s)
	}
}

// token16 has the length of a tag and no payload.
func token16() string { return base64.RawURLEncoding.EncodeToString(make([]byte, 16)) }

func TestAShortTokenIsTheSameInAnyCaseAndOnlyItself(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 0, 13).Draw(t, "payload")
		token := r.ShortToken(seal.Returns, payload)
		require.Regexp(t, `^[a-z2-7]{20,40}$`, token)
		got, err := r.OpenShortToken(seal.Returns, strings.ToUpper(token))
		require.NoError(t, err)
		require.True(t, bytes.Equal(payload, got))
		_, err = r.OpenShortToken(seal.AccessPage, token)
		require.ErrorIs(t, err, seal.ErrOpen)
		b := []byte(token)
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		c := rapid.SampledFrom([]byte("abcxyz27019-+=. ")).Draw(t, "to")
		if b[i] == c {
			return
		}
		b[i] = c
		_, err = r.OpenShortToken(seal.Returns, string(b))
		require.ErrorIs(t, err, seal.ErrOpen)
	})
	token := r.ShortToken(seal.Returns, []byte("7"))
	_, err := ring(t, 2, 1).OpenShortToken(seal.Returns, token)
	require.NoError(t, err, "an old key still opens")
	for _, other := range []string{"", "a", token[:20], token + "a", r.Token(seal.Returns, []byte("7")), ring(t, 2).ShortToken(seal.Returns, []byte("7"))} {
		_, err := r.OpenShortToken(seal.Returns, other)
		require.ErrorIs(t, err, seal.ErrOpen, other)
	}
}
