// Package signin decides who may come in: it checks passwords, limits guessing,
// changes passwords, and makes operators and API tokens, each with its entry in
// the audit trail. It knows neither cookies nor HTTP, and no password ever leaves
// it except the one-time password of a new operator.
package signin

import (
	"context"
	"encoding/hex"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/throttle"
)

// Options of New.
type Options struct {
	Store *store.Store
	Redis redis.UniversalClient // nil: guesses are counted in this process only
	Log   *slog.Logger          // nil: the default
	Cost  Cost                  // zero: DefaultCost
}

// SignIn is the use case. It is safe for concurrent use.
type SignIn struct {
	store  *store.Store
	log    *slog.Logger
	limit  *throttle.Limiter
	hasher *hasher
}

// New makes the use case.
func New(o Options) *SignIn {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &SignIn{store: o.Store, log: o.Log, limit: throttle.New("signin", o.Redis, o.Log), hasher: newHasher(o.Cost)}
}

// Limits of guessing. Both count every try, right or wrong; a right one forgets
// those of its address.
var (
	perEmail = throttle.Rate{Tries: 10, In: 10 * time.Minute}
	perIP    = throttle.Rate{Tries: 40, In: 10 * time.Minute}
)

// maxEmail is how long an address can be, in bytes (RFC 5321).
const maxEmail = 254

// errWrong is the one answer to a wrong address, a wrong password and a disabled
// operator: nobody learns which addresses exist.
var errWrong = fault.New(fault.Unauthenticated, "signin.wrong")

// Entry is somebody who has proved who they are. Epoch goes into the session:
// see store.Operator.
type Entry struct {
	Person staff.Person
	Epoch  int
}

// SignIn checks an address and a password. The work is the same for an unknown
// address as for a known one. Faults: unauthenticated "signin.wrong";
// rate_limited "signin.too_many" with Retry.After; unavailable.
func (s *SignIn) SignIn(ctx context.Context, email, password, ip string) (Entry, error) {
	email = strings.TrimSpace(email)
	if len(email) > maxEmail || !utf8.ValidString(email) || strings.ContainsRune(email, 0) {
		email = "" // nobody's; the rest goes its way
	}
	if err := s.guess(ctx, email, ip); err != nil {
		return Entry{}, err
	}
	o, err := s.store.Reader().OperatorByEmail(ctx, email)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Entry{}, err
	}
	known := err == nil
	hash := s.hasher.dummy
	if known {
		hash = o.PasswordHash
	}
	right, err := s.hasher.matches(ctx, password, hash)
	if err != nil {
		return Entry{}, err
	}
	if !known || !right || o.Disabled {
		return Entry{}, s.refused(ctx, email, ip, o, right)
	}
	return s.accepted(ctx, email, password, ip, o)
}

// guess counts a try for the address and for where it comes from.
func (s *SignIn) guess(ctx context.Context, email, ip string) error {
	wait := s.limit.Allow(ctx, "ip:"+throttle.Network(ip), perIP)
	if wait == 0 {
		wait = s.limit.Allow(ctx, s.emailKey(email), perEmail)
	}
	if wait > 0 {
		minutes := int((wait + time.Minute - 1) / time.Minute)
		return fault.New(fault.RateLimited, "signin.too_many", "minutes", strconv.Itoa(minutes)).RetryAfter(wait)
	}
	return nil
}

// emailKey keeps addresses out of Redis.
func (s *SignIn) emailKey(email string) string {
	return "email:" + hex.EncodeToString(s.store.Keys().Index(strings.ToLower(email)+" "))
}

func (s *SignIn) refused(ctx context.Context, email, ip string, o *store.Operator, right bool) error {
	entry := staff.Audit{Actor: "unknown", Action: "signin.failed", IP: ip,
		Detail: map[string]string{"email": store.MaskEmail(email), "reason": "unknown address"}}
	if o != nil {
		entry.Actor, entry.Target = actorName(o.Email), operatorTarget(o.ID)
		entry.Detail = map[string]string{"reason": "wrong password"}
		if right {
			entry.Detail["reason"] = "disabled"
		}
	}
	if err := s.audit(ctx, entry); err != nil {
		return err
	}
	s.log.WarnContext(ctx, "sign-in refused", "ip", ip, "reason", entry.Detail["reason"])
	return errWrong
}

func (s *SignIn) accepted(ctx context.Context, email, password, ip string, o *store.Operator) (Entry, error) {
	fresh, err := s.hasher.renew(ctx, password, o.PasswordHash)
	if err != nil {
		return Entry{}, err
	}
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.TouchLogin(ctx, o.ID); err != nil {
			return err
		}
		if fresh != "" {
			if err := tx.RenewPasswordHash(ctx, o.ID, o.PasswordHash, fresh); err != nil {
				return err
			}
		}
		return tx.Audit(ctx, staff.Audit{Actor: actorName(o.Email), Action: "signin.succeeded", Target: operatorTarget(o.ID), IP: ip})
	})
	if err != nil {
		return Entry{}, err
	}
	s.limit.Forget(ctx, s.emailKey(email))
	return Entry{Person: o.Person, Epoch: o.Epoch}, nil
}

func (s *SignIn) audit(ctx context.Context, a staff.Audit) error {
	return s.store.Write(ctx, func(tx *store.Tx) error { return tx.Audit(ctx, a) })
}

// Find loads the operator behind a session. ok is false when the session must
// end: the operator is gone or disabled, or has changed the password since.
func (s *SignIn) Find(ctx context.Context, id int64, epoch int) (person staff.Person, ok bool, err error) {
	o, err := s.store.Reader().OperatorByID(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return staff.Person{}, false, nil
	}
	if err != nil {
		return staff.Person{}, false, err
	}
	return o.Person, !o.Disabled && o.Epoch == epoch, nil
}

// Token proves an API token. Fault: unauthenticated "token.invalid".
func (s *SignIn) Token(ctx context.Context, plain string) (store.Token, error) {
	return s.store.UseToken(ctx, plain)
}

// SignedOut records that somebody has left.
func (s *SignIn) SignedOut(ctx context.Context, actor staff.Actor, id int64) error {
	return s.audit(ctx, staff.Audit{Actor: actor.Name, Action: "signin.ended", Target: operatorTarget(id), IP: actor.IP})
}

func actorName(email string) string { return "operator:" + email }

func operatorTarget(id int64) string { return "operator/" + strconv.FormatInt(id, 10) }
