package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// OpenRecord is an open referral, or why it can't be read: one that is damaged must not hide the others.
type OpenRecord struct {
	Record
	ID  uuid.UUID
	Err error
}

// OpenRecords reads up to n open referrals after an id, by id.
func OpenRecords(ctx context.Context, q sqlx.QueryerContext, after uuid.UUID, n int) ([]OpenRecord, error) {
	var rows []recordRow
	err := sqlx.SelectContext(ctx, q, &rows, records+`WHERE r.state = 'open' AND r.id > $1 ORDER BY r.id LIMIT $2`, after, n)
	if err != nil {
		return nil, fmt.Errorf("read referrals: %w", Translate(err))
	}
	list := make([]OpenRecord, len(rows))
	for i, row := range rows {
		list[i].ID = row.ID
		list[i].Record, list[i].Err = row.record()
	}
	return list, nil
}

// InactiveAccounts lists the accounts of those who have left.
func InactiveAccounts(ctx context.Context, q sqlx.QueryerContext) (map[uuid.UUID]bool, error) {
	var ids []uuid.UUID
	if err := sqlx.SelectContext(ctx, q, &ids, `SELECT id FROM accounts WHERE NOT active`); err != nil {
		return nil, fmt.Errorf("read accounts: %w", Translate(err))
	}
	gone := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	return gone, nil
}

// NewsOnItsWay picks, of these referrals, those whose workflow is still to be told of something since an instant.
func NewsOnItsWay(ctx context.Context, q sqlx.QueryerContext, ids []uuid.UUID, since time.Time) (map[uuid.UUID]bool, error) {
	var waiting []uuid.UUID
	err := sqlx.SelectContext(ctx, q, &waiting, `SELECT DISTINCT referral_id FROM outbox WHERE done_at IS NULL AND kind <> 'deliver'
		AND created_at > $2 AND referral_id = ANY ($1)`, pq.Array(ids), since)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", Translate(err))
	}
	told := make(map[uuid.UUID]bool, len(waiting))
	for _, id := range waiting {
		told[id] = true
	}
	return told, nil
}
