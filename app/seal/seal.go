// Package seal keeps secrets and personal data unreadable at rest: AES-256-GCM
// under keys derived from SECRET_KEY, with the key's id in every sealed value so
// that keys can be rotated, and keyed hashes by which a sealed value can still
// be found. It knows nothing of what it seals.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
)

// KeySize is the size of a master key in bytes.
const KeySize = 32

const (
	version   = 1
	idSize    = 4
	nonceSize = 12
	headSize  = 1 + idSize + nonceSize
)

// Purpose separates uses: each has its own derived key, and a value sealed for
// one purpose does not open for another, even if somebody moves it in the
// database.
type Purpose string

// The purposes.
const (
	ChannelSecret Purpose = "channel secret"
	ProductSecret Purpose = "product secret"
	TargetSecret  Purpose = "event target secret"
	Customer      Purpose = "customer"
	Access        Purpose = "access data"
	Payload       Purpose = "payload"
	Content       Purpose = "delivery content"
	Session       Purpose = "session"
	LicenseCode   Purpose = "license code"
	License       Purpose = "license"
	AlertTarget   Purpose = "alert target"
	Refusal       Purpose = "refusal of notices"
)

// ErrOpen means that a value could not be opened: it was sealed under a key
// that is not configured, for another purpose, or it was changed.
var ErrOpen = errors.New("seal: cannot open (other SECRET_KEY, or damaged)")

type master struct {
	id      [idSize]byte
	key     []byte
	aeads   sync.Map // Purpose → cipher.AEAD
	uses    sync.Map // use → derived key, see token.go
	indexes []byte
}

// Keyring holds the present key, which seals, and older ones, which only open.
// It is safe for concurrent use.
type Keyring struct {
	keys []*master
}

// New makes a keyring from the present master key and any older ones, each of
// KeySize bytes.
func New(present []byte, old ...[]byte) (*Keyring, error) {
	k := &Keyring{}
	for _, raw := range append([][]byte{present}, old...) {
		if len(raw) != KeySize {
			return nil, fmt.Errorf("seal: a key has %d bytes, want %d", len(raw), KeySize)
		}
		idx, err := hkdf.Key(sha256.New, raw, nil, "koodesk blind index", KeySize)
		if err != nil {
			return nil, err
		}
		m := &master{key: bytes.Clone(raw), indexes: idx}
		sum := sha256.Sum256(append([]byte("koodesk key id\x00"), raw...))
		copy(m.id[:], sum[:])
		k.keys = append(k.keys, m)
	}
	return k, nil
}

func (m *master) aead(p Purpose) (cipher.AEAD, error) {
	if a, ok := m.aeads.Load(p); ok {
		return a.(cipher.AEAD), nil
	}
	sub, err := hkdf.Key(sha256.New, m.key, nil, "koodesk seal: "+string(p), KeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sub)
	if err != nil {
		return nil, err
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	m.aeads.Store(p, a)
	return a, nil
}

// Seal encrypts. An empty plaintext seals to nil, so that "nothing" is NULL.
// Layout: version (1), key id (4), nonce (12), ciphertext and tag.
func (k *Keyring) Seal(p Purpose, plain []byte) []byte {
	if len(plain) == 0 {
		return nil
	}
	m := k.keys[0]
	a, err := m.aead(p)
	if err != nil { // only wrong key sizes fail, and New has checked them
		panic(err)
	}
	out := make([]byte, headSize, headSize+len(plain)+a.Overhead())
	out[0] = version
	copy(out[1:], m.id[:])
	if _, err := rand.Read(out[1+idSize : headSize]); err != nil {
		panic(err)
	}
	return a.Seal(out, out[1+idSize:headSize], plain, []byte(p))
}

// SealString is Seal for text.
func (k *Keyring) SealString(p Purpose, plain string) []byte { return k.Seal(p, []byte(plain)) }

// Open decrypts what Seal made; nil opens to nil. The error is ErrOpen.
func (k *Keyring) Open(p Purpose, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	if len(sealed) < headSize || sealed[0] != version {
		return nil, ErrOpen
	}
	for _, m := range k.keys {
		if !bytes.Equal(m.id[:], sealed[1:1+idSize]) {
			continue
		}
		a, err := m.aead(p)
		if err != nil {
			return nil, err
		}
		plain, err := a.Open(nil, sealed[1+idSize:headSize], sealed[headSize:], []byte(p))
		if err != nil {
			return nil, ErrOpen
		}
		return plain, nil
	}
	return nil, ErrOpen
}

// OpenString is Open for text.
func (k *Keyring) OpenString(p Purpose, sealed []byte) (string, error) {
	b, err := k.Open(p, sealed)
	return string(b), err
}

// Current tells whether a value is sealed under the present key, so that a
// rotation can find what is left to do.
func (k *Keyring) Current(sealed []byte) bool {
	return len(sealed) > headSize && bytes.Equal(sealed[1:1+idSize], k.keys[0].id[:])
}

// Index is the keyed hash by which a sealed value can be looked up exactly.
func (k *Keyring) Index(value string) []byte { return k.keys[0].index(value) }

// Indexes gives Index under every key, newest first, for a look-up while a
// rotation is under way.
func (k *Keyring) Indexes(value string) [][]byte {
	out := make([][]byte, 0, len(k.keys))
	for _, m := range k.keys {
		out = append(out, m.index(value))
	}
	return out
}

func (m *master) index(value string) []byte {
	if value == "" {
		return nil
	}
	h := hmac.New(sha256.New, m.indexes)
	h.Write([]byte(value))
	return h.Sum(nil)[:16]
}
