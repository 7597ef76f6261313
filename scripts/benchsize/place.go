package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/lib/pq"

	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/store"
	"koodesk/migrations"
)

//go:embed sql
var scripts embed.FS

func script(name string) string {
	b, err := scripts.ReadFile("sql/" + name + ".sql")
	if err != nil { // part of this program
		panic(err)
	}
	return string(b)
}

// kind is what a database is full of.
type kind struct {
	table string
	seed  func(ctx context.Context, c *sql.Conn, s *store.Store, rows int) error
}

var (
	instances = kind{"instances", seedInstances}
	messages  = kind{"messages", seedMessages}
)

// place is one database.
type place struct {
	*store.Store
	name  string
	rows  int
	admin *sql.DB
}

// open makes and fills a database, or takes the one that was kept.
func open(ctx context.Context, o settings, k kind, rows int) (*place, error) {
	u, err := url.Parse(o.databaseURL)
	if err != nil {
		return nil, errors.New("DATABASE_URL cannot be read") // the parser's text may quote the password
	}
	p := &place{name: fmt.Sprintf("koodesk_size_%s_%d", k.table, rows), rows: rows}
	if p.admin, err = sql.Open("postgres", u.String()); err != nil {
		return nil, err
	}
	var there bool
	if err := p.admin.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, p.name).Scan(&there); err != nil {
		return p, err
	}
	if there && !o.keep {
		if err := p.drop(ctx); err != nil {
			return p, err
		}
		there = false
	}
	if !there {
		if _, err := p.admin.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(p.name)); err != nil {
			return p, err
		}
	}
	u.Path = "/" + p.name
	key := sha256.Sum256([]byte("a benchmark has no secrets")) // the same each time: databases can be kept
	keys, err := seal.New(key[:])
	if err != nil {
		return p, err
	}
	if p.Store, err = store.Open(ctx, u.String(), keys, store.Options{MaxConns: 4}); err != nil {
		return p, err
	}
	if _, err := migrations.Up(ctx, p.SQL()); err != nil {
		return p, err
	}
	if err := p.Prepare(ctx); err != nil || there {
		return p, err
	}
	return p, p.fill(ctx, k)
}

// fill writes the rows before the table's indexes, which is several times as
// fast, and leaves the table as autovacuum would.
func (p *place) fill(ctx context.Context, k kind) error {
	began := time.Now()
	site := market.SiteCN
	if err := p.Write(ctx, func(tx *store.Tx) error {
		for _, slug := range []string{"most", "small", "mid"} {
			if _, _, err := tx.SetChannel(ctx, store.ChannelChange{Slug: slug, Site: &site}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	c, err := p.SQL().Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, set := range []string{`SET synchronous_commit = off`, `SET maintenance_work_mem = '512MB'`} {
		if _, err := c.ExecContext(ctx, set); err != nil {
			return err
		}
	}
	indexes, err := dropIndexes(ctx, c, k.table)
	if err != nil {
		return err
	}
	if err := k.seed(ctx, c, p.Store, p.rows); err != nil {
		return err
	}
	filled := time.Since(began)
	for _, statement := range append(indexes, `VACUUM (ANALYZE)`, `CHECKPOINT`) {
		if _, err := c.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	var size string
	if err := c.QueryRowContext(ctx, `SELECT pg_size_pretty(pg_database_size(current_database()))`).Scan(&size); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %d rows in %v, indexes in %v, %s\n", p.name, p.rows, filled.Round(time.Second), (time.Since(began) - filled).Round(time.Second), size)
	return nil
}

// dropIndexes drops the indexes that no constraint needs and gives the statements
// that make them again.
func dropIndexes(ctx context.Context, c *sql.Conn, table string) (again []string, err error) {
	rows, err := c.QueryContext(ctx, `
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
  FROM pg_index i
 WHERE i.indrelid = $1::regclass
   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)`, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			return nil, err
		}
		names, again = append(names, name), append(again, definition)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(names) == 0 {
		return again, err
	}
	_, err = c.ExecContext(ctx, `DROP INDEX `+strings.Join(names, ", "))
	return again, err
}

func seedInstances(ctx context.Context, c *sql.Conn, s *store.Store, rows int) error {
	k := s.Keys()
	customer := func(plain string) []byte { return k.SealString(seal.Customer, plain) }
	if _, err := c.ExecContext(ctx, `INSERT INTO products (channel_id, product_id, driver) VALUES (1, '*', 'static'), (2, '*', 'static'), (3, '*', 'static')`); err != nil {
		return err
	}
	_, err := c.ExecContext(ctx, script("instances"), rows, customer("王小明"), customer("wang@example.com"), customer("+8613800000000"),
		customer(`{"orderInfo":"`+strings.Repeat("x", 600)+`"}`))
	return err
}

func seedMessages(ctx context.Context, c *sql.Conn, _ *store.Store, rows int) error {
	if _, err := c.ExecContext(ctx, script("groups"), 1000); err != nil {
		return err
	}
	_, err := c.ExecContext(ctx, script("messages"), rows)
	return err
}

func (p *place) drop(ctx context.Context) error {
	_, err := p.admin.ExecContext(ctx, `DROP DATABASE IF EXISTS `+pq.QuoteIdentifier(p.name)+` WITH (FORCE)`)
	return err
}

func (p *place) close(keep bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var errs []error
	if p.Store != nil {
		errs = append(errs, p.Store.Close())
	}
	if !keep {
		errs = append(errs, p.drop(ctx))
	}
	return errors.Join(append(errs, p.admin.Close())...)
}
