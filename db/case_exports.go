package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// Export is what a client asked to be given of all that is kept of them, its body sealed.
type Export struct {
	ID           uuid.UUID  `db:"id" json:"id"`
	Organisation uuid.UUID  `db:"organisation_id" json:"-"`
	Case         uuid.UUID  `db:"case_id" json:"case_id"`
	Locale       string     `db:"locale" json:"language"`
	AskedBy      uuid.UUID  `db:"asked_by" json:"asked_by"`
	AskedName    string     `db:"asked_name" json:"asked_by_name"`
	AskedAt      time.Time  `db:"asked_at" json:"asked_at"`
	MadeAt       *time.Time `db:"made_at" json:"made_at"`
	Until        *time.Time `db:"until" json:"until"` // it can be fetched until then
	PageAt       *time.Time `db:"page_at" json:"page_fetched_at"`
	DataAt       *time.Time `db:"data_at" json:"data_fetched_at"`
	GoneAt       *time.Time `db:"gone_at" json:"gone_at"`
	Body         string     `db:"body" json:"-"`
	CaseKey
}

const exports = `SELECT x.id, x.organisation_id, x.case_id, x.locale, x.asked_by, a.name AS asked_name, x.asked_at, x.made_at, x.until,
		x.page_at, x.data_at, x.gone_at, x.body` + caseKey + `
	FROM case_exports x JOIN accounts a ON a.id = x.asked_by LEFT JOIN case_keys k ON k.case_id = x.case_id `

// InsertExport writes down that an export was asked for, and promises its workflow.
func InsertExport(ctx context.Context, tx *sqlx.Tx, x Export) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO case_exports (id, organisation_id, case_id, locale, asked_by, asked_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		x.ID, x.Organisation, x.Case, x.Locale, x.AskedBy, x.AskedAt)
	if err != nil {
		return fmt.Errorf("save export: %w", Translate(err))
	}
	return RunErrand(ctx, tx, x.Organisation, ErrandExport, x.ID, x.AskedAt)
}

// LockExport reads one that nobody else changes before the transaction ends; not_found when there is none.
func LockExport(ctx context.Context, tx *sqlx.Tx, id uuid.UUID) (x Export, err error) {
	if err = tx.GetContext(ctx, &x, exports+`WHERE x.id = $1 FOR NO KEY UPDATE OF x`, id); err != nil {
		return x, fmt.Errorf("read export: %w", Translate(err))
	}
	return x, nil
}

// ExportsOf lists the exports of a case, the newest first, without what is in them.
func ExportsOf(ctx context.Context, q sqlx.QueryerContext, caseID uuid.UUID) ([]Export, error) {
	list := []Export{}
	if err := sqlx.SelectContext(ctx, q, &list, exports+`WHERE x.case_id = $1 ORDER BY x.asked_at DESC, x.id LIMIT 50`, caseID); err != nil {
		return nil, fmt.Errorf("read exports: %w", Translate(err))
	}
	for i := range list {
		list[i].Body = ""
	}
	return list, nil
}

// AgedExports lists the exports of an organisation that were made before an instant and are there still.
func AgedExports(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, before time.Time) (ids []uuid.UUID, err error) {
	a := agedRows["exports"]
	if err = sqlx.SelectContext(ctx, q, &ids, `SELECT t.id FROM `+a.table+` WHERE `+a.where+` ORDER BY t.made_at, t.id`, organisation, before); err != nil {
		return nil, fmt.Errorf("read exports: %w", Translate(err))
	}
	return ids, nil
}

// SaveExport writes how an export stands.
func SaveExport(ctx context.Context, tx *sqlx.Tx, x Export) error {
	_, err := tx.ExecContext(ctx, `UPDATE case_exports SET made_at = $2, until = $3, page_at = $4, data_at = $5, gone_at = $6, body = $7 WHERE id = $1`,
		x.ID, x.MadeAt, x.Until, x.PageAt, x.DataAt, x.GoneAt, x.Body)
	if err != nil {
		return fmt.Errorf("save export: %w", Translate(err))
	}
	return nil
}

// LetterFact is what is kept of a letter about a case: to which agency, about what, when, and what became of it. Letters
// themselves are not kept.
type LetterFact struct {
	Referral  uuid.UUID       `db:"referral_id" json:"referral_id"`
	Letter    referral.Letter `db:"letter" json:"letter"`
	Agency    string          `db:"agency" json:"agency"`
	Recipient string          `db:"recipient" json:"recipient"` // the agency's registered address
	State     string          `db:"state" json:"state"`
	Final     string          `db:"final" json:"final"`
	At        time.Time       `db:"created_at" json:"at"`
}

// LetterFacts lists those of a case, the first one first.
func LetterFacts(ctx context.Context, q sqlx.QueryerContext, caseID uuid.UUID) ([]LetterFact, error) {
	list := []LetterFact{}
	err := sqlx.SelectContext(ctx, q, &list, `SELECT m.referral_id, m.letter, coalesce(a.name, '') AS agency, m.recipient, m.state, m.final, m.created_at
		FROM messages m JOIN offers o ON o.id = m.offer_id JOIN referrals r ON r.id = m.referral_id
			LEFT JOIN services s ON s.id = o.service_id LEFT JOIN agencies a ON a.id = s.agency_id
		WHERE r.case_id = $1 ORDER BY m.created_at, m.id`, caseID)
	if err != nil {
		return nil, fmt.Errorf("read letters: %w", Translate(err))
	}
	return list, nil
}

// Opening is one time that a restricted case was opened by someone who is not named on it, its texts sealed, without who
// it was.
type Opening struct {
	ID         uuid.UUID  `db:"id"`
	At         time.Time  `db:"broken_at"`
	Until      time.Time  `db:"until"`
	Reason     string     `db:"reason"`
	ReviewedAt *time.Time `db:"reviewed_at"`
	Decision   string     `db:"decision"`
	Remark     string     `db:"remark"`
}

// Openings lists those of a case, the first one first.
func Openings(ctx context.Context, q sqlx.QueryerContext, caseID uuid.UUID) (list []Opening, err error) {
	err = sqlx.SelectContext(ctx, q, &list, `SELECT id, broken_at, until, reason, reviewed_at, decision, remark FROM glass WHERE case_id = $1
		ORDER BY broken_at, id`, caseID)
	if err != nil {
		return nil, fmt.Errorf("read broken glass: %w", Translate(err))
	}
	return list, nil
}
