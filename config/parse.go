package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Parsers never put a secret value into their error.

func parseDatabase(c *Config, v string) error {
	if v == "" {
		return errors.New("is missing; give a PostgreSQL URL, such as postgres://user:password@host:5432/koodesk?sslmode=verify-full")
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("is not a URL that begins with postgres://")
	}
	c.DatabaseURL = v
	return nil
}

func parseRedis(c *Config, v string) error {
	if v == "" {
		return errors.New("is missing; give a Redis URL, such as redis://127.0.0.1:6379/0")
	}
	scheme, _, ok := strings.Cut(v, "://")
	if !ok || !slices.Contains([]string{"redis", "rediss", "unix", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel"}, scheme) {
		return errors.New("is not a URL that begins with redis://, rediss://, unix://, redis+cluster:// or redis+sentinel://")
	}
	c.RedisURL = v
	return nil
}

const keySize = 32

func decodeKey(v string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(v)
	if err != nil {
		b, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(v, "="))
	}
	if err != nil {
		return nil, errors.New("is not base64; make one with: openssl rand -base64 32")
	}
	if len(b) != keySize {
		return nil, fmt.Errorf("holds %d bytes, not %d; make one with: openssl rand -base64 32", len(b), keySize)
	}
	return b, nil
}

func parseKey(c *Config, v string) (err error) {
	if v == "" {
		return errors.New("is missing; make one with: openssl rand -base64 32")
	}
	c.SecretKey, err = decodeKey(v)
	return err
}

func parseOldKeys(c *Config, v string) error {
	for i, part := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' }) {
		k, err := decodeKey(strings.TrimSpace(part))
		if err != nil {
			return fmt.Errorf("value %d %w", i+1, err)
		}
		c.SecretKeyOld = append(c.SecretKeyOld, k)
	}
	return nil
}

func checkAddr(v string) error {
	_, port, err := net.SplitHostPort(v)
	if err != nil {
		return fmt.Errorf("%q is not host:port, such as 127.0.0.1:8080", v)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q has no port between 0 and 65535", v)
	}
	return nil
}

func parseMetrics(c *Config, v string) error {
	if v == "off" {
		return nil
	}
	c.MetricsAddr = v
	return checkAddr(v)
}

func parsePublic(c *Config, v string) error {
	u, err := url.Parse(strings.TrimRight(v, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not an address such as https://koodesk.example.com", v)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%q must have neither user, query nor fragment", v)
	}
	c.PublicURL = u
	return nil
}

func yesNo(v string) (bool, error) {
	if v != "yes" && v != "no" {
		return false, fmt.Errorf("%q is neither yes nor no", v)
	}
	return v == "yes", nil
}

func parseMailWait(c *Config, v string) error {
	n, err := number(v, 30, 600)
	c.MailWait = time.Duration(n) * time.Second
	return err
}

func zone(v string) (*time.Location, error) {
	l, err := time.LoadLocation(v)
	if err != nil || v == "Local" {
		return nil, fmt.Errorf("%q is not an IANA time zone such as Asia/Shanghai", v)
	}
	return l, nil
}

func parseLogFormat(c *Config, v string) error {
	if v != "text" && v != "json" {
		return fmt.Errorf("%q is neither text nor json", v)
	}
	c.LogFormat = v
	return nil
}

func parseProxies(c *Config, v string) error {
	for _, part := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		if p, err := netip.ParsePrefix(part); err == nil {
			c.TrustedProxies = append(c.TrustedProxies, p)
			continue
		}
		a, err := netip.ParseAddr(part)
		if err != nil {
			return fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", part)
		}
		c.TrustedProxies = append(c.TrustedProxies, netip.PrefixFrom(a, a.BitLen()))
	}
	return nil
}

func parseWebhookAllow(c *Config, v string) error {
	for _, part := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		part = strings.ToLower(part)
		if part == "all" {
			c.WebhookAllow.All = true
		} else if p, err := netip.ParsePrefix(part); err == nil {
			c.WebhookAllow.Nets = append(c.WebhookAllow.Nets, p.Masked())
		} else if a, err := netip.ParseAddr(part); err == nil {
			a = a.Unmap().WithZone("")
			c.WebhookAllow.Nets = append(c.WebhookAllow.Nets, netip.PrefixFrom(a, a.BitLen()))
		} else if strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789.-") == "" && strings.ContainsFunc(part, func(r rune) bool { return r >= 'a' && r <= 'z' }) {
			c.WebhookAllow.Hosts = append(c.WebhookAllow.Hosts, part)
		} else {
			return fmt.Errorf("%q is neither an address, a network such as 10.0.0.0/8, a host name without port, nor all", part)
		}
	}
	return nil
}

func number(v string, low, high int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q is not a number from %d to %d", v, low, high)
	}
	return n, nil
}
