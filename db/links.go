package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// LinkView is what an agency's page is made of. It holds personal data.
type LinkView struct {
	CaseRow
	Service       string `db:"service"`
	ServiceFR     string `db:"service_fr"`
	Agency        string `db:"agency"`
	AgencyFR      string `db:"agency_fr"`
	MailLocale    string `db:"mail_locale"`
	Helpline      string `db:"helpline"`
	HelplinePhone string `db:"helpline_phone"`
	Details       string `db:"details"`
	Question      string `db:"question"`
	Answer        string `db:"answer"`
	AnsweredBy    string `db:"answered_by"`
}

// FindLinkView reads what the page of an offer shows; not_found when there is no such offer.
func FindLinkView(ctx context.Context, q sqlx.QueryerContext, offer uuid.UUID) (LinkView, error) {
	var v LinkView
	err := sqlx.GetContext(ctx, q, &v, `SELECT c.*, r.details, o.question, o.answer, o.answered_by,
		coalesce(s.name, '') AS service, coalesce(s.name_fr, '') AS service_fr, coalesce(a.name, '') AS agency,
		coalesce(a.name_fr, '') AS agency_fr, coalesce(a.mail_language, 'en') AS mail_locale, g.name AS helpline,
		g.phone AS helpline_phone
		FROM offers o JOIN referrals r ON r.id = o.referral_id JOIN cases c ON c.id = r.case_id
			JOIN organisations g ON g.id = o.organisation_id
			LEFT JOIN services s ON s.id = o.service_id LEFT JOIN agencies a ON a.id = s.agency_id
		WHERE o.id = $1`, offer)
	if err != nil {
		return v, fmt.Errorf("read offer: %w", Translate(err))
	}
	return v, nil
}

// PostedByLink reports that an agency gave a command on its page after a version of the referral, with this note when
// one is given.
func PostedByLink(ctx context.Context, q sqlx.QueryerContext, offer uuid.UUID, version int, do referral.Name, note *string) (bool, error) {
	var yes bool
	err := sqlx.GetContext(ctx, q, &yes, `SELECT EXISTS (SELECT 1 FROM timeline WHERE offer_id = $1 AND version > $2 AND what = $3
			AND via = 'link' AND ($4::text IS NULL OR note = $4)
			AND referral_id = (SELECT referral_id FROM offers WHERE id = $1))`, offer, version, do, note)
	if err != nil {
		return false, fmt.Errorf("read timeline: %w", Translate(err))
	}
	return yes, nil
}

// PostedSince reports a letter of this kind about an offer that is not older than since.
func PostedSince(ctx context.Context, q sqlx.QueryerContext, offer uuid.UUID, letter referral.Letter, since time.Time) (bool, error) {
	var yes bool
	err := sqlx.GetContext(ctx, q, &yes, `SELECT EXISTS (SELECT 1 FROM messages WHERE offer_id = $1 AND letter = $2 AND created_at >= $3)`,
		offer, letter, since)
	if err != nil {
		return false, fmt.Errorf("read messages: %w", Translate(err))
	}
	return yes, nil
}
