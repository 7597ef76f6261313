// Package config reads the program's settings from the environment (and an .env
// file beside the program's working directory) into one typed Config, from one
// table of options. It reports every fault at once and knows no other package.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/joho/godotenv"
)

// Config is every setting of the program, checked.
type Config struct {
	DatabaseURL    string
	RedisURL       string
	Addr           string
	MetricsAddr    string // "" switches the metrics listener off
	PublicURL      *url.URL
	SecretKey      []byte
	SecretKeyOld   [][]byte
	SMTPURL        string // "" means that no mail leaves the machine
	MailFrom       string
	MailBounce     string // "" means that mails come back to MailFrom
	MailDedupes    bool
	MailWait       time.Duration
	SMS            SMS
	TZDisplay      *time.Location
	TZCustomers    *time.Location
	LogFormat      string
	LogLevel       slog.Level
	TrustedProxies []netip.Prefix
	WebhookAllow   WebhookAllow
	Workers        int
	MaxConns       int
	Retain         Retain
}

// SMS says how short messages leave. What a driver makes of the texts is its own
// business.
type SMS struct {
	Driver    string
	URL       string
	Key       string
	Secret    string
	Auth      string
	Sender    string
	Signature string
	Country   string
	Templates string
	PushKeys  map[string]string // AK to SK
}

// WebhookAllow says where webhooks may go beyond the public internet.
type WebhookAllow struct {
	All   bool
	Nets  []netip.Prefix
	Hosts []string // in lower case
}

// Option is one line of the table: everything that is said of a setting, here
// and in the example file and the documentation.
type Option struct {
	Name    string
	Default string
	Secret  bool
	Example string
	Help    string // one or two lines, for the example file and the README
	parse   func(c *Config, value string) error
}

// Options is the table, in the order in which people should read it.
func Options() []Option {
	return []Option{
		{Name: "DATABASE_URL", Secret: true, Example: "postgres://koodesk:password@127.0.0.1:5432/koodesk?sslmode=verify-full",
			Help: "PostgreSQL, as a URL; say sslmode explicitly. Connections have `jit` off unless it names `jit`. Required.", parse: parseDatabase},
		{Name: "REDIS_URL", Secret: true, Example: "redis://:password@127.0.0.1:6379/0",
			Help:  "Redis: redis://, rediss:// or unix://; a cluster as redis+cluster://host:port?addr=host2:port, sentinels as redis+sentinel://host:port?addr=host2:port&master_name=NAME. Required.",
			parse: parseRedis},
		{Name: "SECRET_KEY", Secret: true, Example: "(32 bytes in base64)",
			Help:  "Encrypts credentials and personal data at rest: 32 bytes in base64, made by `openssl rand -base64 32`. Required. Keep it: without it the stored secrets cannot be read.",
			parse: parseKey},
		{Name: "SECRET_KEY_OLD", Secret: true, Example: "",
			Help: "Earlier values of SECRET_KEY, separated by commas, while a rotation is under way.", parse: parseOldKeys},
		{Name: "ADDR", Default: "127.0.0.1:8080", Help: "Where the web part listens.",
			parse: func(c *Config, v string) error { c.Addr = v; return checkAddr(v) }},
		{Name: "METRICS_ADDR", Default: "127.0.0.1:9464", Help: "Where Prometheus metrics are served, apart from the public listener; `off` switches them off.",
			parse: parseMetrics},
		{Name: "PUBLIC_URL", Default: "http://127.0.0.1:8080", Example: "https://koodesk.example.com",
			Help: "The address at which KooGallery and people reach the program. With https, cookies are marked Secure.", parse: parsePublic},
		{Name: "SMTP_URL", Secret: true, Example: "smtp://user:password@smtp.example.com:587?starttls=required",
			Help:  "Mail server: smtp:// with starttls=required (default), opportunistic or never, or smtps://. Empty: mails are rendered and kept, but never leave the machine.",
			parse: func(c *Config, v string) error { c.SMTPURL = v; return nil }},
		{Name: "MAIL_FROM", Default: "Koodesk <no-reply@localhost>", Example: "Example Cloud <service@example.com>",
			Help: "Sender of the mails to customers and of alerts.", parse: func(c *Config, v string) error { c.MailFrom = v; return nil }},
		{Name: "MAIL_BOUNCE", Example: "bounce@notify.example.com",
			Help:  "Where mails to customers come back to, each at an address of its own (bounce+…@notify.example.com), so that Koodesk knows which one bounced. Empty: they come back to MAIL_FROM, and nobody reads them. See docs/mail.md.",
			parse: func(c *Config, v string) error { c.MailBounce = v; return nil }},
		{Name: "MAIL_DEDUPES", Default: "no",
			Help:  "`yes` if whoever takes the mails shows those with the same Message-ID once. Then a mail whose hand-over ended without an answer is handed over again; otherwise it waits for a person, as “outcome unknown”. See docs/mail.md.",
			parse: func(c *Config, v string) (err error) { c.MailDedupes, err = yesNo(v); return err }},
		{Name: "MAIL_WAIT_SECONDS", Default: "600", Help: "How long the mail server may take to confirm a mail that it was given whole (30 to 600).", parse: parseMailWait},
		{Name: "SMS_DRIVER", Default: "log", Help: "How SMS leave: `huawei` (Huawei Cloud Message & SMS), `webhook` (a gateway of your own, signed), or `log`, which renders, keeps and logs them, and sends nothing. See docs/sms.md.", parse: parseSMS},
		{Name: "SMS_URL", Example: "https://smsapi.cn-north-4.myhuaweicloud.com:443",
			Help: "huawei: the application access address. webhook: the gateway's address.", parse: func(c *Config, v string) error { c.SMS.URL = v; return nil }},
		{Name: "SMS_KEY", Help: "huawei: the Application Key.", parse: func(c *Config, v string) error { c.SMS.Key = v; return nil }},
		{Name: "SMS_SECRET", Secret: true, Help: "huawei: the Application Secret. webhook: the secret that signs, both ways (whsec_ and base64, or 24 characters and more).",
			parse: func(c *Config, v string) error { c.SMS.Secret = v; return nil }},
		{Name: "SMS_AUTH", Default: "aksk", Help: "huawei: how calls are signed, `aksk` or `wsse`.", parse: parseSMSAuth},
		{Name: "SMS_SENDER", Example: "8824110605***", Help: "huawei: the channel number of the signature.", parse: parseSMSSender},
		{Name: "SMS_SIGNATURE", Help: "huawei: the name of the signature; only general templates need it.", parse: func(c *Config, v string) error { c.SMS.Signature = v; return nil }},
		{Name: "SMS_TEMPLATES", Example: "usage_info.zh-CN=8ff55eac1d0b478ab3c06c3c6a492300(product_name,user_name,password)",
			Help: "huawei: the approved templates by kind and language, separated by blanks, each with the variables that fill it in order; `@NUMBER` behind the id is a channel number of its own.", parse: func(c *Config, v string) error { c.SMS.Templates = v; return nil }},
		{Name: "SMS_COUNTRY", Default: "86", Help: "Country code put before numbers that have none.", parse: parseSMSCountry},
		{Name: "SMS_PUSH_KEYS", Secret: true, Example: "AK:SK",
			Help: "huawei: the push AK/SK that sign status reports, as AK:SK, several separated by commas while one is replaced. Empty: reports are proved by their secret address alone.", parse: parseSMSPush},
		{Name: "TZ_DISPLAY", Default: "Asia/Shanghai", Help: "Time zone of the console, the calendar, charts and alerts' quiet hours (IANA name). Stored times are UTC.",
			parse: func(c *Config, v string) (err error) { c.TZDisplay, err = zone(v); return err }},
		{Name: "TZ_CUSTOMERS", Default: "Asia/Shanghai", Help: "Time zone of customers who have none of their own: times and days in messages, when notices go, quiet hours (IANA name).",
			parse: func(c *Config, v string) (err error) { c.TZCustomers, err = zone(v); return err }},
		{Name: "LOG_FORMAT", Default: "text", Help: "`text` or `json`.", parse: parseLogFormat},
		{Name: "LOG_LEVEL", Default: "info", Help: "`debug`, `info`, `warn` or `error`.",
			parse: func(c *Config, v string) error { return c.LogLevel.UnmarshalText([]byte(v)) }},
		{Name: "TRUSTED_PROXIES", Example: "10.0.0.0/8,127.0.0.1",
			Help: "Addresses or networks of reverse proxies whose X-Forwarded-For is believed.", parse: parseProxies},
		{Name: "WEBHOOK_ALLOW_PRIVATE", Example: "10.20.0.0/16,tenants.internal",
			Help:  "Addresses, networks and host names that are not on the public internet and that webhooks may be sent to all the same, or `all`; only they may be plain http. A cloud's metadata addresses must be named themselves.",
			parse: parseWebhookAllow},
		{Name: "WORKERS", Default: "10", Help: "Tasks that one process works on at the same time; beside them half as many mails, other messages, notices by mail, and other notices each, so that 10 mean 30 at once.",
			parse: func(c *Config, v string) (err error) { c.Workers, err = number(v, 1, 500); return err }},
		{Name: "DB_MAX_CONNS", Default: "16", Help: "Connections to PostgreSQL that one process keeps.",
			parse: func(c *Config, v string) (err error) { c.MaxConns, err = number(v, 2, 500); return err }},
		retainOption("RETAIN_PAYLOADS", "180", "Days for which what was called and answered is kept word by word; 0: for ever. The same holds for the other RETAIN_ settings; docs/retention.md says what goes and what stays.", 1, func(c *Config) *int { return &c.Retain.Payloads }),
		retainOption("RETAIN_ATTEMPTS", "730", "Days for which every arrival of a call and every try of a task is kept (35 or more).", 35, func(c *Config) *int { return &c.Retain.Attempts }),
		retainOption("RETAIN_REJECTED", "90", "Days for which calls are kept that could not be proved to be KooGallery's.", 1, func(c *Config) *int { return &c.Retain.Rejected }),
		retainOption("RETAIN_DELIVERIES", "365", "Days for which the texts of messages to customers are kept.", 1, func(c *Config) *int { return &c.Retain.Deliveries }),
		retainOption("RETAIN_EVENTS", "180", "Days for which the payloads of events for the seller's own systems are kept.", 1, func(c *Config) *int { return &c.Retain.Events }),
		retainOption("RETAIN_ALERTS", "365", "Days for which alerts that are over are kept, and who was told.", 1, func(c *Config) *int { return &c.Retain.Alerts }),
		retainOption("RETAIN_PERSONAL_DAYS", "180", "Days after which personal data and access data are erased: of an instance or an authorization code since its release, of an order that no instance came from since its end; 0: never.", 1, func(c *Config) *int { return &c.Retain.Personal }),
	}
}

// Faults is every fault of a configuration, one per line, each naming its
// variable and what to do.
type Faults []error

func (f Faults) Error() string { return errors.Join(f...).Error() }

// Load reads file (if it exists) and the environment, which wins, and checks
// everything. The error is Faults.
func Load(file string) (Config, error) {
	values, err := readFile(file)
	if err != nil {
		return Config{}, Faults{err}
	}
	return Parse(func(name string) (string, bool) {
		if v, ok := os.LookupEnv(name); ok {
			return v, true
		}
		v, ok := values[name]
		return v, ok
	})
}

func readFile(file string) (map[string]string, error) {
	values, err := godotenv.Read(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be read as NAME=value lines: %w", file, err)
	}
	return values, nil
}

// Parse checks the settings that lookup gives; an empty value counts as absent.
func Parse(lookup func(string) (string, bool)) (Config, error) {
	var c Config
	var faults Faults
	for _, o := range Options() {
		v, _ := lookup(o.Name)
		v = strings.TrimSpace(v)
		if v == "" {
			v = o.Default
		}
		if err := o.parse(&c, v); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", o.Name, err))
		}
	}
	faults = append(faults, c.SMS.check()...)
	if len(faults) > 0 {
		return Config{}, faults
	}
	return c, nil
}
