package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"throughline/db"
)

// book is what all processes have counted, in PostgreSQL: it outlives each of them.
type book struct {
	db  *sqlx.DB
	log *slog.Logger

	mu   sync.Mutex
	away time.Time // until then it is not asked again
}

const (
	bookPatience = 500 * time.Millisecond // a slow database must not make limits the slowest part of a request
	bookRest     = 5 * time.Second        // after it did not answer
)

var errBookAway = errors.New("the limits can't be read")

// mostTaken bounds what a process that ends takes with it: one that dies and comes back ten times a minute must not use up
// what others are allowed.
const mostTaken = 50

// take takes a tenth of a bound for a key, fifty at most, or what is left of it. Errors say that nobody knows, and never
// that there are none left.
func (b *book) take(ctx context.Context, now time.Time, key digest, of bound) (granted int, until time.Time, err error) {
	if b.resting(now) {
		return 0, until, errBookAway
	}
	asking, cancel := context.WithTimeout(db.AsSystem(ctx), bookPatience)
	defer cancel()
	granted, until, err = db.TakeUses(asking, b.db, db.Uses{Key: key[:], N: max(1, min(of.most/10, mostTaken)), Most: of.most, In: of.in, At: now})
	if err != nil && ctx.Err() == nil {
		b.rest(now)
	}
	return granted, until, err
}

func (b *book) resting(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return now.Before(b.away)
}

func (b *book) rest(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.away) {
		return
	}
	b.away = now.Add(bookRest)
	b.log.Warn("limits are counted by this process alone: the database does not answer")
}
