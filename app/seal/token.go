package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// AccessPage is the purpose of tokens that open a buyer's access page.
const AccessPage Purpose = "access page"

// Receipts is the purpose of tokens in the addresses at which services report
// what became of a message.
const Receipts Purpose = "receipts"

const tagSize = 16

// Token makes a text for addresses (base64url) that holds the payload, and that
// nobody without the key can make, read or change. The same payload gives the
// same token, unlike Seal: an answer that holds one can be repeated byte for
// byte. It is a synthetic-IV construction: a tag over the payload, which is also
// the initial vector of the AES-CTR that hides it.
func (k *Keyring) Token(p Purpose, payload []byte) string {
	return k.keys[0].token(p, payload)
}

func (m *master) token(p Purpose, payload []byte) string {
	out := make([]byte, tagSize+len(payload))
	copy(out, m.tag(p, payload))
	m.mask(p, out[:tagSize], out[tagSize:], payload)
	return base64.RawURLEncoding.EncodeToString(out)
}

// OpenToken gives the payload of a token that any key of the ring made. The
// error is ErrOpen.
func (k *Keyring) OpenToken(p Purpose, token string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token) // one payload, one token
	if err != nil || len(raw) < tagSize {
		return nil, ErrOpen
	}
	payload := make([]byte, len(raw)-tagSize)
	for _, m := range k.keys {
		m.mask(p, raw[:tagSize], payload, raw[tagSize:])
		if hmac.Equal(m.tag(p, payload), raw[:tagSize]) {
			return payload, nil
		}
	}
	return nil, ErrOpen
}

func (m *master) tag(p Purpose, payload []byte) []byte {
	h := hmac.New(sha256.New, m.derived("koodesk token tag: "+string(p)))
	h.Write(payload)
	return h.Sum(nil)[:tagSize]
}

func (m *master) mask(p Purpose, iv, to, from []byte) {
	block, err := aes.NewCipher(m.derived("koodesk token mask: " + string(p)))
	if err != nil { // only wrong key sizes fail
		panic(err)
	}
	cipher.NewCTR(block, iv).XORKeyStream(to, from)
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
