//go:build unix

// Package dbtest gives each test a PostgreSQL database of its own: migrated, empty, and dropped at the end of the test.
//
// The server is TEST_DATABASE_URL's when that is set (its role must be allowed to create databases and roles). Otherwise all test
// processes of this machine share a private one: the first starts it, and it stops two seconds after the last has ended.
package dbtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"throughline/db"
)

// New opens a database of the test's own, at the schema of this program.
func New(t testing.TB) *sqlx.DB {
	t.Helper()
	return Open(t, URL(t))
}

// URL creates a database of the test's own, at the schema of this program, for a part that opens it itself.
func URL(t testing.TB) string {
	t.Helper()
	template, err := template()
	if err != nil {
		t.Fatalf("dbtest: make the template database: %v", err)
	}
	return create(t, template)
}

// Empty creates a database of the test's own without any schema, for tests of migrations.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, "template0")
}

// App opens the same database as the application does: in its own role, for which row-level security holds. The pool that
// a test begins with is the owner's, and looks past it.
func App(t testing.TB, owner *sqlx.DB) *sqlx.DB {
	t.Helper()
	var name string
	if err := owner.GetContext(t.Context(), &name, "SELECT current_database()"); err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	server, err := server()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	return Open(t, server.asApp(server.database(name)))
}

// AppURL is where the application finds a database that URL, or a Filled, has made.
func AppURL(t testing.TB, owners string) string {
	t.Helper()
	server, err := server()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	return server.asApp(owners)
}

// PlainOwner gives an Empty database an owner who is no superuser and may make no roles, as in docker-compose.yml, and
// opens it as that owner.
func PlainOwner(t testing.TB, databaseURL string) *sqlx.DB {
	t.Helper()
	if _, err := template(); err != nil { // and with it, the application's role is there
		t.Fatalf("dbtest: make the template database: %v", err)
	}
	super, name := Open(t, databaseURL), "tl_owner_"+strings.ToLower(rand.Text())
	do := func(ctx context.Context, statements ...string) {
		for _, statement := range statements {
			if _, err := super.ExecContext(ctx, statement); err != nil {
				t.Errorf("dbtest: %v", err)
			}
		}
	}
	do(t.Context(), `CREATE ROLE `+name+` LOGIN PASSWORD 'x'`, `GRANT ALL ON SCHEMA public TO `+name,
		`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO `+name+`', current_database()); END $$`)
	t.Cleanup(func() {
		// Not t.Context(): it has ended by now.
		do(context.Background(), `REASSIGN OWNED BY `+name+` TO CURRENT_USER`, `DROP OWNED BY `+name, `DROP ROLE `+name)
	})
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal("dbtest: the address of the database can't be read")
	}
	u.User = url.UserPassword(name, "x")
	return Open(t, u.String())
}

// Open opens a database that URL or AppURL names, until the end of the test.
func Open(t testing.TB, databaseURL string) *sqlx.DB {
	t.Helper()
	d, err := db.Open(t.Context(), databaseURL, db.Options{Application: "test"})
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("dbtest: close: %v", err)
		}
	})
	return d
}

func create(t testing.TB, template string) string {
	t.Helper()
	server, err := server()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	name := "tl_test_" + strings.ToLower(rand.Text())
	if err := server.run(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+pq.QuoteIdentifier(template)+server.strategy); err != nil {
		t.Fatalf("dbtest: create a database: %v", err)
	}
	t.Cleanup(func() {
		// Not t.Context(): it has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := server.run(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("dbtest: drop the database: %v", err)
		}
	})
	return server.database(name)
}

// admin is a server on which databases can be created.
type admin struct {
	url      url.URL
	strategy string
}

func newAdmin(raw string) (*admin, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("TEST_DATABASE_URL is not a URL")
	}
	a := &admin{url: *u}
	version := 0
	err = a.with(context.Background(), func(conn *sqlx.DB) error {
		return conn.Get(&version, "SELECT current_setting('server_version_num')::int")
	})
	// From 15 on the default copies through the WAL, which is slower for a schema that fills many small files.
	if version >= 150000 {
		a.strategy = " STRATEGY = FILE_COPY"
	}
	return a, err
}

func (a *admin) database(name string) string {
	u := a.url
	u.Path = "/" + name
	return u.String()
}

// appPassword is the application role's on a server of tests. It is no example, which the commands refuse.
const appPassword = "only-where-tests-run-0f1e2d3c"

// asApp turns the URL of a database into the application's.
func (a *admin) asApp(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return ""
	}
	u.User = url.UserPassword(db.AppRole, appPassword)
	return u.String()
}

// with opens one connection and closes it: a pool that stayed would look like a leak to the packages under test.
func (a *admin) with(ctx context.Context, do func(conn *sqlx.DB) error) error {
	conn, err := db.Open(ctx, a.url.String(), db.Options{MaxOpen: 1, Application: "dbtest"})
	if err != nil {
		return err
	}
	defer conn.Close()
	return do(conn)
}

func (a *admin) run(ctx context.Context, statement string) error {
	return a.with(ctx, func(conn *sqlx.DB) error {
		_, err := conn.ExecContext(ctx, statement)
		return err
	})
}

func testDatabaseURL() string { return os.Getenv("TEST_DATABASE_URL") }
