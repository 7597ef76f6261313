package crypt

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The vector was computed with an independent implementation; the key is made
// up, since no page publishes one.
const (
	vectorKey  = "11111111-2222-3333-4444-555555555555"
	vectorBody = `{"resultCode":"000000","resultMsg":"success.","instanceId":"87b94795-0603-4e24-8ae5-69420d60e3c8"}`
	vectorSign = `sign_type="HMAC-SHA256", signature= "C4FvOtFzmib5TUV7JPZOfeyANHoDt6U2of8/h5ghW1w="`
)

func TestBodySignVector(t *testing.T) {
	t.Parallel()
	require.Equal(t, vectorSign, BodySign(vectorKey, []byte(vectorBody)))
	require.NoError(t, VerifyBodySign(vectorKey, vectorSign, []byte(vectorBody)))
	require.Empty(t, BodySign("", []byte(vectorBody)))
}

func TestVerifyBodySign(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key, header, body string
		want              error
	}{
		"as published":           {vectorKey, vectorSign, vectorBody, nil},
		"no blank":               {vectorKey, strings.Replace(vectorSign, "= ", "=", 1), vectorBody, nil},
		"two blanks":             {vectorKey, strings.Replace(vectorSign, "= ", "=  ", 1), vectorBody, ErrBodySignForm},
		"other key":              {vectorKey + "x", vectorSign, vectorBody, ErrBodySignWrong},
		"no key":                 {"", vectorSign, vectorBody, ErrBodySignWrong},
		"other body":             {vectorKey, vectorSign, vectorBody + " ", ErrBodySignWrong},
		"other signature":        {vectorKey, strings.Replace(vectorSign, "C4Fv", "C4Fw", 1), vectorBody, ErrBodySignWrong},
		"other algorithm":        {vectorKey, strings.Replace(vectorSign, "256", "512", 1), vectorBody, ErrBodySignForm},
		"no quotes":              {vectorKey, strings.ReplaceAll(vectorSign, `"`, ""), vectorBody, ErrBodySignForm},
		"open quote":             {vectorKey, vectorSign[:len(vectorSign)-1], vectorBody, ErrBodySignForm},
		"short":                  {vectorKey, bodySignHead + `C4Fv"`, vectorBody, ErrBodySignForm},
		"not base64":             {vectorKey, bodySignHead + `####"`, vectorBody, ErrBodySignForm},
		"padding bits tampered":  {vectorKey, strings.Replace(vectorSign, "W1w=", "W1x=", 1), vectorBody, ErrBodySignForm},
		"line break in the code": {vectorKey, strings.Replace(vectorSign, "W1w=", "W1\nw=", 1), vectorBody, ErrBodySignForm},
		"empty":                  {vectorKey, "", vectorBody, ErrBodySignForm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := VerifyBodySign(c.key, c.header, []byte(c.body))
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.want)
		})
	}
}

func FuzzVerifyBodySign(f *testing.F) {
	f.Add(vectorKey, vectorSign, []byte(vectorBody))
	f.Add("k", bodySignHead, []byte(nil))
	f.Add("k", `sign_type="HMAC-SHA256", signature=`, []byte("x"))
	f.Fuzz(func(t *testing.T, key, header string, body []byte) {
		right := BodySign(key, body)
		err := VerifyBodySign(key, header, body)
		if key == "" {
			require.Error(t, err)
			return
		}
		require.NoError(t, VerifyBodySign(key, right, body))
		if err == nil {
			require.Equal(t, right, strings.Replace(header, `signature="`, `signature= "`, 1))
		}
	})
}

func TestBodySignOfV1(t *testing.T) {
	t.Parallel()
	body := []byte(`{"resultCode":"000000","resultMsg":"success."}`)
	want := `sign_type="HMAC-SHA256", signature="YB9MRaDz8ENM8JzoKzW8YT4yUrcMdby3kM31MTz8tO4="`
	require.Equal(t, want, BodySignFAQ("xxxxxxx", body))
	require.NoError(t, VerifyBodySign("xxxxxxx", want, body))
	require.Empty(t, BodySignFAQ("", body))
}
