package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"
)

// A database is made from the template once and then goes from test to test,
// emptied in between: making one costs a hundred times as much, and dropping one
// a checkpoint of the whole server. Which is whose is said by advisory locks on
// the server's own database, so that test processes do not meet, and a killed one
// gives its databases back.

// most is how many databases tests use at the same time, over all processes.
const most = 200

// desk is this process's connection to the server's own database, which holds
// its locks.
type desk struct {
	sync.Mutex
	conn     *sql.Conn
	server   *url.URL
	template string
	mine     []int64         // the numbers that it has; a session may take its own lock again
	known    map[int]*sql.DB // one connection to each database that it has had, which knows its tables by now
}

var theDesk = sync.OnceValues(func() (*desk, error) {
	name, err := template()
	if err != nil {
		return nil, err
	}
	server, err := Server()
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("postgres", server.String())
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(context.Background())
	return &desk{conn: conn, server: server, template: name, known: map[int]*sql.DB{}}, err
})

// class is the first half of the advisory locks of this schema's databases.
func (d *desk) class() int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(d.template))
	return int32(h.Sum32()) //nolint:gosec // a hash
}

func (d *desk) database(n int) string {
	return fmt.Sprintf("koodesk_test_%s_%d", strings.TrimPrefix(d.template, templates), n)
}

// take reserves a number that nobody has, one that this process knows if it can.
func (d *desk) take(ctx context.Context) (n int, err error) {
	d.Lock()
	defer d.Unlock()
	known := make([]int64, 0, len(d.known))
	for n := range d.known {
		known = append(known, int64(n))
	}
	err = d.conn.QueryRowContext(ctx, `
SELECT n
  FROM (SELECT unnest($4::int[]) AS n UNION ALL SELECT generate_series(1, $2)) AS numbers
 WHERE CASE WHEN n = ANY($3) THEN false ELSE pg_try_advisory_lock($1, n) END
 LIMIT 1`, d.class(), most, pq.Array(d.mine), pq.Array(known)).Scan(&n)
	if err == nil {
		d.mine = append(d.mine, int64(n))
	}
	return n, err
}

func (d *desk) giveBack(ctx context.Context, n int) error {
	d.Lock()
	defer d.Unlock()
	d.mine = slices.DeleteFunc(d.mine, func(m int64) bool { return m == int64(n) })
	_, err := d.conn.ExecContext(ctx, `SELECT pg_advisory_unlock($1, $2)`, d.class(), n)
	return err
}

// URL gives the test an empty, migrated database of its own and returns its
// address. What other tests left in PostgreSQL's statistics and in the files of
// its tables may still be there: a test of plans takes Fresh.
func URL(t testing.TB) string {
	t.Helper()
	d, err := theDesk()
	require.NoError(t, err, "the test database's template")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	n, err := d.take(ctx)
	require.NoError(t, err, "all %d databases are in use", most)
	t.Cleanup(func() { require.NoError(t, d.giveBack(context.Background(), n)) })
	name := d.database(n)
	emptied, err := empty(ctx, d.connection(n), lot.of(with(d.server, name)))
	require.NoError(t, err)
	if !emptied {
		require.NoError(t, d.create(ctx, name))
		// A test that kills processes does not kill PostgreSQL: nobody waits for the disk.
		require.NoError(t, d.exec(ctx, name, note, `ALTER DATABASE `+pq.QuoteIdentifier(name)+` SET synchronous_commit = off`))
	}
	return with(d.server, name)
}

// connection is this process's own to a database of the pool.
func (d *desk) connection(n int) *sql.DB {
	d.Lock()
	defer d.Unlock()
	if d.known[n] == nil {
		db, err := sql.Open("postgres", with(d.server, d.database(n)))
		if err != nil {
			panic(err) // the address was good a moment ago
		}
		db.SetMaxOpenConns(1)
		d.known[n] = db
	}
	return d.known[n]
}

// create makes a database anew.
func (d *desk) create(ctx context.Context, name string) error {
	quoted := pq.QuoteIdentifier(name)
	return d.exec(ctx, d.server.Path, `DROP DATABASE IF EXISTS `+quoted+` WITH (FORCE)`,
		`CREATE DATABASE `+quoted+` TEMPLATE `+pq.QuoteIdentifier(d.template))
}

// exec runs statements in a database, each by itself.
func (d *desk) exec(ctx context.Context, database string, statements ...string) error {
	db, err := sql.Open("postgres", with(d.server, strings.TrimPrefix(database, "/")))
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// empty puts a database that has been used into the state of a new one. It says
// no where there is none, or none that is still the template's likeness: a test
// changed its schema, or left its files big. Backends other than the ones that wait
// for the next store are ended.
func empty(ctx context.Context, db *sql.DB, waiting []int64) (bool, error) {
	var alike bool
	err := db.QueryRowContext(ctx, likeness).Scan(&alike)
	var e *pq.Error
	if errors.As(err, &e) && e.Code.Name() == "invalid_catalog_name" {
		return false, nil
	}
	if err != nil || !alike {
		return false, err
	}
	if _, err = db.ExecContext(ctx, end, pq.Array(waiting)); err != nil {
		return false, err
	}
	_, err = db.ExecContext(ctx, wipe)
	return err == nil, err
}

// schema is what a changed schema shows itself by: also by the names of its
// partitions, whose number stays the same when months come and go.
const schema = `
(SELECT concat_ws(' ',
        (SELECT md5(string_agg(relname, ' ' ORDER BY relname)) FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'i', 'I', 'S', 'v')),
        (SELECT count(*) FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0),
        (SELECT count(*) FROM pg_attribute WHERE attrelid >= 16384 AND attisdropped), -- a test that fails between down and up
        (SELECT count(*) FROM pg_constraint WHERE oid >= 16384),
        (SELECT count(*) FROM pg_trigger WHERE oid >= 16384),
        (SELECT count(*) FROM pg_proc WHERE oid >= 16384),
        (SELECT count(*) FROM pg_namespace WHERE oid >= 16384)))`

// note writes the schema of a new database where no test changes it.
const note = `
DO $$ BEGIN
    EXECUTE format('COMMENT ON DATABASE %I IS %L', current_database(), ` + schema + `);
END $$`

const likeness = `
SELECT pg_database_size(current_database()) < 48 << 20
   AND current_setting('is_superuser') = 'on'
   AND COALESCE(shobj_description((SELECT oid FROM pg_database WHERE datname = current_database()), 'pg_database'), '') = ` + schema

const end = `
SELECT pg_terminate_backend(pid)
  FROM pg_stat_activity
 WHERE datname = current_database()
   AND pid <> pg_backend_pid()
   AND pid <> ALL($1)
   AND backend_type = 'client backend'`

// wipe empties what the migrations leave empty and begins every sequence anew,
// without triggers and foreign keys. Most tables no test has ever written to.
const wipe = `
DO $$
DECLARE
    name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'goose_db_version' AND pg_relation_size(oid) > 0 LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
    PERFORM setval(s.seqrelid::regclass, s.seqstart, false)
       FROM pg_sequence s
      WHERE pg_sequence_last_value(s.seqrelid) IS NOT NULL
        AND s.seqrelid::regclass::text NOT LIKE 'goose%';
END
$$`
