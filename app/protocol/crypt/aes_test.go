package crypt

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDerivedKeysAreThoseOfJava(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{
		"xxxxxxx":       "c962ef8500ad13239b5ec0eb6a5c570b3cae0fd0e5c28e793eb6aaa22d251123",
		"demo-key-0001": "3bc3e8390c5014431929f25c3ba18671d5c1b642c1b529fdafd02e403594ca1b",
	} {
		require.Equal(t, want, hex.EncodeToString(FieldKey(secret, AES256)))
		require.Equal(t, want[:32], hex.EncodeToString(FieldKey(secret, AES128)))
	}
}

func TestFieldVectors(t *testing.T) {
	t.Parallel()
	const iv = "0123456789ABCDEF"
	for _, c := range []struct {
		e           EncryptType
		text, field string
	}{
		{AES256, "15905222222", iv + "Q9GOYCX4arumLzm0J5CuuQ=="},
		{AES128, "15905222222", iv + "QtB8C6t1FHyI3/pl7ictqQ=="},
		{AES256, "user@example.com", iv + "/nQ+zuLKL8x/+uok23z0qT1JHjuaNuxEr4pWz+HmXRk="},
		{AES128, "user@example.com", iv + "p9pE7wzpwMArF4w/AEb6htor7mc7e9xiEwer+DCSjSk="},
	} {
		require.Equal(t, c.field, EncryptWith("xxxxxxx", c.e, iv, c.text))
		text, err := DecryptField("xxxxxxx", c.e, c.field)
		require.NoError(t, err)
		require.Equal(t, c.text, text)
		other := AES256 + AES128 - c.e
		text, err = OpenField("xxxxxxx", other, c.field)
		require.NoError(t, err, "a channel set to the other size reads it too")
		require.Equal(t, c.text, text)
	}
}

func TestWhatIsNoFieldIsRefused(t *testing.T) {
	t.Parallel()
	good := EncryptWith("xxxxxxx", AES256, "0123456789ABCDEF", "15905222222")
	for name, field := range map[string]string{
		"only an IV":        good[:16],
		"shorter":           "0123",
		"no base64":         good[:16] + "!!!!",
		"half a block":      good[:16] + base64.StdEncoding.EncodeToString([]byte("12345678")),
		"cut":               good[:len(good)-4],
		"of another key":    EncryptWith("other", AES256, "0123456789ABCDEF", "15905222222"),
		"too long":          good[:16] + strings.Repeat("A", 5000),
		"controls inside":   EncryptWith("xxxxxxx", AES256, "0123456789ABCDEF", "a\nb"),
		"no UTF-8 inside":   EncryptWith("xxxxxxx", AES256, "0123456789ABCDEF", "a\xff"),
		"the published one": "Uh2977H2620i0K251ckE+cPpVaeXADc5xJivbg==",
	} {
		_, err := DecryptField("xxxxxxx", AES256, field)
		require.ErrorIs(t, err, ErrFieldForm, name)
	}
	text, err := DecryptField("xxxxxxx", AES256, "")
	require.NoError(t, err)
	require.Empty(t, text)
	require.Empty(t, EncryptField("xxxxxxx", AES256, ""))
}

func TestEveryTextComesBackAndTheIVIsPlain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ0189@+ 中文😀\"\\")), 1, 60, -1).Draw(t, "text")
		secret := rapid.String().Draw(t, "secret")
		e := rapid.SampledFrom([]EncryptType{AES256, AES128}).Draw(t, "type")
		field := EncryptField(secret, e, text)
		require.Equal(t, field, EncryptField(secret, e, text), "an answer given again has the same bytes")
		require.Regexp(t, `^[A-Za-z0-9]{16}[A-Za-z0-9+/]+=*$`, field)
		got, err := DecryptField(secret, e, field)
		require.NoError(t, err)
		require.Equal(t, text, got)
	})
}

func FuzzDecryptField(f *testing.F) {
	f.Add("0123456789ABCDEFQ9GOYCX4arumLzm0J5CuuQ==")
	f.Add("Uh2977H2620i0K251ckE cPpVaeXADc5xJivbg==")
	f.Fuzz(func(t *testing.T, field string) {
		text, err := OpenField("xxxxxxx", AES256, field)
		if err == nil && field != "" && len(text) >= len(field) {
			t.Fatalf("%q is longer than %q", text, field)
		}
	})
}
