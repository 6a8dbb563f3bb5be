package db

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

const caseList = `SELECT c.id, c.reference, c.anonymous, c.name, c.created_at,
	(SELECT count(*) FROM referrals r WHERE r.case_id = c.id) AS referrals,
	(SELECT count(*) FROM referrals r WHERE r.case_id = c.id AND r.state <> 'closed') AS open
FROM cases c WHERE c.organisation_id = $1 `

// Cases lists an organisation's newest cases.
func Cases(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, limit int) ([]CaseListRow, error) {
	var list []CaseListRow
	err := sqlx.SelectContext(ctx, q, &list, caseList+`ORDER BY c.created_at DESC, c.id LIMIT $2`, organisation, limit)
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", Translate(err))
	}
	return list, nil
}

// CaseWanted is what a case is looked for by: any of them will do, an empty one finds nothing.
type CaseWanted struct {
	Words     []string // LIKE patterns, all of which must be in the name; case and accents do not matter
	Digits    string   // in the phone number
	Reference string   // in the reference, in capitals, without dashes
}

// FindCases lists the newest cases of an organisation that are looked for. It walks the organisation's cases from the
// newest on: parts of names have no index without an extension, which not every database may create.
func FindCases(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, w CaseWanted, limit int) ([]CaseListRow, error) {
	var list []CaseListRow
	err := sqlx.SelectContext(ctx, q, &list, caseList+`AND (
			cardinality($2::text[]) > 0 AND directory_fold(c.name) LIKE ALL (ARRAY(SELECT directory_fold(w) FROM unnest($2::text[]) w))
			OR $3 <> '' AND strpos(regexp_replace(split_part(c.phone, ';', 1), '[^0-9]', '', 'g'), $3) > 0
			OR $4 <> '' AND strpos(replace(c.reference, '-', ''), $4) > 0)
		ORDER BY c.created_at DESC, c.id LIMIT $5`, organisation, pq.Array(w.Words), w.Digits, w.Reference, limit)
	if err != nil {
		return nil, fmt.Errorf("find cases: %w", Translate(err))
	}
	return list, nil
}
