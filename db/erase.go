package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// Tombstone is what stays of a case that was erased, besides all that counts.
type Tombstone struct {
	ErasedAt  *time.Time `db:"erased_at"`
	ErasedWhy string     `db:"erased_why"` // client_request or schedule; "" of a case that is there
	ErasedBy  *uuid.UUID `db:"erased_by"`  // the second person; nil where the schedule said so
}

// ErasedCase is an entry of the list that is kept apart from backups.
type ErasedCase struct {
	Case uuid.UUID `db:"id" json:"case"`
	At   time.Time `db:"erased_at" json:"erased_at"`
	Why  string    `db:"erased_why" json:"why"`
}

// ErasedCases lists every case that was erased, of all organisations, the first one first.
func ErasedCases(ctx context.Context, q sqlx.QueryerContext) ([]ErasedCase, error) {
	list := []ErasedCase{}
	err := sqlx.SelectContext(ctx, q, &list, `SELECT id, erased_at, erased_why FROM cases WHERE erased_at IS NOT NULL ORDER BY erased_at, id`)
	if err != nil {
		return nil, fmt.Errorf("read erased cases: %w", Translate(err))
	}
	return list, nil
}

// LockWholeCase locks what an erasure changes, in the order of docs/reliability.md: letters, referrals, and last the case,
// so that nothing is written of it any more. It gives the referrals that are not closed. not_found when there is no case.
func LockWholeCase(ctx context.Context, tx *sqlx.Tx, organisation, caseID uuid.UUID) (t Tombstone, open []uuid.UUID, err error) {
	for _, lock := range []string{
		`SELECT FROM messages m JOIN referrals r ON r.id = m.referral_id WHERE r.case_id = $1 ORDER BY m.id FOR NO KEY UPDATE OF m`,
		`SELECT FROM referrals WHERE case_id = $1 ORDER BY id FOR NO KEY UPDATE`} {
		if _, err := tx.ExecContext(ctx, lock, caseID); err != nil {
			return t, nil, fmt.Errorf("lock case: %w", Translate(err))
		}
	}
	err = tx.GetContext(ctx, &t, `SELECT erased_at, erased_why, erased_by FROM cases WHERE id = $1 AND organisation_id = $2 FOR UPDATE`, caseID, organisation)
	if err == nil { // those too that were begun while the case was waited for
		err = tx.SelectContext(ctx, &open, `SELECT id FROM referrals WHERE case_id = $1 AND state <> 'closed' ORDER BY id`, caseID)
	}
	if err != nil {
		return t, nil, fmt.Errorf("lock case: %w", Translate(err))
	}
	return t, open, nil
}

// EraseCase empties every sealed column of a case, kills its links, takes back the letters that wait, and leaves the
// tombstone. Its key is the caller's to destroy. What counts stays: states, outcomes, reasons, services and times.
func EraseCase(ctx context.Context, tx *sqlx.Tx, caseID uuid.UUID, t Tombstone) error {
	for _, s := range append(emptySealed(),
		// The digest of a request would still tell who guesses at its words.
		`UPDATE idempotency SET body_hash = '' WHERE case_id = $1`,
		// Earlier versions took any words for the version of a script.
		`UPDATE consents SET script = '' WHERE case_id = $1 AND script !~ '^[0-9]{4}-[0-9]{2}$'`,
		`DELETE FROM outbox WHERE referral_id IN (SELECT id FROM referrals WHERE case_id = $1) AND NOT EXISTS (SELECT FROM messages m
			WHERE m.id = outbox.message_id AND m.letter = 'withdrawn' AND m.state IN ('pending', 'claimed'))`) {
		if _, err := tx.ExecContext(ctx, s, caseID); err != nil {
			return fmt.Errorf("erase case: %w", Translate(err))
		}
	}
	for _, s := range []string{
		`UPDATE links SET revoked_at = $2 WHERE revoked_at IS NULL AND offer_id IN
			(SELECT o.id FROM offers o JOIN referrals r ON r.id = o.referral_id WHERE r.case_id = $1)`,
		// The word to an agency that it is to destroy what it noted still goes out.
		`UPDATE messages SET state = 'rejected', error_class = 'overtaken', settled_at = $2 WHERE state = 'pending' AND letter <> 'withdrawn'
			AND referral_id IN (SELECT id FROM referrals WHERE case_id = $1)`,
		`UPDATE case_exports SET gone_at = $2 WHERE case_id = $1 AND gone_at IS NULL`} {
		if _, err := tx.ExecContext(ctx, s, caseID, t.ErasedAt); err != nil {
			return fmt.Errorf("erase case: %w", Translate(err))
		}
	}
	// Of the language what earlier versions took behind a subtag of one letter goes: it could be any words.
	_, err := tx.ExecContext(ctx, `UPDATE cases SET safe_to_call = false, safe_to_leave_message = false, erased_at = $2, erased_why = $3,
		erased_by = $4, language = coalesce(nullif(regexp_replace(language, '(^|-)[A-Za-z0-9](-.*)?$', ''), ''), 'und') WHERE id = $1`,
		caseID, t.ErasedAt, t.ErasedWhy, t.ErasedBy)
	if err != nil {
		return fmt.Errorf("erase case: %w", Translate(err))
	}
	return nil
}

// emptySealed are the statements that leave nothing in any column of SealedColumns that is of the case $1.
func emptySealed() (statements []string) {
	for _, table := range sealedTables() {
		if table == OfAccounts {
			continue
		}
		var sets []string
		for _, c := range SealedColumns {
			switch {
			case c.Table != table:
			case c == SealedColumn{"timeline", "actor_name"}: // a colleague's name stands open, as in accounts
				sets = append(sets, "actor_name = CASE WHEN via = 'link' THEN '' ELSE actor_name END")
			default:
				sets = append(sets, c.Column+" = ''")
			}
		}
		statements = append(statements, `UPDATE `+table+` SET `+strings.Join(sets, ", ")+` WHERE `+ofCase(table))
	}
	return statements
}

// ofCase is the condition on the rows of a table that are of the case $1. It stays true of a row that someone changes at
// the same moment, so that none slips through.
func ofCase(table string) string {
	switch sealTables[table].of {
	case "t.id":
		return "id = $1"
	case "t.case_id":
		return "case_id = $1"
	}
	return "referral_id IN (SELECT id FROM referrals WHERE case_id = $1)"
}

// sealedTables are the tables of SealedColumns, each once, in their order.
func sealedTables() (tables []string) {
	for i, c := range SealedColumns {
		if i == 0 || SealedColumns[i-1].Table != c.Table {
			tables = append(tables, c.Table)
		}
	}
	return tables
}

// findUnerased lists erased cases of which something is left that could be read, and cases whose key is gone and that
// nobody erased.
func findUnerased() string {
	queries := []string{`SELECT 'case' AS of, c.id, 'it is erased, and its key is there' AS what FROM cases c JOIN case_keys k ON k.case_id = c.id
			WHERE c.erased_at IS NOT NULL AND (k.wrapped IS NOT NULL OR k.found_by <> '{}')`,
		`SELECT 'case', c.id, 'its key is destroyed, and it is not erased' FROM cases c JOIN case_keys k ON k.case_id = c.id
			WHERE c.erased_at IS NULL AND k.wrapped IS NULL`,
		`SELECT 'case', r.case_id, 'it is erased, and a referral of it is open' FROM referrals r JOIN cases c ON c.id = r.case_id
			WHERE c.erased_at IS NOT NULL AND r.state <> 'closed'`}
	for _, table := range sealedTables() {
		t := sealTables[table]
		if table == OfAccounts {
			continue
		}
		var left []string
		for _, c := range SealedColumns {
			if c.Table == table {
				left = append(left, "t."+c.Column+" <> ''"+map[bool]string{true: " AND t.via = 'link'"}[c.Column == "actor_name"])
			}
		}
		queries = append(queries, `SELECT DISTINCT 'case', e.id, 'it is erased, and something is left in `+table+`' FROM `+t.from+
			` JOIN cases e ON e.id = `+t.of+` WHERE e.erased_at IS NOT NULL AND (`+strings.Join(left, " OR ")+`)`)
	}
	return strings.Join(queries, "\nUNION ALL ")
}

// KeepCase has nobody erase a case, or ask for that, before the transaction ends.
func KeepCase(ctx context.Context, tx *sqlx.Tx, caseID uuid.UUID) error {
	if _, err := tx.ExecContext(ctx, `SELECT FROM cases WHERE id = $1 FOR NO KEY UPDATE`, caseID); err != nil {
		return fmt.Errorf("lock case: %w", Translate(err))
	}
	return nil
}

// OpenReferralsOf lists the referrals of a case that are not closed.
func OpenReferralsOf(ctx context.Context, q sqlx.QueryerContext, caseID uuid.UUID) (ids []uuid.UUID, err error) {
	if err = sqlx.SelectContext(ctx, q, &ids, `SELECT id FROM referrals WHERE case_id = $1 AND state <> 'closed' ORDER BY id`, caseID); err != nil {
		return nil, fmt.Errorf("read referrals: %w", Translate(err))
	}
	return ids, nil
}
