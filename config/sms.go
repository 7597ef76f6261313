package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Drivers of SMS_DRIVER.
const (
	SMSLog     = "log"
	SMSHuawei  = "huawei"
	SMSWebhook = "webhook"
)

func parseSMS(c *Config, v string) error {
	switch v {
	case SMSLog, SMSHuawei, SMSWebhook:
		c.SMS.Driver = v
		return nil
	}
	return fmt.Errorf("%q is not a known driver; there are huawei, webhook and log", v)
}

func parseSMSAuth(c *Config, v string) error {
	if v != "aksk" && v != "wsse" {
		return fmt.Errorf("%q is neither aksk nor wsse", v)
	}
	c.SMS.Auth = v
	return nil
}

func parseSMSSender(c *Config, v string) error {
	if len(v) > 21 {
		return errors.New("is longer than 21 characters, the most a channel number has")
	}
	c.SMS.Sender = v
	return nil
}

func parseSMSCountry(c *Config, v string) error {
	v = strings.TrimPrefix(v, "+")
	if len(v) < 1 || len(v) > 3 || strings.Trim(v, "0123456789") != "" || v[0] == '0' {
		return fmt.Errorf("%q is no country code such as 86", v)
	}
	c.SMS.Country = v
	return nil
}

func parseSMSPush(c *Config, v string) error {
	c.SMS.PushKeys = map[string]string{}
	for i, pair := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		ak, sk, ok := strings.Cut(pair, ":")
		if !ok || ak == "" || sk == "" {
			return fmt.Errorf("value %d is not AK:SK", i+1)
		}
		c.SMS.PushKeys[ak] = sk
	}
	return nil
}

// check tells what the chosen driver lacks, one fault for each variable. It
// never tells a value that is secret.
func (s SMS) check() (faults Faults) {
	lacks := func(name, value, why string) {
		if value == "" {
			faults = append(faults, fmt.Errorf("%s: is missing; SMS_DRIVER=%s needs %s", name, s.Driver, why))
		}
	}
	switch s.Driver {
	case SMSHuawei:
		lacks("SMS_URL", s.URL, "the application access address from the service's console")
		lacks("SMS_KEY", s.Key, "the Application Key")
		lacks("SMS_SECRET", s.Secret, "the Application Secret")
		lacks("SMS_SENDER", s.Sender, "the channel number of the signature")
		lacks("SMS_TEMPLATES", s.Templates, "an approved template for each kind and language")
	case SMSWebhook:
		lacks("SMS_URL", s.URL, "the gateway's address")
		lacks("SMS_SECRET", s.Secret, "a secret to sign with; make one with: openssl rand -base64 32")
	default:
		return nil
	}
	if u, err := url.Parse(s.URL); s.URL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "") {
		faults = append(faults, errors.New("SMS_URL: is not an address such as https://smsapi.cn-north-4.myhuaweicloud.com:443"))
	}
	return faults
}
