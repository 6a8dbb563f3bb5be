//go:build unix

package dbtest

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"throughline/db"
)

// Filled is a database that a package's tests each get a copy of, for content that takes longer to make than to copy.
// It is made when the first test asks for it.
type Filled struct {
	name func() (string, error)
	made bool // once name has returned, and only for Drop
}

// Fill says what the database holds besides the schema. fill is called at most once.
func Fill(fill func(ctx context.Context, d *sqlx.DB) error) *Filled {
	f := &Filled{}
	f.name = sync.OnceValues(func() (string, error) {
		name := "tl_filled_" + strings.ToLower(rand.Text())
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		template, err := template()
		if err != nil {
			return "", err
		}
		server, err := server()
		if err != nil {
			return "", err
		}
		if err := server.run(ctx, "CREATE DATABASE "+name+" TEMPLATE "+pq.QuoteIdentifier(template)+server.strategy); err != nil {
			return "", err
		}
		f.made = true
		d, err := db.Open(ctx, server.database(name), db.Options{Application: "test"})
		if err != nil {
			return "", err
		}
		defer d.Close()
		return name, fill(ctx, d)
	})
	return f
}

// New opens a copy of the test's own.
func (f *Filled) New(t testing.TB) *sqlx.DB {
	t.Helper()
	return Open(t, f.URL(t))
}

// URL makes a copy of the test's own, for a test that opens it in its own way.
func (f *Filled) URL(t testing.TB) string {
	t.Helper()
	name, err := f.name()
	if err != nil {
		t.Fatalf("dbtest: fill a database: %v", err)
	}
	return create(t, name)
}

// Drop removes the original, at the end of TestMain.
func (f *Filled) Drop() error {
	if !f.made {
		return nil
	}
	name, err := f.name()
	if err != nil {
		return err
	}
	server, err := server()
	if err != nil {
		return err
	}
	return server.run(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
}
