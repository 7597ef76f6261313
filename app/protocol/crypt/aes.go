package crypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1" // the published derivation is built on it
	"crypto/sha256"
	"encoding/base64"
	"unicode"
	"unicode/utf8"

	"koodesk/app/fault"
)

// EncryptType is the published choice of AES for personal data and access data
// of V1.0 (page intl 0070649063); it is made when a product is released.
type EncryptType int

// The types: AES-CBC with PKCS5 padding.
const (
	AES256 EncryptType = 1 // the default
	AES128 EncryptType = 2
)

// ivLen is the length of the IV that stands before the ciphertext as plain text.
const ivLen = aes.BlockSize

// maxField bounds what is decrypted, in characters; published fields have 128.
const maxField = 4096

// ErrFieldForm means that a text is no encrypted field of this key.
var ErrFieldForm = fault.New(fault.Invalid, "crypt.field_form")

func (e EncryptType) size() int {
	if e == AES128 {
		return 16
	}
	return 32
}

// FieldKey is the AES key that the published Java sample derives from an access
// key: KeyGenerator("AES") over SecureRandom("SHA1PRNG") seeded with it, that is
// the first bytes of SUN's generator (page intl 0070649063).
func FieldKey(secret string, e EncryptType) []byte {
	state := sha1.Sum([]byte(secret)) // as published
	out := make([]byte, 0, 2*sha1.Size)
	for len(out) < e.size() {
		o := sha1.Sum(state[:]) // as published
		out = append(out, o[:]...)
		advance(&state, o)
	}
	return out[:e.size()]
}

// advance is the generator's step: state + output + 1 as signed bytes with
// carry; a step that changes nothing adds one to the first byte.
func advance(state *[sha1.Size]byte, o [sha1.Size]byte) {
	last, changed := 1, false
	for i := range state {
		v := int(int8(state[i])) + int(int8(o[i])) + last // signed on purpose
		t := byte(v)                                      // the low byte is meant
		changed = changed || state[i] != t
		state[i] = t
		last = v >> 8
	}
	if !changed {
		state[0]++
	}
}

// EncryptField writes a field as the IV's 16 characters followed by base64 of the
// ciphertext (page intl 0070649063). An empty text stays empty.
//
// The IV is not random but a keyed hash of what is encrypted: an answer that is
// given again has the same bytes, and different texts never share an IV.
func EncryptField(secret string, e EncryptType, text string) string {
	if text == "" {
		return ""
	}
	return EncryptWith(secret, e, ivOf(secret, text), text)
}

// EncryptWith is EncryptField with an IV of 16 bytes chosen by the caller, as the
// marketplace's random ones are.
func EncryptWith(secret string, e EncryptType, iv, text string) string {
	pad := aes.BlockSize - len(text)%aes.BlockSize
	buf := make([]byte, len(text), len(text)+pad)
	copy(buf, text)
	for range pad {
		buf = append(buf, byte(pad))
	}
	cipher.NewCBCEncrypter(block(secret, e), []byte(iv)).CryptBlocks(buf, buf)
	return iv + base64.StdEncoding.EncodeToString(buf)
}

// ivOf makes 16 letters and digits, as the sample's getRandomChars(16) does.
func ivOf(secret, text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("iv\x00"))
	mac.Write([]byte(text))
	sum := mac.Sum(nil)
	iv := make([]byte, ivLen)
	for i := range iv {
		n := int(sum[2*i])<<8 | int(sum[2*i+1])
		iv[i] = alphabet[n%len(alphabet)]
	}
	return string(iv)
}

// DecryptField reads what EncryptField or the marketplace wrote. Fault:
// ErrFieldForm, also when the result is no text without control characters,
// which is what another key or the other size nearly always gives.
func DecryptField(secret string, e EncryptType, field string) (string, error) {
	if field == "" {
		return "", nil
	}
	if len(field) <= ivLen || len(field) > maxField {
		return "", ErrFieldForm
	}
	buf, err := base64.StdEncoding.DecodeString(field[ivLen:])
	if err != nil || len(buf) == 0 || len(buf)%aes.BlockSize != 0 {
		return "", ErrFieldForm
	}
	cipher.NewCBCDecrypter(block(secret, e), []byte(field[:ivLen])).CryptBlocks(buf, buf)
	pad := int(buf[len(buf)-1])
	if pad < 1 || pad > aes.BlockSize {
		return "", ErrFieldForm
	}
	for _, b := range buf[len(buf)-pad:] {
		if int(b) != pad {
			return "", ErrFieldForm
		}
	}
	text := string(buf[:len(buf)-pad])
	if !utf8.ValidString(text) {
		return "", ErrFieldForm
	}
	for _, r := range text {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return "", ErrFieldForm
		}
	}
	return text, nil
}

// OpenField is DecryptField with the size that a channel is set to, and then
// with the other one: a call does not say which it was made with.
func OpenField(secret string, e EncryptType, field string) (string, error) {
	other := AES128
	if e == AES128 {
		other = AES256
	}
	text, err := DecryptField(secret, e, field)
	if err != nil {
		text, err = DecryptField(secret, other, field)
	}
	return text, err
}

func block(secret string, e EncryptType) cipher.Block {
	b, err := aes.NewCipher(FieldKey(secret, e))
	if err != nil { // only wrong sizes fail, and there are two right ones
		panic(err)
	}
	return b
}
