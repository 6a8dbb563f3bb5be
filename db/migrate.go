package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var embedded embed.FS

// ErrSchema says that the database's schema is not the one this program was built for.
var ErrSchema = errors.New("the database's schema does not fit this program")

// Migrate brings the schema up to this program's version. Processes that start at once take turns under a session lock
// of the database. It never goes down: an older program on a newer schema is refused by CheckSchema.
func Migrate(ctx context.Context, db *sqlx.DB) error {
	provider, err := migrations(db)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err) // the driver may only say that it stopped reading
	}
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// CheckSchema returns ErrSchema, with both versions and what to do, when the schema is older or newer than this program.
func CheckSchema(ctx context.Context, db *sqlx.DB) error {
	provider, err := migrations(db)
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	want := sources[len(sources)-1].Version
	have, err := schemaVersion(ctx, db)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	switch {
	case have < want:
		return fmt.Errorf("%w: the database is at version %d, the program needs %d; run `throughline migrate`", ErrSchema, have, want)
	case have > want:
		return fmt.Errorf("%w: the database is at version %d, the program knows up to %d; run the newer program", ErrSchema, have, want)
	}
	return nil
}

// schemaVersion is 0 for a database that was never migrated. It does not ask goose, which would create its table: a check
// must work for a role that may only read.
func schemaVersion(ctx context.Context, db *sqlx.DB) (int64, error) {
	var exists bool
	err := db.GetContext(ctx, &exists, "SELECT to_regclass($1) IS NOT NULL", goose.DefaultTablename)
	if err != nil || !exists {
		return 0, err
	}
	var version int64
	err = db.GetContext(ctx, &version, "SELECT coalesce(max(version_id), 0) FROM "+goose.DefaultTablename+" WHERE is_applied")
	return version, err
}

// SchemaHash changes whenever a migration file does.
func SchemaHash() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(embedded, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := embedded.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n", path, len(text))
		sum.Write(text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:16], err
}

// MigrationHashes tells what each migration of this program says, by its number.
func MigrationHashes() (map[int64]string, error) {
	files, err := fs.Glob(embedded, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	hashes := map[int64]string{}
	for _, path := range files {
		version, err := goose.NumericComponent(path)
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		text, err := embedded.ReadFile(path)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		hashes[version] = hex.EncodeToString(sum[:])
	}
	return hashes, nil
}

func migrations(db *sqlx.DB) (*goose.Provider, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db.DB, files,
		goose.WithSessionLocker(turns{}), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return provider, nil
}

// turns lets one process migrate at a time. It asks again and again rather than wait inside the database: a waiting
// session holds a snapshot, which CREATE INDEX CONCURRENTLY of the one at work would wait for in turn.
type turns struct{}

// migrationLock is the advisory lock's number, the same in every version of the program.
const migrationLock = 7_211_000_001

func (turns) SessionLock(ctx context.Context, conn *sql.Conn) error {
	for {
		var ours bool
		if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", int64(migrationLock)).Scan(&ours); err != nil || ours {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another process is migrating: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (turns) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", int64(migrationLock))
	return err
}
