package casework

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/token"
	"throughline/referral"
)

// From is where someone tries to sign in from.
type From struct {
	Address string // of the caller, or of their network where one subscriber has all of it; "" when it is not known
	Device  string // what the browser was given when someone signed in with it; "" when nothing was
	Browser string // its family only
}

// Slow says how long to wait before the next try. It comes inside the rate_limited answer.
type Slow struct{ Wait time.Duration }

func (s *Slow) Error() string { return "wait before the next try" }

func slow(wait time.Duration) error {
	return &referral.Error{Code: referral.CodeRateLimited, Field: "sign_in", Message: "too many wrong tries: wait a little", Err: &Slow{wait}}
}

// pace makes each try after the free ones wait longer than the one before, up to a longest wait. Nothing is ever locked: who
// waits may try again.
type pace struct {
	key     []byte
	free    int
	longest time.Duration
	quiet   time.Duration // after so long without a try it begins anew
	shared  bool          // by many people: being right takes one try back, and not all of them
}

// What is tried, each at its own pace.
const (
	tryPassword = "password"
	tryCode     = "code"
	tryLetter   = "letter" // asking for a letter to choose a new password by
)

// knownFor is how long a browser stays known that nobody signs in with.
const knownFor = 365 * 24 * time.Hour

// paces are what a try counts under. Guesses from one place slow that place down. Guesses from many places slow down all
// browsers that the account does not know, by little; a browser that it knows is not slowed down by anyone else's, so
// nobody can keep a person out by guessing at their account. One address can't guess at many accounts either; where it is not
// known whose it is, nothing is counted by it, or everyone would wait for one stranger's guesses.
func paces(what, account string, from From, known bool) []pace {
	account = strings.ToLower(account)
	if known {
		return []pace{{key: paceKey(what, account, "device", from.Device), free: 5, longest: 15 * time.Minute, quiet: 24 * time.Hour}}
	}
	everywhere := pace{key: paceKey(what, account), free: 30, longest: time.Minute, quiet: time.Hour}
	if what == tryCode {
		// Whoever gets here has the password, and a million codes are few.
		everywhere.free, everywhere.longest, everywhere.quiet = 10, 15*time.Minute, 24*time.Hour
	}
	list := []pace{everywhere}
	if from.Address != "" {
		list = append(list, pace{key: paceKey(what, account, "address", from.Address), free: 5, longest: 15 * time.Minute, quiet: 24 * time.Hour},
			pace{key: paceKey("address", from.Address), free: 100, longest: 10 * time.Minute, quiet: 10 * time.Minute, shared: true})
	}
	slices.SortFunc(list, func(a, b pace) int { return bytes.Compare(a.key, b.key) })
	return list
}

// paceKey is a digest: whatever a stranger types as an address is not kept.
func paceKey(parts ...string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return sum[:]
}

// after is the wait after a number of tries.
func (p pace) after(tries int) time.Duration {
	if tries <= p.free {
		return 0
	}
	if over := tries - p.free - 1; over < 20 {
		return min(p.longest, time.Second<<over)
	}
	return p.longest
}

// try counts a try before it is made, so that many at once are counted too. rate_limited, and nothing counted, when one of
// the paces says to wait.
func (d *Desk) try(ctx context.Context, list []pace) error {
	return d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		now, wait := d.Clock.Now(), time.Duration(0)
		counted := make([]db.Tries, len(list))
		for i, p := range list {
			t, err := db.LockTries(ctx, tx, p.key, now)
			if err != nil {
				return err
			}
			if now.Sub(t.LastAt) > p.quiet {
				t.Tries = 0
			}
			wait = max(wait, t.NextAt.Sub(now))
			counted[i] = t
		}
		if wait > 0 {
			return slow(wait)
		}
		for i, p := range list {
			n := counted[i].Tries + 1
			if err := db.SaveTries(ctx, tx, p.key, db.Tries{Tries: n, LastAt: now, NextAt: now.Add(p.after(n))}); err != nil {
				return err
			}
		}
		return nil
	})
}

// right takes back what was counted of someone who was right.
func (d *Desk) right(ctx context.Context, list []pace) error {
	return d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		for _, p := range list {
			t, err := db.LockTries(ctx, tx, p.key, d.Clock.Now())
			if err != nil {
				return err
			}
			if t.Tries--; !p.shared {
				t.Tries, t.NextAt = 0, d.Clock.Now()
			}
			t.Tries = max(t.Tries, 0)
			if err := db.SaveTries(ctx, tx, p.key, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// know has an account know the browser that its person came in with.
func know(ctx context.Context, tx *sqlx.Tx, account uuid.UUID, from From, now time.Time) error {
	if from.Device == "" {
		return nil
	}
	return db.KnowDevice(ctx, tx, account, token.Hash(from.Device), now)
}

// knows reports whether someone has signed in to an account with a browser before.
func (d *Desk) knows(ctx context.Context, account uuid.UUID, from From) (bool, error) {
	if from.Device == "" || account == uuid.Nil {
		return false, nil
	}
	return db.KnownDevice(db.AsSystem(ctx), d.DB, account, token.Hash(from.Device), d.Clock.Now().Add(-knownFor))
}
