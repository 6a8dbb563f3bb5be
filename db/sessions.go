package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Sessions are what scs asks of its store, within the time of the request: its own store for PostgreSQL takes no context.
// The house asks: whose a session is nobody knows before it is read.
type Sessions struct{ DB *sqlx.DB }

// FindCtx reads a session that has not ended.
func (s Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	err = s.DB.GetContext(AsSystem(ctx), &data, `SELECT data FROM sessions WHERE token = $1 AND current_timestamp < expiry`, token)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read session: %w", Translate(err))
	}
	return data, true, nil
}

// CommitCtx keeps a session until it ends.
func (s Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	_, err := s.DB.ExecContext(AsSystem(ctx), `INSERT INTO sessions (token, data, expiry) VALUES ($1, $2, $3)
		ON CONFLICT (token) DO UPDATE SET data = excluded.data, expiry = excluded.expiry`, token, data, expiry)
	if err != nil {
		return fmt.Errorf("save session: %w", Translate(err))
	}
	return nil
}

// DeleteCtx ends a session.
func (s Sessions) DeleteCtx(ctx context.Context, token string) error {
	if _, err := s.DB.ExecContext(AsSystem(ctx), `DELETE FROM sessions WHERE token = $1`, token); err != nil {
		return fmt.Errorf("end session: %w", Translate(err))
	}
	return nil
}

// Find is FindCtx, for a caller without a context.
func (s Sessions) Find(token string) (data []byte, found bool, err error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx, for a caller without a context.
func (s Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx, for a caller without a context.
func (s Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// PruneSessions forgets sessions that ended before a moment, at most n.
func PruneSessions(ctx context.Context, q sqlx.ExecerContext, before time.Time, n int) (int64, error) {
	return prune(ctx, q, `DELETE FROM sessions WHERE token IN (SELECT token FROM sessions WHERE expiry < $1 LIMIT $2)`, before, n)
}
