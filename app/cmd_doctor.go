package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"koodesk/app/deliver/email"
	"koodesk/app/i18n"
	"koodesk/app/redisconn"
	"koodesk/app/store"
)

// checkup is one line of the doctor's report.
type checkup struct {
	name   string
	status string // ok, warn, fail
	text   string
}

const (
	fine    = "ok"
	warning = "warn"
	broken  = "fail"
)

func doctor(ctx context.Context, c *cli, args []string) error {
	f := c.flags("doctor", "check settings, database, Redis, clock, mail and reachability; with --channel the production address")
	var o checkFlags
	o.register(f)
	if err := f.parse(args); err != nil {
		return err
	}
	if o.channel != "" {
		return c.checkChannel(ctx, f, o)
	}
	for name := range f.given() {
		return f.bad("--%s goes with --channel", name)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	bad := false
	for _, look := range []func(context.Context, *cli) []checkup{checkDatabase, checkRedis, checkMail, checkSMS, checkReach} {
		for _, r := range look(ctx, c) {
			fmt.Fprintf(c.stdout, "%-5s %-10s %s\n", r.status, r.name, r.text)
			bad = bad || r.status == broken
		}
	}
	if bad {
		return errFailed
	}
	return nil
}

func failed(name string, err error) []checkup {
	return []checkup{{name, broken, sentence(i18n.For(i18n.En).FaultOf(err))}}
}

func checkDatabase(ctx context.Context, c *cli) []checkup {
	s, err := c.open(ctx)
	if err != nil {
		return failed("database", err)
	}
	defer s.Close()
	h, err := s.Health(ctx)
	if err != nil {
		return failed("database", err)
	}
	out := append([]checkup{{"database", fine, "PostgreSQL " + h.Version}}, checkDurability(h)...)
	if err := migrated(ctx, s); err != nil {
		return append(out, failed("migrations", err)...)
	}
	out = append(out, checkup{"migrations", fine, "up to date"})
	skew := time.Since(h.Now).Abs()
	if skew > 5*time.Second {
		out = append(out, checkup{"clock", broken, fmt.Sprintf("this machine and the database differ by %s; set both by NTP (calls more than 60 s off are refused)", skew.Round(time.Second))})
	} else {
		out = append(out, checkup{"clock", fine, "agrees with the database"})
	}
	return append(out, checkChannels(ctx, s)...)
}

// checkDurability finds nothing where what was acknowledged is on the disk.
func checkDurability(h store.Health) []checkup {
	if h.SynchronousCommit != "off" && h.Fsync == "on" {
		return nil
	}
	return []checkup{{"durability", broken, fmt.Sprintf("fsync is %s and synchronous_commit is %s: what was acknowledged may be lost; set both to on", h.Fsync, h.SynchronousCommit)}}
}

// checkChannels looks whether every channel can prove calls and ask for orders,
// and whether SECRET_KEY opens what is stored.
func checkChannels(ctx context.Context, s *store.Store) []checkup {
	rows, err := s.Reader().Channels(ctx)
	if err != nil {
		return failed("channels", err)
	}
	if len(rows) == 0 {
		return []checkup{{"channels", warning, "there is none yet: koodesk channel set --slug NAME --site cn --basic-key -"}}
	}
	var out []checkup
	for _, row := range rows {
		ch, err := s.Reader().ChannelBySlug(ctx, row.Slug)
		if err != nil {
			out = append(out, failed("channel", err)...)
			continue
		}
		var lacks []string
		if len(ch.KeysOf("basic", time.Now())) == 0 {
			lacks = append(lacks, "no basic key (--basic-key): every call is refused")
		}
		if ch.AK == "" || ch.SK == "" {
			lacks = append(lacks, "no AK/SK (--ak, --sk): orders cannot be queried")
		}
		if len(lacks) > 0 {
			out = append(out, checkup{"channel", warning, ch.Slug + ": " + strings.Join(lacks, "; ")})
			continue
		}
		out = append(out, checkup{"channel", fine, ch.Slug})
	}
	return out
}

func checkRedis(ctx context.Context, c *cli) []checkup {
	r, err := redisconn.Open(c.config.RedisURL)
	if err != nil {
		return failed("redis", err)
	}
	defer r.Close()
	if err := r.Ping(ctx).Err(); err != nil {
		return []checkup{{"redis", broken, "does not answer: " + err.Error() + "; check REDIS_URL"}}
	}
	out := []checkup{{"redis", fine, "answers"}}
	policy, err := r.ConfigGet(ctx, "maxmemory-policy").Result()
	if err == nil && policy["maxmemory-policy"] != "" && policy["maxmemory-policy"] != "noeviction" {
		out = append(out, checkup{"redis", warning, "maxmemory-policy is " + policy["maxmemory-policy"] + "; set it to noeviction, or work waits for the sweeper"})
	}
	return out
}

func checkMail(ctx context.Context, c *cli) []checkup {
	if c.config.SMTPURL == "" {
		return []checkup{{"mail", warning, "SMTP_URL is not set: mails are rendered and kept, but never leave the machine"}}
	}
	o, err := c.mail()
	if err != nil {
		return []checkup{{"mail", broken, err.Error()}}
	}
	m := email.New(o)
	defer m.Close()
	if err := m.Check(ctx); err != nil {
		return failed("mail", err)
	}
	out := []checkup{{"mail", fine, "the server takes our login and our sender"}}
	if o.Bounce == "" {
		out = append(out, checkup{"mail", warning, "MAIL_BOUNCE is not set: nobody hears of mails that come back; docs/mail.md"})
	}
	return out
}

// checkReach asks for PUBLIC_URL as anybody outside would.
func checkReach(ctx context.Context, c *cli) []checkup {
	url := c.config.PublicURL.String() + "/healthz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return []checkup{{"public", broken, err.Error()}}
	}
	res, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		return []checkup{{"public", warning, "PUBLIC_URL does not answer from here: " + err.Error()}}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return []checkup{{"public", warning, fmt.Sprintf("%s answers %s", url, res.Status)}}
	}
	if c.config.PublicURL.Scheme != "https" {
		return []checkup{{"public", warning, "answers, but KooGallery demands https with a trusted certificate"}}
	}
	return []checkup{{"public", fine, "answers"}}
}
