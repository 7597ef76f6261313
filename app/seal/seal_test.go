package seal_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/seal"
)

func ring(t *testing.T, keys ...byte) *seal.Keyring {
	t.Helper()
	raw := make([][]byte, len(keys))
	for i, k := range keys {
		raw[i] = bytes.Repeat([]byte{k}, seal.KeySize)
	}
	r, err := seal.New(raw[0], raw[1:]...)
	require.NoError(t, err)
	return r
}

func TestSealedValuesOpenForTheirPurposeOnly(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	s := r.SealString(seal.Access, "pässword")
	require.NotContains(t, string(s), "pässword")
	got, err := r.OpenString(seal.Access, s)
	require.NoError(t, err)
	require.Equal(t, "pässword", got)
	_, err = r.Open(seal.Customer, s)
	require.ErrorIs(t, err, seal.ErrOpen)
	require.NotEqual(t, s, r.SealString(seal.Access, "pässword"), "equal texts must not look equal")
}

func TestNothingSealsToNothing(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	require.Nil(t, r.SealString(seal.Access, ""))
	got, err := r.OpenString(seal.Access, nil)
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestRotation(t *testing.T) {
	t.Parallel()
	old := ring(t, 1).SealString(seal.Access, "x")
	both := ring(t, 2, 1)
	got, err := both.OpenString(seal.Access, old)
	require.NoError(t, err)
	require.Equal(t, "x", got)
	require.False(t, both.Current(old))
	require.True(t, both.Current(both.SealString(seal.Access, "x")))
	_, err = ring(t, 2).Open(seal.Access, old)
	require.ErrorIs(t, err, seal.ErrOpen)
	require.Contains(t, both.Indexes("x"), ring(t, 1).Index("x"))
}

func TestEveryChangedByteIsNoticed(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	s := r.SealString(seal.Access, "secret")
	for i := range s {
		c := bytes.Clone(s)
		c[i] ^= 1
		_, err := r.Open(seal.Access, c)
		require.ErrorIs(t, err, seal.ErrOpen, "byte %d", i)
	}
}

func FuzzOpen(f *testing.F) {
	r, err := seal.New(bytes.Repeat([]byte{1}, seal.KeySize))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.SealString(seal.Access, "x"))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		plain, err := r.Open(seal.Access, b)
		if err != nil && plain != nil {
			t.Fatal("an error with a plaintext")
		}
	})
}
