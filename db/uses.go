package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Uses is what someone wants of a limit: N more uses under a key that has at most Most in a window of In.
type Uses struct {
	Key     []byte
	N, Most int
	In      time.Duration
	At      time.Time
}

// TakeUses takes as many of the uses as are left in the key's window, which begins anew when it is over, and says when it
// ends. What is refused is not counted up, and no clock that was wrong holds anyone longer than a window.
func TakeUses(ctx context.Context, q sqlx.QueryerContext, u Uses) (granted int, until time.Time, err error) {
	var now struct {
		Used  int       `db:"used"`
		Until time.Time `db:"until"`
	}
	err = sqlx.GetContext(ctx, q, &now, `INSERT INTO uses AS u (key, used, until) VALUES ($1, $2, $3)
		ON CONFLICT (key) DO UPDATE SET
			used = CASE WHEN u.until <= $4 THEN 0 ELSE least(u.used, $5) END + excluded.used,
			until = CASE WHEN u.until <= $4 THEN excluded.until ELSE least(u.until, excluded.until) END
		RETURNING used, until`, u.Key, u.N, u.At.Add(u.In), u.At, u.Most)
	if err != nil {
		return 0, until, fmt.Errorf("take uses: %w", Translate(err))
	}
	return min(u.N, max(0, u.Most-(now.Used-u.N))), now.Until, nil
}

// PruneUses forgets windows that were over at a moment, at most n at a time, and says how many.
func PruneUses(ctx context.Context, q sqlx.ExecerContext, before time.Time, n int) (int64, error) {
	return prune(ctx, q, `DELETE FROM uses WHERE key IN (SELECT key FROM uses WHERE until < $1 LIMIT $2)`, before, n)
}
