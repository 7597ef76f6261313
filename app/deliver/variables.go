package deliver

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// variables are the values of a message by the names that services and people
// know, for a service that has the text itself.
func (u *usage) variables() map[string]string {
	return map[string]string{"seller": u.Seller, "customer_name": u.CustomerName, "product_name": u.ProductName, "instance_id": u.InstanceID,
		"order_id": u.OrderID, "front_end_url": u.FrontEndURL, "admin_url": u.AdminURL, "user_name": u.UserName, "password": u.Password,
		"memo": u.Memo, "expires_at": u.ExpiresAt, "days": strconv.Itoa(u.Days)}
}

// VariableNames lists what a template of a service may use.
func VariableNames() []string { return slices.Sorted(maps.Keys(new(usage).variables())) }

// brief writes a time for a service with texts of its own: Huawei's takes at most
// 20 characters in a variable, so that the zone stays unsaid.
func brief(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format("2006-01-02 15:04")
}

func formatID(id int64) string { return strconv.FormatInt(id, 10) }
