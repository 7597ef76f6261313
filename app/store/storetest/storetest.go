// Package storetest gives each test its own migrated PostgreSQL database on the
// server that DATABASE_URL names. It is for tests only.
package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/store"
	"koodesk/migrations"
)

// lockTemplate is the advisory lock under which one process builds the template.
const lockTemplate = 0x6b6f6f64

var template = sync.OnceValues(buildTemplate)

// Server is the URL of the server that tests use; without one a test cannot
// run, which is an error and not a reason to pass it over.
func Server() (*url.URL, error) {
	raw := os.Getenv("DATABASE_URL")
	if raw == "" {
		return nil, fmt.Errorf("DATABASE_URL is not set: run `make test`, or export what `make -s services` prints")
	}
	return url.Parse(raw)
}

func with(u *url.URL, database string) string {
	c := *u
	c.Path = "/" + database
	return c.String()
}

// templates is how the name of every template begins.
const templates = "koodesk_template_"

// templateName names the template after the migrations' content, so that a changed
// migration builds a new one.
func templateName() (string, error) {
	h := sha256.New()
	if err := migrations.Fingerprint(h); err != nil {
		return "", err
	}
	_, _ = h.Write([]byte(time.Now().UTC().Format("2006-01"))) // migrations make partitions of the months to come
	return templates + hex.EncodeToString(h.Sum(nil))[:12], nil
}

func buildTemplate() (string, error) {
	server, err := Server()
	if err != nil {
		return "", err
	}
	name, err := templateName()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := sql.Open("postgres", server.String())
	if err != nil {
		return "", err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, lockTemplate); err != nil {
		return "", err
	}
	defer func() { _, _ = conn.ExecContext(context.Background(), `SELECT pg_advisory_unlock($1)`, lockTemplate) }()
	var there bool
	if err := conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)`, name).Scan(&there); err != nil || there {
		return name, err
	}
	return name, migrateTemplate(ctx, conn, with(server, name), name)
}

func migrateTemplate(ctx context.Context, conn *sql.Conn, dsn, name string) error {
	if _, err := conn.ExecContext(ctx, `DROP DATABASE IF EXISTS `+pq.QuoteIdentifier(name)); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(name)); err != nil {
		return err
	}
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	_, err = migrations.Up(ctx, db)
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `ALTER DATABASE `+pq.QuoteIdentifier(name)+` WITH IS_TEMPLATE true`)
	return err
}

// Fresh makes an empty, migrated database that no test has used before, and is
// dropped when this one ends.
func Fresh(t testing.TB) string {
	t.Helper()
	d, err := theDesk()
	require.NoError(t, err, "the test database's template")
	var b [6]byte
	_, err = rand.Read(b[:])
	require.NoError(t, err)
	name := "koodesk_test_" + hex.EncodeToString(b[:])
	require.NoError(t, d.create(context.Background(), name))
	t.Cleanup(func() {
		require.NoError(t, d.exec(context.Background(), d.server.Path, `DROP DATABASE IF EXISTS `+pq.QuoteIdentifier(name)+` WITH (FORCE)`))
	})
	return with(d.server, name)
}

// Keys makes a fixed keyring for tests.
func Keys(t testing.TB) *seal.Keyring {
	t.Helper()
	return keyring(t, "a key for tests only")
}

func keyring(t testing.TB, present string, old ...string) *seal.Keyring {
	t.Helper()
	var raw [][]byte
	for _, text := range append([]string{present}, old...) {
		sum := sha256.Sum256([]byte(text))
		raw = append(raw, sum[:])
	}
	k, err := seal.New(raw[0], raw[1:]...)
	require.NoError(t, err)
	return k
}

// Open gives the test a store on a database of its own, as URL has it.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return OpenAt(t, URL(t))
}

// OpenAt gives the test a store on a database.
func OpenAt(t testing.TB, url string) *store.Store {
	t.Helper()
	return openUnder(t, url, Keys(t))
}

// Rotated is OpenAt after SECRET_KEY was changed: the key of Keys is an old one.
func Rotated(t testing.TB, url string) *store.Store {
	t.Helper()
	return openUnder(t, url, keyring(t, "the next key for tests", "a key for tests only"))
}

func openUnder(t testing.TB, url string, keys *seal.Keyring) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url, keys, store.Options{MaxConns: 8, Connect: Connect})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Prepare(context.Background()))
	return s
}

// Alter changes the schema until the test ends. A change that stays costs the
// database: the next test gets one that is made anew.
func Alter(t testing.TB, db *sql.DB, change, undo string) {
	t.Helper()
	_, err := db.Exec(change)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.Exec(undo)
		require.NoError(t, err)
	})
}

// BasicKey, AK and SK are the secrets of the channel that Channel makes.
const (
	BasicKey = "11111111-2222-3333-4444-555555555555"
	AK       = "AKTESTTESTTESTTEST00"
	SK       = "sk-test-sk-test-sk-test-sk-test-sk-test0"
)

// Channel makes a channel with a basic key, AK/SK and the given open-API
// address, and gives it as the program sees it.
func Channel(t testing.TB, s *store.Store, slug, openAPI string) *store.Channel {
	t.Helper()
	ctx := context.Background()
	site, ak, sk := market.SiteCN, AK, SK
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		id, _, err := tx.SetChannel(ctx, store.ChannelChange{Slug: slug, Site: &site, AK: &ak, SK: &sk, OpenAPIURL: &openAPI})
		if err != nil {
			return err
		}
		_, err = tx.SetChannelKey(ctx, id, "basic", BasicKey, 0)
		return err
	}))
	c, err := s.Reader().ChannelBySlug(ctx, slug)
	require.NoError(t, err)
	return c
}
