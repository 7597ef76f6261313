package callback

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/diagnose"
	"koodesk/app/protocol/saas1"
	"koodesk/app/protocol/saas2"
)

// Headers that carry the proof of the joint-operations kit (pages CN 0070649156,
// 0070649476).
const (
	headerToken     = "authToken"
	headerSign      = "x-sign"
	headerTimestamp = "x-timestamp"
	headerNonce     = "x-nonce"
)

// errKit refuses the kit's calls whether they are authentic or not: the kit is
// not spoken, and the caller gets the same answer either way.
var errKit = fault.New(fault.Unauthenticated, "call.kit_unsupported")

// kitMessage is what the caller reads.
const kitMessage = "the joint-operations kit is not supported"

// answerKit logs a call of the kit and says in its form that it is not
// supported. Below produceAPI there is nothing but the five interfaces, told apart by the
// last part of the address.
func (h *Handler) answerKit(ctx context.Context, c *fiber.Ctx, k *call) ([]byte, market.ResultCode, error) {
	_, below, ok := strings.Cut(c.Path(), "/produceAPI/")
	name := strings.TrimPrefix(below, "v2/")
	if ok && !slices.Contains(market.KitActivities(), name) {
		return nil, "", fiber.ErrNotFound
	}
	k.arrived.Call = readKit(k.arrived.Request.Body)
	if slices.Contains(market.KitActivities(), name) {
		k.arrived.Call.Activity = name
	}
	k.arrived.Call.Protocol = market.KitV1
	if k.form == diagnose.KitV2 {
		k.arrived.Call.Protocol = market.KitV2
	}
	return h.reject(ctx, c, k, errKit)
}

// readKit takes from a body what the log is searched by.
func readKit(body []byte) market.Call {
	var b struct {
		InstanceID string `json:"instanceId"`
		OrderID    string `json:"orderId"`
		TestFlag   any    `json:"testFlag"`
	}
	_ = json.Unmarshal(body, &b) // what cannot be read stays empty
	call := market.Call{OrderID: b.OrderID, Test: b.TestFlag == "1" || b.TestFlag == 1.0}
	if b.InstanceID != "" {
		call.InstanceIDs = []string{b.InstanceID}
	}
	return call
}

// refusal is the answer to a call that could not be proved, in the form of the
// generation that it belongs to or resembles.
func (k *call) refusal(cause error) ([]byte, market.ResultCode) {
	switch k.form {
	case diagnose.V1:
		code := saas1.RefusalCode(cause)
		return saas1.Encode("", market.Answer{Code: code, Msg: saas1.Message(cause)}, saas1.Cipher{}), code
	case diagnose.KitV1, diagnose.KitV2:
		return saas2.Encode("", market.Answer{Code: market.OtherError, Msg: kitMessage}), market.OtherError
	}
	code := saas2.RefusalCode(cause)
	return saas2.Encode("", market.Answer{Code: code, Msg: saas2.Message(cause)}), code
}
