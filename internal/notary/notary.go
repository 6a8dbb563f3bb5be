// Package notary keeps the audit's chains: it links what was written, each second, and every five minutes signs where
// each chain stands and writes that down outside of the database. Who changes the record later can't change that.
package notary

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// Notary works in every process that has one; a lock in the database sees to it that one at a time does.
type Notary struct {
	DB    *sqlx.DB
	Log   *slog.Logger
	Count func(kind string) // told of each failure, by one of Kinds
	// Key signs, and Target takes, the heads; without a target nothing is exported.
	Key    ed25519.PrivateKey
	Target Target

	Now   func() time.Time
	Every time.Duration // from one export to the next; 0: five minutes
}

// Kinds are what Count is told.
const (
	LinkFailed   = "link_failed"
	ExportFailed = "export_failed"
)

// Kinds lists everything that is counted.
func Kinds() []string { return []string{LinkFailed, ExportFailed} }

const (
	pace  = time.Second
	every = 5 * time.Minute
	// again is when what failed is tried again, and how often it is looked whether an export is due.
	again = 20 * time.Second
	// limit ends an export that a store does not answer.
	limit = 30 * time.Second
	// atOnce is how many entries are linked in one transaction.
	atOnce = 500
	// stillHere is how long a head that stays the same goes without a new line.
	stillHere = 24 * time.Hour
)

// Run works until the context ends.
func (n *Notary) Run(ctx context.Context) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	var look time.Time
	for ctx.Err() == nil {
		n.link(ctx)
		if n.Target != nil && !n.Now().Before(look) {
			n.export(ctx)
			look = n.Now().Add(again)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// link links all that waits.
func (n *Notary) link(ctx context.Context) {
	for ctx.Err() == nil {
		made, err := db.LinkAudit(ctx, n.DB, atOnce)
		if err != nil {
			n.failed(ctx, LinkFailed, err)
		}
		if made < atOnce {
			return
		}
	}
}

func (n *Notary) export(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := n.Export(ctx); err != nil {
		n.failed(ctx, ExportFailed, err)
	}
}

// Export writes down the heads that are due, unless another process is at it, and says how many. A head is due when its
// chain has grown since it was exported, and once a day in any case.
func (n *Notary) Export(ctx context.Context) (written int, err error) {
	err = db.Alone(ctx, n.DB, db.ExportLock, func(ctx context.Context, conn *sqlx.Conn) error {
		now := n.Now()
		last, err := db.LastExport(ctx, conn)
		if err != nil || now.Before(last.Add(n.every())) {
			return err
		}
		heads, err := db.HeadsToExport(ctx, conn, now.Add(-stillHere))
		if err != nil || len(heads) == 0 {
			return err
		}
		_, lines, err := Sign(n.Key, heads, now)
		if err != nil {
			return err
		}
		// Written first: a line too many says the same twice, one too few could be one that was never missed.
		if err := n.Target.Append(ctx, lines); err != nil {
			return err
		}
		written = len(heads)
		return db.SaveExports(ctx, conn, heads, now)
	})
	return written, err
}

func (n *Notary) every() time.Duration {
	if n.Every > 0 {
		return n.Every
	}
	return every
}

func (n *Notary) failed(ctx context.Context, kind string, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	if n.Count != nil {
		n.Count(kind)
	}
	n.Log.Warn("the audit's chain is behind", "kind", kind, "class", classOf(err))
}

// classOf names a failure without the words of a store or a path.
func classOf(err error) string {
	var path *fs.PathError
	var refused *StoreError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.As(err, &refused):
		return "store_" + refused.Code
	case errors.As(err, &path):
		return "file_" + path.Op
	}
	return string(referral.CodeOf(db.Translate(err)))
}
