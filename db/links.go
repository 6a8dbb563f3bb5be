package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"throughline/referral"
)

// Link is what a token opens.
type Link struct {
	ID           uuid.UUID  `db:"id"`
	Organisation uuid.UUID  `db:"organisation_id"`
	Offer        uuid.UUID  `db:"offer_id"`
	Referral     uuid.UUID  `db:"referral_id"`
	ExpiresAt    time.Time  `db:"expires_at"`
	RevokedAt    *time.Time `db:"revoked_at"`
}

// SaveLink keeps the digest of a link's token. A further attempt at the same message replaces it: the letter with the
// first one surely did not go out.
func SaveLink(ctx context.Context, tx *sqlx.Tx, organisation, offer, message uuid.UUID, hash []byte, at, expires time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO links (id, organisation_id, offer_id, message_id, token_hash, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (message_id) DO UPDATE SET token_hash = excluded.token_hash, created_at = excluded.created_at,
			expires_at = excluded.expires_at`, uuid.New(), organisation, offer, message, hash, at, expires)
	if err != nil {
		return fmt.Errorf("save link: %w", Translate(err))
	}
	return nil
}

// FindLink finds a link by its token's digest, expired and revoked ones too; not_found when there is none.
func FindLink(ctx context.Context, q sqlx.QueryerContext, hash []byte) (Link, error) {
	var l Link
	err := sqlx.GetContext(ctx, q, &l, `SELECT l.id, l.organisation_id, l.offer_id, o.referral_id, l.expires_at, l.revoked_at
		FROM links l JOIN offers o ON o.id = l.offer_id WHERE l.token_hash = $1`, hash)
	if err != nil {
		return l, fmt.Errorf("read link: %w", Translate(err))
	}
	return l, nil
}

// RevokeLinks kills every link of offers at once.
func RevokeLinks(offers []uuid.UUID, at time.Time) Part {
	if len(offers) == 0 {
		return Part{}
	}
	return part(nil, `dead_links AS (UPDATE links SET revoked_at = $2 WHERE revoked_at IS NULL AND offer_id = ANY ($1::uuid[]))`,
		pq.Array(offers), at)
}

// LinkView is what an agency's page is made of, personal data sealed.
type LinkView struct {
	CaseRow
	ReferralID    uuid.UUID `db:"referral_id"`
	Service       string    `db:"service"`
	ServiceFR     string    `db:"service_fr"`
	Agency        string    `db:"agency"`
	AgencyFR      string    `db:"agency_fr"`
	MailLocale    string    `db:"mail_locale"`
	Helpline      string    `db:"helpline"`
	HelplinePhone string    `db:"helpline_phone"`
	Details       string    `db:"details"`
	Question      string    `db:"question"`
	Answer        string    `db:"answer"`
	AnsweredBy    string    `db:"answered_by"`
}

// FindLinkView reads what the page of an offer shows; not_found when there is no such offer.
func FindLinkView(ctx context.Context, q sqlx.QueryerContext, offer uuid.UUID) (LinkView, error) {
	var v LinkView
	err := sqlx.GetContext(ctx, q, &v, `SELECT c.*`+caseKey+`, r.id AS referral_id, r.details, o.question, o.answer, o.answered_by,
		coalesce(s.name, '') AS service, coalesce(s.name_fr, '') AS service_fr, coalesce(a.name, '') AS agency,
		coalesce(a.name_fr, '') AS agency_fr, coalesce(a.mail_language, 'en') AS mail_locale, g.name AS helpline,
		g.phone AS helpline_phone
		FROM offers o JOIN referrals r ON r.id = o.referral_id JOIN cases c ON c.id = r.case_id`+withCaseKey("c.id")+`
			JOIN organisations g ON g.id = o.organisation_id
			LEFT JOIN services s ON s.id = o.service_id LEFT JOIN agencies a ON a.id = s.agency_id
		WHERE o.id = $1`, offer)
	if err != nil {
		return v, fmt.Errorf("read offer: %w", Translate(err))
	}
	return v, nil
}

// MailLocale is the language that the agency of an offer gets its mail in; not_found when there is no such offer.
func MailLocale(ctx context.Context, q sqlx.QueryerContext, offer uuid.UUID) (lang string, err error) {
	err = sqlx.GetContext(ctx, q, &lang, `SELECT coalesce(a.mail_language, 'en') FROM offers o LEFT JOIN services s ON s.id = o.service_id
		LEFT JOIN agencies a ON a.id = s.agency_id WHERE o.id = $1`, offer)
	if err != nil {
		return "", fmt.Errorf("read language: %w", Translate(err))
	}
	return lang, nil
}

// PostedByLink reads what an agency gave of one command on its page after a version of the referral, sealed.
func PostedByLink(ctx context.Context, q sqlx.QueryerContext, offer uuid.UUID, version int, do referral.Name) ([]TimelineRow, error) {
	var list []TimelineRow
	err := sqlx.SelectContext(ctx, q, &list, `SELECT version, what, note, seal_id FROM timeline WHERE offer_id = $1 AND version > $2 AND what = $3
			AND via = 'link' AND referral_id = (SELECT referral_id FROM offers WHERE id = $1)`, offer, version, do)
	if err != nil {
		return nil, fmt.Errorf("read timeline: %w", Translate(err))
	}
	return list, nil
}
