package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/intake"
)

// Looker tells what the marketplace would see of an instance now.
type Looker interface {
	Seen(ctx context.Context, instanceID string) (intake.Seen, error)
}

type seen struct {
	InstanceID string      `json:"instance_id"`
	Protocol   string      `json:"protocol"`
	ResultCode string      `json:"result_code"`
	Answer     string      `json:"answer"`
	Fields     []seenField `json:"fields"`
}

type seenField struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Length  int    `json:"length"`
	Limit   *int   `json:"limit"`
	TooLong bool   `json:"too_long"`
}

// Seen answers GET /instances/{instance_id}/seen.
func (a *API) Seen(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	instanceID := part(c, "instance_id")
	got, err := a.o.Seen.Seen(c.UserContext(), instanceID)
	if err != nil {
		return a.Problem(c, err)
	}
	out := seen{InstanceID: instanceID, Protocol: string(got.Protocol), ResultCode: string(got.Code), Answer: got.Body, Fields: []seenField{}}
	for _, f := range got.Fields {
		one := seenField{Name: f.Name, Value: f.Value, Length: f.Length, TooLong: f.TooLong()}
		if f.Limit > 0 {
			one.Limit = &f.Limit
		}
		out.Fields = append(out.Fields, one)
	}
	return answer(c, fiber.StatusOK, out)
}
