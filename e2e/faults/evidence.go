//go:build linux

package faults

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// mostEvidence is of how many referrals the record is kept; the first few show what the others have.
const mostEvidence = 20

// evidence is what the record says of a referral in which something is wrong.
const evidence = `SELECT json_agg(json_build_object('referral', r,
		'offers', (SELECT json_agg(o ORDER BY rank) FROM offers o WHERE o.referral_id = r.id),
		'tasks', (SELECT json_agg(t ORDER BY created_at) FROM tasks t WHERE t.referral_id = r.id),
		'messages', (SELECT json_agg(m ORDER BY created_at) FROM messages m WHERE m.referral_id = r.id),
		'timeline', (SELECT json_agg(l ORDER BY l.id) FROM timeline l WHERE l.referral_id = r.id),
		'outbox', (SELECT json_agg(x ORDER BY x.id) FROM outbox x WHERE x.referral_id = r.id AND x.done_at IS NULL)))
	FROM referrals r WHERE r.id = ANY ($1) OR r.id IN (SELECT referral_id FROM messages WHERE id = ANY ($1))`

// keepEvidence keeps the rows of what was found wrong, since the database ends with the run. Its people are invented.
func (r *Run) keepEvidence(ctx context.Context, report *Report) error {
	db, err := sqlx.ConnectContext(ctx, "postgres", r.deployment.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	ids := report.accused()
	if len(ids) > mostEvidence {
		ids = ids[:mostEvidence]
	}
	var rows []byte
	if err := db.GetContext(ctx, &rows, evidence, pq.Array(ids)); err != nil {
		return err
	}
	return r.keep("evidence.json", json.RawMessage(rows))
}

// accused are the referrals and letters in which something is wrong.
func (r *Report) accused() (ids []uuid.UUID) {
	for _, v := range r.Violations {
		if v.Referral != uuid.Nil {
			ids = append(ids, v.Referral)
		}
	}
	for _, f := range r.findings() {
		for _, v := range f.Violations {
			ids = append(ids, v.ID)
		}
	}
	return ids
}
