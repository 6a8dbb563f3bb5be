package db

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

const caseList = `SELECT c.id, c.reference, c.anonymous, c.name, c.created_at` + caseKey + `,
	(SELECT count(*) FROM referrals r WHERE r.case_id = c.id) AS referrals,
	(SELECT count(*) FROM referrals r WHERE r.case_id = c.id AND r.state <> 'closed') AS open
FROM cases c LEFT JOIN case_keys k ON k.case_id = c.id WHERE c.organisation_id = $1 AND c.erased_at IS NULL `

// Cases lists the newest cases within reach. Those that were erased are in no list.
func Cases(ctx context.Context, q sqlx.QueryerContext, s Scope, limit int) ([]CaseListRow, error) {
	var list []CaseListRow
	args := []any{s.Organisation, limit}
	within := s.reach("c.id", byCase, &args)
	err := sqlx.SelectContext(ctx, q, &list, caseList+`AND `+within+` ORDER BY c.created_at DESC, c.id LIMIT $2`, args...)
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", Translate(err))
	}
	return list, nil
}

// CaseWanted is what a case is looked for by: any of them will do, an empty one finds nothing.
type CaseWanted struct {
	Names     [][]byte // marks of the words of a name, all of which the case must have
	Phone     []byte   // the mark of a telephone number, or of its end
	Email     []byte   // the mark of an address
	Reference string   // in the reference, in capitals, without dashes
}

// FindCases lists the newest cases within reach that are looked for. It walks the organisation's cases from the newest on,
// as people look for those of today: parts of references have no index without an extension.
func FindCases(ctx context.Context, q sqlx.QueryerContext, s Scope, w CaseWanted, limit int) ([]CaseListRow, error) {
	var list []CaseListRow
	args := []any{s.Organisation, pq.ByteaArray(w.Names), pq.ByteaArray(w.ways()), w.Reference, limit}
	within := s.reach("c.id", byCase, &args)
	err := sqlx.SelectContext(ctx, q, &list, caseList+`AND (cardinality($2::bytea[]) > 0 AND k.found_by @> $2::bytea[]
			OR k.found_by && $3::bytea[] OR $4 <> '' AND strpos(replace(c.reference, '-', ''), $4) > 0) AND `+within+`
		ORDER BY c.created_at DESC, c.id LIMIT $5`, args...)
	if err != nil {
		return nil, fmt.Errorf("find cases: %w", Translate(err))
	}
	return list, nil
}

// ways are the marks of which one is enough.
func (w CaseWanted) ways() [][]byte {
	marks := [][]byte{}
	for _, m := range [][]byte{w.Phone, w.Email} {
		if m != nil {
			marks = append(marks, m)
		}
	}
	return marks
}
