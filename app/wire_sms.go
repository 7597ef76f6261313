package main

import (
	"context"
	"fmt"
	"log/slog"

	"koodesk/app/alert"
	"koodesk/app/deliver"
	"koodesk/app/deliver/sms"
	"koodesk/app/deliver/sms/huawei"
	gateway "koodesk/app/deliver/sms/webhook"
	"koodesk/app/seal"
	"koodesk/app/web/receipts"
	"koodesk/app/webhook"
	"koodesk/config"
)

// sms makes the sender that SMS_DRIVER names. The error is config.Faults.
func (c *cli) sms(client *webhook.Client, keys *seal.Keyring, log *slog.Logger) (deliver.Sender, error) {
	s := c.config.SMS
	switch s.Driver {
	case config.SMSHuawei:
		templates, err := huawei.ParseTemplates(s.Templates, append(deliver.VariableNames(), alert.VariableNames()...))
		if err != nil {
			return nil, config.Faults{fmt.Errorf("SMS_TEMPLATES: %w", err)}
		}
		if err := huawei.CheckURL(s.URL); err != nil {
			return nil, config.Faults{fmt.Errorf("SMS_URL: %w", err)}
		}
		return huawei.New(huawei.Options{URL: s.URL, Key: s.Key, Secret: s.Secret, Auth: s.Auth, Sender: s.Sender, Signature: s.Signature,
			Country: s.Country, Templates: templates, Callback: receipts.URL(c.config.PublicURL.String(), keys, deliver.SMS), PushKeys: s.PushKeys}), nil
	case config.SMSWebhook:
		if err := webhook.CheckSecret(s.Secret); err != nil {
			return nil, config.Faults{fmt.Errorf("SMS_SECRET: cannot sign; use whsec_ and the base64 of 24 to 64 bytes, or 24 to 256 characters without blanks")}
		}
		if err := client.Allow().CheckURL(s.URL); err != nil {
			return nil, config.Faults{fmt.Errorf("SMS_URL: is not https, or leads into a private network that WEBHOOK_ALLOW_PRIVATE does not list")}
		}
		return gateway.New(gateway.Options{URL: s.URL, Secret: s.Secret, Callback: receipts.URL(c.config.PublicURL.String(), keys, deliver.SMS), Client: client}), nil
	}
	return sms.Log{Log: log}, nil
}

// checkSMS looks at the settings, and whether the service can be reached.
func checkSMS(ctx context.Context, c *cli) []checkup {
	if c.config.SMS.Driver == config.SMSLog {
		return []checkup{{"sms", warning, "SMS_DRIVER=log: customers without an e-mail address hear nothing; their SMS are kept and logged"}}
	}
	keys, err := seal.New(c.config.SecretKey, c.config.SecretKeyOld...)
	if err != nil {
		return failed("sms", err)
	}
	client := webhook.NewClient(webhook.Options{Allow: c.allow()})
	defer client.Close()
	s, err := c.sms(client, keys, slog.New(slog.DiscardHandler))
	if err != nil {
		return []checkup{{"sms", broken, err.Error()}}
	}
	h, ok := s.(*huawei.Sender)
	if !ok {
		return []checkup{{"sms", fine, "SMS go to the gateway at " + webhook.Shown(c.config.SMS.URL) + "; it was not called"}}
	}
	defer h.Close()
	if err := h.Check(ctx); err != nil {
		return failed("sms", err)
	}
	out := []checkup{{"sms", fine, "Huawei Cloud Message & SMS answers; whether it takes the key shows with the first SMS"}}
	if len(c.config.SMS.PushKeys) == 0 {
		out = append(out, checkup{"sms", warning, "SMS_PUSH_KEYS is empty: status reports are proved by their secret address alone; switch push authentication on in the service's console"})
	}
	return out
}
