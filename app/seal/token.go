package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
)

// AccessPage is the purpose of tokens that open a buyer's access page.
const AccessPage Purpose = "access page"

// Receipts is the purpose of tokens in the addresses at which services report
// what became of a message.
const Receipts Purpose = "receipts"

// Returns is the purpose of tokens in the addresses to which mails come back.
const Returns Purpose = "returned mails"

const (
	tagSize      = 16
	shortTagSize = 12
)

// letters is base32 that stays itself when something on the way folds the case.
var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Token makes a text for addresses (base64url) that holds the payload, and that
// nobody without the key can make, read or change. The same payload gives the
// same token, unlike Seal: an answer that holds one can be repeated byte for
// byte. It is a synthetic-IV construction: a tag over the payload, which is also
// the initial vector of the AES-CTR that hides it.
func (k *Keyring) Token(p Purpose, payload []byte) string {
	return base64.RawURLEncoding.EncodeToString(k.keys[0].token(p, payload, tagSize))
}

// ShortToken is Token for places that are narrow and may not tell capitals from
// small letters: small letters and digits, and a tag of 96 bits instead of 128.
func (k *Keyring) ShortToken(p Purpose, payload []byte) string {
	return letters.EncodeToString(k.keys[0].token(p, payload, shortTagSize))
}

func (m *master) token(p Purpose, payload []byte, size int) []byte {
	out := make([]byte, size+len(payload))
	copy(out, m.tag(p, payload)[:size])
	m.mask(p, out[:size], out[size:], payload)
	return out
}

// OpenToken gives the payload of a token that any key of the ring made. The
// error is ErrOpen.
func (k *Keyring) OpenToken(p Purpose, token string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token) // one payload, one token
	if err != nil {
		return nil, ErrOpen
	}
	return k.openToken(p, raw, tagSize)
}

// OpenShortToken is OpenToken for ShortToken, in any case of letters.
func (k *Keyring) OpenShortToken(p Purpose, token string) ([]byte, error) {
	token = strings.ToLower(token)
	raw, err := letters.DecodeString(token)
	if err != nil || letters.EncodeToString(raw) != token { // one payload, one token
		return nil, ErrOpen
	}
	return k.openToken(p, raw, shortTagSize)
}

func (k *Keyring) openToken(p Purpose, raw []byte, size int) ([]byte, error) {
	if len(raw) < size {
		return nil, ErrOpen
	}
	payload := make([]byte, len(raw)-size)
	for _, m := range k.keys {
		m.mask(p, raw[:size], payload, raw[size:])
		if hmac.Equal(m.tag(p, payload)[:size], raw[:size]) {
			return payload, nil
		}
	}
	return nil, ErrOpen
}

func (m *master) tag(p Purpose, payload []byte) []byte {
	h := hmac.New(sha256.New, m.derived("koodesk token tag: "+string(p)))
	h.Write(payload)
	return h.Sum(nil)
}

// mask hides and shows; a tag that is shorter than a block is an initial vector
// with zeros behind it.
func (m *master) mask(p Purpose, tag, to, from []byte) {
	block, err := aes.NewCipher(m.derived("koodesk token mask: " + string(p)))
	if err != nil { // only wrong key sizes fail
		panic(err)
	}
	var iv [aes.BlockSize]byte
	copy(iv[:], tag)
	cipher.NewCTR(block, iv[:]).XORKeyStream(to, from)
}

// derived is a key for one use, made of the master key.
func (m *master) derived(use string) []byte {
	if sub, ok := m.uses.Load(use); ok {
		return sub.([]byte)
	}
	sub, err := hkdf.Key(sha256.New, m.key, nil, use, KeySize)
	if err != nil { // only absurd lengths fail
		panic(err)
	}
	m.uses.Store(use, sub)
	return sub
}
