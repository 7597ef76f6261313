package signin

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"net/mail"
	"strconv"
	"strings"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Bounds of a password, in characters.
const (
	MinPassword = 12
	maxPassword = 200
)

// CheckPassword tells whether a password may be used by the operator with this
// address. Faults: invalid "password.too_short" (min), "password.too_long"
// (max), "password.is_email", "password.unreadable".
func CheckPassword(password, email string) error {
	if !utf8.ValidString(password) || strings.ContainsRune(password, 0) {
		return fault.New(fault.Invalid, "password.unreadable")
	}
	switch n := utf8.RuneCountInString(password); {
	case n < MinPassword:
		return fault.New(fault.Invalid, "password.too_short", "min", strconv.Itoa(MinPassword))
	case n > maxPassword:
		return fault.New(fault.Invalid, "password.too_long", "max", strconv.Itoa(maxPassword))
	}
	if strings.EqualFold(strings.TrimSpace(password), strings.TrimSpace(email)) {
		return fault.New(fault.Invalid, "password.is_email")
	}
	return nil
}

// ChangePassword gives an operator a new password of their own and ends every
// other session; the session that goes on must carry the epoch. Faults: invalid
// "password.wrong_current", "password.same" and those of CheckPassword;
// rate_limited "signin.too_many".
func (s *SignIn) ChangePassword(ctx context.Context, id int64, current, next, ip string) (epoch int, err error) {
	o, err := s.store.Reader().OperatorByID(ctx, id)
	if err != nil {
		return 0, err
	}
	if err := s.guess(ctx, o.Email, ip); err != nil {
		return 0, err
	}
	right, err := s.hasher.matches(ctx, current, o.PasswordHash)
	if err != nil {
		return 0, err
	}
	if !right {
		err := s.audit(ctx, staff.Audit{Actor: actorName(o.Email), Action: "password.refused", Target: operatorTarget(id), IP: ip})
		if err != nil {
			return 0, err
		}
		return 0, fault.New(fault.Invalid, "password.wrong_current")
	}
	s.limit.Forget(ctx, s.emailKey(o.Email))
	if next == current {
		return 0, fault.New(fault.Invalid, "password.same")
	}
	return s.setPassword(ctx, o, next, false, staff.Actor{Name: actorName(o.Email), IP: ip})
}

func (s *SignIn) setPassword(ctx context.Context, o *store.Operator, next string, mustChange bool, by staff.Actor) (epoch int, err error) {
	if err := CheckPassword(next, o.Email); err != nil {
		return 0, err
	}
	hash, err := s.hasher.hash(ctx, next)
	if err != nil {
		return 0, err
	}
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		if epoch, err = tx.SetPassword(ctx, o.ID, hash, mustChange); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "password.changed", Target: operatorTarget(o.ID), IP: by.IP})
	})
	return epoch, err
}

// NewOperator is somebody who is to get a login.
type NewOperator struct {
	Email    string
	Role     staff.Role
	Password string      // "" makes a one-time password
	Locale   i18n.Locale // "" is the default
}

// Added is the operator that was made. OneTime is the password to hand over, ""
// when one was given; it must be changed at the first sign-in.
type Added struct {
	ID      int64
	Email   string
	OneTime string
}

// AddOperator makes an operator. Faults: invalid "operator.bad_email",
// "operator.bad_role", "operator.bad_locale" and those of CheckPassword;
// conflict "operator.exists".
func (s *SignIn) AddOperator(ctx context.Context, n NewOperator, by staff.Actor) (Added, error) {
	n.Email = strings.TrimSpace(n.Email)
	if n.Locale == "" {
		n.Locale = i18n.Default
	}
	if err := n.check(); err != nil {
		return Added{}, err
	}
	out := Added{Email: n.Email}
	if n.Password == "" {
		var err error
		if out.OneTime, err = randomPassword(); err != nil {
			return Added{}, err
		}
		n.Password = out.OneTime
	}
	if err := CheckPassword(n.Password, n.Email); err != nil {
		return Added{}, err
	}
	hash, err := s.hasher.hash(ctx, n.Password)
	if err != nil {
		return Added{}, err
	}
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		out.ID, err = tx.AddOperator(ctx, store.NewOperator{Email: n.Email, PasswordHash: hash, Role: n.Role, Locale: string(n.Locale),
			MustChange: out.OneTime != ""})
		if err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "operator.added", Target: operatorTarget(out.ID), IP: by.IP,
			Detail: map[string]string{"email": n.Email, "role": string(n.Role)}})
	})
	if err != nil {
		return Added{}, err
	}
	return out, nil
}

func (n NewOperator) check() error {
	a, err := mail.ParseAddress(n.Email)
	if err != nil || a.Address != n.Email || len(n.Email) > maxEmail {
		return fault.New(fault.Invalid, "operator.bad_email")
	}
	if !n.Role.Valid() {
		return fault.New(fault.Invalid, "operator.bad_role", "role", string(n.Role))
	}
	if !n.Locale.Valid() {
		return fault.New(fault.Invalid, "operator.bad_locale", "locale", string(n.Locale))
	}
	return nil
}

// ResetPassword gives an operator who forgot theirs a one-time password and ends
// their sessions. Fault: not_found "operator.unknown".
func (s *SignIn) ResetPassword(ctx context.Context, email string, by staff.Actor) (oneTime string, err error) {
	o, err := s.store.Reader().OperatorByEmail(ctx, strings.TrimSpace(email))
	if err != nil {
		return "", err
	}
	if oneTime, err = randomPassword(); err != nil {
		return "", err
	}
	if _, err := s.setPassword(ctx, o, oneTime, true, by); err != nil {
		return "", err
	}
	s.limit.Forget(ctx, s.emailKey(o.Email))
	return oneTime, nil
}

// GivePassword gives an operator a known password, as somebody at the machine's
// command line may, and ends their sessions. Faults: not_found
// "operator.unknown" and those of CheckPassword.
func (s *SignIn) GivePassword(ctx context.Context, email, password string, by staff.Actor) error {
	o, err := s.store.Reader().OperatorByEmail(ctx, strings.TrimSpace(email))
	if err != nil {
		return err
	}
	if _, err := s.setPassword(ctx, o, password, false, by); err != nil {
		return err
	}
	s.limit.Forget(ctx, s.emailKey(o.Email))
	return nil
}

// Disable keeps an operator from logging in and ends their sessions. Fault:
// not_found "operator.unknown".
func (s *SignIn) Disable(ctx context.Context, email string, by staff.Actor) error {
	o, err := s.store.Reader().OperatorByEmail(ctx, strings.TrimSpace(email))
	if err != nil {
		return err
	}
	return s.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.DisableOperator(ctx, o.ID); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "operator.disabled", Target: operatorTarget(o.ID), IP: by.IP})
	})
}

// SetLocale keeps the language that an operator chose. Fault: invalid
// "operator.bad_locale".
func (s *SignIn) SetLocale(ctx context.Context, id int64, l i18n.Locale) error {
	if !l.Valid() {
		return fault.New(fault.Invalid, "operator.bad_locale", "locale", string(l))
	}
	return s.store.Write(ctx, func(tx *store.Tx) error { return tx.SetLocale(ctx, id, string(l)) })
}

// CreateToken makes an API token and gives it, this once. Faults: invalid
// "token.bad_name", "operator.bad_role".
func (s *SignIn) CreateToken(ctx context.Context, name string, role staff.Role, by staff.Actor) (plain string, err error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > 80 || strings.ContainsFunc(name, unprintable) {
		return "", fault.New(fault.Invalid, "token.bad_name")
	}
	if !role.Valid() {
		return "", fault.New(fault.Invalid, "operator.bad_role", "role", string(role))
	}
	err = s.store.Write(ctx, func(tx *store.Tx) error {
		var id int64
		if plain, id, err = tx.CreateToken(ctx, name, role); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "token.created", Target: tokenTarget(id), IP: by.IP,
			Detail: map[string]string{"name": name, "role": string(role)}})
	})
	if err != nil {
		return "", err
	}
	return plain, nil
}

// RevokeToken ends an API token for good. Fault: not_found "token.unknown".
func (s *SignIn) RevokeToken(ctx context.Context, id int64, by staff.Actor) error {
	return s.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.RevokeToken(ctx, id); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "token.revoked", Target: tokenTarget(id), IP: by.IP})
	})
}

func tokenTarget(id int64) string { return "token/" + strconv.FormatInt(id, 10) }

func unprintable(r rune) bool { return r < 0x20 || r == 0x7f || r == utf8.RuneError }

// randomPassword makes a password of 120 random bits that can be read out on the
// phone: groups of four letters and digits.
func randomPassword() (string, error) {
	var b [15]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fault.Wrap(err, fault.Internal, "internal")
	}
	s := strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
	var groups []string
	for i := 0; i < len(s); i += 4 {
		groups = append(groups, s[i:i+4])
	}
	return strings.Join(groups, "-"), nil
}
