//go:build linux

package faults

import (
	"net/url"
	"testing"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq"

	"throughline/db/dbtest"
)

// The thief must steal what it says, or the runs prove nothing: with the reply the row is there and the client does not
// know; with the request it is not.
func TestWhatIsStolenOfACommit(t *testing.T) {
	t.Parallel()
	straight := dbtest.Empty(t)
	u, err := url.Parse(straight)
	if err != nil {
		t.Fatal(err)
	}
	robber, err := newThief(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer robber.close()
	db := connect(t, through(straight, robber.address()))
	db.MustExec(`CREATE TABLE kept (n int)`)
	commit := func(n int) error {
		tx, err := db.Beginx()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
		tx.MustExec(`INSERT INTO kept VALUES ($1)`, n)
		return tx.Commit()
	}
	if err := commit(1); err != nil {
		t.Fatalf("an honest reply: %v", err)
	}
	robber.replies.wanted.Store(1)
	if err := commit(2); err == nil {
		t.Error("the stolen reply came")
	}
	if err := commit(3); err != nil {
		t.Errorf("after the theft: %v", err)
	}
	var n int
	if err := connect(t, straight).Get(&n, `SELECT count(*) FROM kept`); err != nil || n != 3 {
		t.Errorf("%d rows are there (%v), want all 3", n, err)
	}
	robber.requests.wanted.Store(1)
	if err := commit(4); err == nil {
		t.Error("a commit that never came was confirmed")
	}
	if err := connect(t, straight).Get(&n, `SELECT count(*) FROM kept`); err != nil || n != 3 {
		t.Errorf("%d rows are there (%v), want 3: the fourth was never committed", n, err)
	}
	if replies, requests := robber.replies.got.Load(), robber.requests.got.Load(); replies != 1 || requests != 1 {
		t.Errorf("%d replies and %d requests stolen, want one of each", replies, requests)
	}
}

func connect(t *testing.T, url string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Connect("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
