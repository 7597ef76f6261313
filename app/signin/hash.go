package signin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"runtime"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"

	"koodesk/app/fault"
)

// Cost is what one check of a password costs.
type Cost struct {
	MemoryKiB   uint32
	Iterations  uint32
	Parallelism uint8
}

// DefaultCost is the second recommendation of RFC 9106 with fewer lanes, for
// machines with two cores: about a tenth of a second.
var DefaultCost = Cost{MemoryKiB: 64 * 1024, Iterations: 3, Parallelism: 2}

// hasher hashes and checks passwords with argon2id, a few at once: each needs
// Cost.MemoryKiB, and a crowd before the door must not fill the memory.
type hasher struct {
	params *argon2id.Params
	slots  chan struct{}
	dummy  string // what no password matches, of the same cost
}

func newHasher(c Cost) *hasher {
	if c == (Cost{}) {
		c = DefaultCost
	}
	h := &hasher{
		params: &argon2id.Params{Memory: c.MemoryKiB, Iterations: c.Iterations, Parallelism: c.Parallelism, SaltLength: 16, KeyLength: 32},
		slots:  make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
	}
	// Made up, not computed: a command of a tenth of a second would last two.
	never := make([]byte, h.params.SaltLength+h.params.KeyLength)
	_, _ = rand.Read(never) // never fails
	h.dummy = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.MemoryKiB, c.Iterations, c.Parallelism,
		base64.RawStdEncoding.EncodeToString(never[:h.params.SaltLength]), base64.RawStdEncoding.EncodeToString(never[h.params.SaltLength:]))
	return h
}

// enter waits for a slot; leave gives it back.
func (h *hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Unavailable, "signin.busy")
	}
}

func (h *hasher) leave() { <-h.slots }

func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	s, err := argon2id.CreateHash(password, h.params)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "internal")
	}
	return s, nil
}

func (h *hasher) matches(ctx context.Context, password, hash string) (bool, error) {
	if len(password) > maxPassword*4 { // no password of ours is so long
		password = ""
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fault.Wrap(err, fault.Internal, "internal")
	}
	return ok, nil
}

// renew gives a new hash of a password whose stored one was made at another
// cost; "" when it was not.
func (h *hasher) renew(ctx context.Context, password, hash string) (string, error) {
	p, _, _, err := argon2id.DecodeHash(hash)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "internal")
	}
	if *p == *h.params {
		return "", nil
	}
	return h.hash(ctx, password)
}
