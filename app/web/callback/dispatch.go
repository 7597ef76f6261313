package callback

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/protocol/diagnose"
)

// traits are what a call shows of how it is signed, before anything is proved.
type traits struct {
	method    string
	kit       string // the part of the address below the channel's: "produceAPI/v2/tenantSync"; "" is none
	token     bool   // query has authToken
	signature bool   // query has signature
	xToken    bool   // header authToken
	xSign     bool   // header x-sign
}

// form is a generation by how its calls are proved, and in what form they are
// answered.
type form = diagnose.Generation

// The row that fits first decides whose checks a call has to pass and in what
// form it is answered. The lower half is calls that fit none: they are taken for
// what they resemble, and refused in its form.
var dispatch = [...]struct {
	fits func(t traits) bool
	form form
}{
	{func(t traits) bool { return strings.HasPrefix(t.kit, "produceAPI/v2/") }, diagnose.KitV2},
	{func(t traits) bool { return t.kit != "" }, diagnose.KitV1},
	{func(t traits) bool { return t.method == fiber.MethodPost && t.signature && !t.token }, diagnose.V2}, // V2.0, License, codes, order notice: by activity
	{func(t traits) bool { return t.method == fiber.MethodGet && t.token && !t.signature }, diagnose.V1},  // V1.0, License 1.0: by activity
	{func(t traits) bool { return t.method == fiber.MethodPost && t.xSign }, diagnose.KitV2},
	{func(t traits) bool { return t.method == fiber.MethodPost && t.xToken }, diagnose.KitV1},

	{func(t traits) bool { return t.token && !t.signature }, diagnose.V1},     // V1.0 by another method
	{func(t traits) bool { return t.signature && !t.token }, diagnose.V2},     // V2.0 by another method
	{func(t traits) bool { return t.method == fiber.MethodGet }, diagnose.V1}, // a GET with both proofs, or none
	{func(traits) bool { return true }, diagnose.V2},                          // anything else
}

// formOf is the generation that a call belongs to, or resembles.
func formOf(t traits) form {
	for _, row := range dispatch {
		if row.fits(t) {
			return row.form
		}
	}
	return diagnose.V2
}

func traitsOf(c *fiber.Ctx, query string) traits {
	_, kit, below := strings.Cut(c.Path(), "/produceAPI/")
	if below {
		kit = "produceAPI/" + kit
	}
	return traits{method: c.Method(), kit: kit, token: carries(query, "authToken"), signature: carries(query, "signature"),
		xToken: c.Get(headerToken) != "", xSign: c.Get(headerSign) != ""}
}

func carries(query, name string) bool {
	return strings.HasPrefix(query, name+"=") || strings.Contains(query, "&"+name+"=")
}
