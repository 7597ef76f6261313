package i18n

import (
	"strings"

	"koodesk/app/fault"
)

// elsewhere are the steps, by the kind of task, at which a family's faults are
// somebody else's trouble than usual, and where the remedies for it stand: the webhook
// that an SMS leaves by is the gateway's and not a product's.
var elsewhere = map[string]map[string]string{
	"deliver": {"webhook": "sms_gateway"},
	"notice":  {"webhook": "sms_gateway"},
	"event":   {"webhook": "receiver"},
	"alert":   {"webhook": "alert_webhook", "mail": "alert_mail", "sms": "alert_sms", "delivery": "alert_delivery"},
}

// alike are the families that ask KooGallery's open APIs, whose faults are mended in the
// same way whatever was asked.
var alike = map[string]string{"order_query": "open_api", "license_api": "open_api", "license_upload": "open_api", "license_code": "open_api"}

// likewise are the reasons, of whichever family, that are mended as another one is.
var likewise = map[string]string{
	"gone": "bad_url", "plain_http": "bad_url", "redirect": "bad_url",
	"timeout": "unreachable", "connection_lost": "unreachable",
	"unknown_code": "system_error", "other_order": "system_error", "other_code": "system_error",
	"bad_answer": "bad_address", "redirected": "bad_address", "illegal_token": "credentials_refused",
	"line_missing": "no_order", "unconfigured": "supplier_unknown",
	"apply_denied": "apply_invalid", "license_ends_early": "license_needs_expiry",
}

// Remedy is how a fault that ended a step (kind of task, activity of a message) is put
// right, step by step: by what stands for it at this step, in its family or for what is
// alike, each for the fault itself, for one that is mended likewise, or for any of them.
// "" where nothing does.
func (z *Localizer) Remedy(step string, r *fault.Record) string {
	if r == nil {
		return ""
	}
	family, reason, _ := strings.Cut(r.Key, ".")
	for _, room := range []string{elsewhere[step][family], family, alike[family]} {
		for _, name := range []string{reason, likewise[reason], "any"} {
			if key := "remedy." + room + "." + name; z.Has(key) {
				return z.T(key)
			}
		}
	}
	return ""
}
