package market

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// IdempotencyKey names the logical call: two arrivals with the same key are the
// same interface message. The parts are escaped, so that no id can forge a
// separator. businessId changes on every request and is never part of it.
//
// The scene is part of a renewal's key because the EU site sends a cancelled
// renewal with the order id of the renewal itself (page EU 000011).
func (c Call) IdempotencyKey() string {
	switch c.Protocol {
	case V1:
		return c.keyV1()
	case License, LicenseCode, LicenseV1, OrderNotice:
		return c.keyOther()
	}
	switch c.Activity {
	case NewInstance, UpgradeInstance:
		return key(c.Activity, c.OrderID, c.OrderLineID)
	case RefreshInstance:
		return key(c.Activity, c.InstanceID(), string(c.Scene), c.OrderID, c.OrderLineID)
	case UpdateInstanceStatus:
		return key(c.Activity, c.InstanceID(), c.Target)
	case QueryInstance:
		if len(c.InstanceIDs) > 1 {
			return key(c.Activity, digest(joined(c.InstanceIDs)))
		}
		return key(c.Activity, c.InstanceID())
	case ChangeInstanceCheck:
		return key(c.Activity, c.InstanceID(), hex.EncodeToString(c.ContentHash))
	default:
		return key(c.Activity, c.InstanceID())
	}
}

// IdempotencyKeys are the keys by which the call's message may be known, the present
// one first: a question is known by its content, whose hash was another before.
func (c Call) IdempotencyKeys() []string {
	keys := []string{c.IdempotencyKey()}
	if c.Activity == ChangeInstanceCheck && c.SpelledHash != nil {
		c.ContentHash = c.SpelledHash
		keys = append(keys, c.IdempotencyKey())
	}
	return keys
}

// InvalidKey names an authentic call that could not be understood, by its
// content: the same wrong call again is the same message.
func InvalidKey(activity string, content []byte) string {
	return key("invalid", activity, digest(string(content)))
}

// Misunderstood tells whether an idempotency key is one that InvalidKey gave.
func Misunderstood(idemKey string) bool { return strings.HasPrefix(idemKey, "invalid/") }

// RejectedKey names calls that could not be proved authentic: the same claim
// refused for the same reason is one message, so that a flood stays few rows.
func RejectedKey(reason, activity, orderID, orderLineID, instanceID string) string {
	return key("rejected", reason, digest(strings.Join([]string{activity, orderID, orderLineID, instanceID}, "\x00")))
}

// Fleeting tells whether a field of a call may differ between arrivals of one
// message, and is no content of it: the proof and the business id, new on every
// request (CN 0070649427); testFlag, which says how and not what; what V1.0
// encrypts with a new IV each time; and the expiry of a purchase, which is asked
// for again whenever the buyer looks at the resource, a mere estimate in the
// tables' words.
func Fleeting(activity, name string) bool {
	switch name {
	case "businessId", "testFlag", "authToken", "timeStamp", "mobilePhone", "email":
		return true
	case "expireTime":
		return activity == NewInstance || activity == GetLicense
	}
	return false
}

func joined(ids []string) string { return strings.Join(ids, ",") }

func key(parts ...string) string {
	for i, p := range parts {
		parts[i] = url.QueryEscape(p)
	}
	return strings.Join(parts, "/")
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// keyOther is the key of what is neither SaaS generation: a License by the
// transaction that asks for it and its device (page CN 0070649255); a code's
// renewal by code, scene and order, its status by target, its release by code; an
// order notice by order and line; License 1.0 by order (CN 0000001353181669),
// its renewal by instance and order, the rest by instance.
func (c Call) keyOther() string {
	p := string(c.Protocol)
	switch c.Activity {
	case GetLicenseAsync:
		return key(p, c.Activity, c.EventID, digest(c.DeviceFingerprint))
	case RefreshLicenseCode:
		return key(p, c.Activity, c.License, string(c.Scene), c.OrderID, c.OrderLineID)
	case UpdateLicenseCodeStatus:
		return key(p, c.Activity, c.License, c.Target)
	case ReleaseLicenseCode:
		return key(p, c.Activity, c.License)
	case OrderNotify:
		return key(p, c.Activity, c.OrderID, c.OrderLineID)
	case GetLicense:
		return key(p, c.Activity, c.OrderID)
	case RefreshLicense:
		return key(p, c.Activity, c.InstanceID(), c.OrderID)
	}
	return key(p, c.Activity, c.InstanceID())
}
