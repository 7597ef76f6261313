package api

import (
	"bytes"
	_ "embed"

	"github.com/gofiber/fiber/v2"
)

//go:embed openapi.json
var document []byte

// OpenAPI answers GET /openapi.json with the description of the API (OpenAPI
// 3.1), which a test keeps true.
func (a *API) OpenAPI(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	c.Set(fiber.HeaderCacheControl, "public, max-age=300")
	return c.Send(document)
}

// Document is the description, for tests and for whoever wants to write it into
// a file.
func Document() []byte { return bytes.Clone(document) }
