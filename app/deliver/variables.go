package deliver

import (
	"maps"
	"slices"
	"strconv"
)

// variables are the values of a message by the names that services and people
// know, for a service that has the text itself.
func (u *usage) variables() map[string]string {
	return map[string]string{"seller": u.Seller, "customer_name": u.CustomerName, "product_name": u.ProductName, "instance_id": u.InstanceID,
		"order_id": u.OrderID, "front_end_url": u.FrontEndURL, "admin_url": u.AdminURL, "user_name": u.UserName, "password": u.Password, "password_url": u.PasswordURL,
		"memo": u.Memo, "expires_at": u.ExpiresAt, "days": strconv.Itoa(u.Days)}
}

// VariableNames lists what a template of a service may use.
func VariableNames() []string { return slices.Sorted(maps.Keys(new(usage).variables())) }

func formatID(id int64) string { return strconv.FormatInt(id, 10) }
