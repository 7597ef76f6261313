package main

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/lib/pq"

	"koodesk/app/seal"
)

// database is made for this run, on the server that DATABASE_URL names.
type database struct {
	*sql.DB
	admin *sql.DB
	name  string
	url   string
}

const databasePrefix = "koodesk_bench_"

func createDatabase(ctx context.Context, server string) (*database, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, errors.New("DATABASE_URL cannot be read") // the parser's text may quote the password
	}
	d := &database{name: databasePrefix + hex.EncodeToString(random(6))}
	if d.admin, err = sql.Open("postgres", server); err != nil {
		return nil, err
	}
	d.sweep(ctx)
	if _, err := d.admin.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(d.name)); err != nil {
		return nil, errors.Join(fmt.Errorf("a database for the benchmark cannot be made: %w", err), d.admin.Close())
	}
	u.Path = "/" + d.name
	d.url = u.String()
	d.DB, err = sql.Open("postgres", d.url)
	return d, err
}

// sweep drops what killed runs left behind; one that is in use stays.
func (d *database) sweep(ctx context.Context) {
	rows, err := d.admin.QueryContext(ctx, `
SELECT datname
  FROM pg_database
 WHERE starts_with(datname, $1)`, databasePrefix)
	if err != nil {
		return
	}
	defer rows.Close()
	var left []string
	for rows.Next() {
		var name string
		if rows.Scan(&name) != nil {
			return
		}
		left = append(left, name)
	}
	if rows.Err() != nil {
		return
	}
	for _, name := range left {
		_, _ = d.admin.ExecContext(ctx, `DROP DATABASE `+pq.QuoteIdentifier(name))
	}
}

func (d *database) drop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var errs []error
	if d.DB != nil {
		errs = append(errs, d.DB.Close())
	}
	_, err := d.admin.ExecContext(ctx, `DROP DATABASE IF EXISTS `+pq.QuoteIdentifier(d.name)+` WITH (FORCE)`)
	return errors.Join(append(errs, err, d.admin.Close())...)
}

// environment gives PostgreSQL's own programs the database without showing the
// password on a command line.
func (d *database) environment() ([]string, error) {
	u, err := url.Parse(d.url)
	if err != nil {
		return nil, err
	}
	env := []string{"PGDATABASE=" + d.name}
	set := func(name, value string) {
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	set("PGHOST", u.Hostname())
	set("PGPORT", u.Port())
	password, _ := u.User.Password()
	set("PGUSER", u.User.Username())
	set("PGPASSWORD", password)
	for name, values := range u.Query() {
		switch name {
		case "host", "port", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey":
			set("PG"+strings.ToUpper(name), values[0])
		}
	}
	return env, nil
}

// setting reads one of the server's own.
func (d *database) setting(ctx context.Context, name string) (string, error) {
	var v string
	err := d.QueryRowContext(ctx, `SELECT current_setting($1)`, name).Scan(&v)
	return v, err
}

// activate makes instances usable as the provisioning would, with sealed
// passwords.
func (d *database) activate(ctx context.Context, lines []purchase, secret []byte) error {
	keys, err := seal.New(secret)
	if err != nil {
		return err
	}
	for _, p := range lines {
		app := accessOf(p.instance)
		_, err := d.ExecContext(ctx, `
UPDATE instances
   SET status = 'active',
       provisioned_at = now(),
       access_version = 1,
       front_end_url = $2,
       user_name = $3,
       password_sealed = $4
 WHERE instance_id = $1`, p.instance, app.FrontEndURL, app.UserName, keys.SealString(seal.Access, app.Password))
		if err != nil {
			return err
		}
	}
	return nil
}
