//go:build unix

package dbtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/devstack/postgres"
)

// templateLock is the advisory lock under which the test processes of a server make templates, one at a time.
const templateLock = 7_211_000_002

// template names the migrated database that tests are cloned from, made when it is missing. Its name holds the hash of
// the migrations: a changed migration makes a new one.
var template = sync.OnceValues(func() (string, error) {
	server, err := server()
	if err != nil {
		return "", err
	}
	hash, err := db.SchemaHash()
	if err != nil {
		return "", err
	}
	name := "tl_template_" + hash
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return name, server.with(ctx, func(conn *sqlx.DB) error {
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(templateLock)); err != nil {
			return err
		}
		var exists bool
		if err := conn.GetContext(ctx, &exists, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name); err != nil || exists {
			return err
		}
		return makeTemplate(ctx, server, conn, name)
	})
})

// makeTemplate migrates under another name first: a process that dies half-way leaves nothing that passes for a template.
func makeTemplate(ctx context.Context, server *admin, conn *sqlx.DB, name string) error {
	making := name + "_new"
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + making, "CREATE DATABASE " + making + " TEMPLATE template0"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if err := migrate(ctx, server.database(making)); err != nil {
		return err
	}
	if err := postgres.EnsureRole(ctx, conn.DB, db.AppRole, appPassword); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", making, name))
	return err
}

func migrate(ctx context.Context, databaseURL string) error {
	d, err := db.Open(ctx, databaseURL, db.Options{Application: "dbtest"})
	if err != nil {
		return err
	}
	defer d.Close()
	return db.Migrate(ctx, d)
}
