package callback

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas1"
)

// DialectV1 is SaaS V1.0, and License 1.0 in its form, as intake needs it.
type DialectV1 struct{}

// Protocols are those whose calls are signed queries.
func (DialectV1) Protocols() []market.Protocol { return []market.Protocol{market.V1, market.LicenseV1} }

// Encode writes an answer that has nothing to encrypt.
func (DialectV1) Encode(activity string, a market.Answer) []byte {
	return saas1.Encode(activity, a, saas1.Cipher{})
}

// EncodeSealed writes an answer whose user name and password are encrypted.
func (DialectV1) EncodeSealed(activity string, a market.Answer, key string, encryptType int) []byte {
	return saas1.Encode(activity, a, saas1.Cipher{Secret: key, Type: crypt.EncryptType(encryptType)})
}

// Decode reads a stored call, which is its query string.
func (DialectV1) Decode(query []byte) (market.Call, error) {
	q, err := saas1.ParseQuery(string(query))
	if err != nil {
		return market.Call{Protocol: market.V1, Terms: &market.Terms{}}, err
	}
	return saas1.Decode(q)
}

// Message is what the caller is told of a refusal.
func (DialectV1) Message(err error) string { return saas1.Message(err) }

// answerV1 proves, reads and hands over a call of V1.0. The key that proved it
// is the one to encrypt and sign with.
func (h *Handler) answerV1(ctx context.Context, c *fiber.Ctx, k *call) ([]byte, market.ResultCode, error) {
	q, parseErr := saas1.ParseQuery(k.arrived.Request.Query)
	var readErr error
	k.arrived.Call, readErr = saas1.Decode(q)
	proof, err := proveV1(c, k, q, parseErr)
	if err != nil {
		return h.reject(ctx, c, k, err)
	}
	k.proof.KeyID, k.arrived.Key = proof.KeyID, proof.Secret
	h.o.Metrics.CallbackProofs.WithLabelValues("authToken").Inc()
	unreadable := saas1.Reveal(&k.arrived.Call, proof.Secret, crypt.EncryptType(k.channel.EncryptType))
	if len(unreadable) > 0 {
		h.o.Log.WarnContext(ctx, "the buyer's data could not be decrypted; the customer cannot be told by it",
			"channel", k.channel.Slug, "order", k.arrived.Call.OrderID, "fields", strings.Join(unreadable, ", "))
	}
	return h.take(ctx, c, k, readErr)
}

func proveV1(c *fiber.Ctx, k *call, q saas1.Query, parseErr error) (saas1.Proof, error) {
	if c.Method() != fiber.MethodGet {
		return saas1.Proof{}, fault.New(fault.Unauthenticated, "call.method", "method", c.Method())
	}
	if parseErr != nil {
		return saas1.Proof{}, parseErr
	}
	var keys []saas1.Key
	for _, key := range k.channel.KeysOf(k.class(), k.arrived.ReceivedAt) {
		keys = append(keys, saas1.Key{ID: key.ID, Secret: key.Secret})
	}
	return saas1.Verify(keys, q)
}
