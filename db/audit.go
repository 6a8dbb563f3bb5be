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

// Who stands behind lines of the timeline and of the audit.
type Who struct {
	Organisation uuid.UUID
	Role, For    referral.Role // For is on whose behalf
	ID           uuid.UUID
	Name         string
	Via          string
	// Why is what lets someone in who is not at work here, and WhyID what it speaks of: the offer of a link. Only the audit
	// keeps them.
	Why   string
	WhyID uuid.UUID
	// Cases are whose data it is about, for what is written together with the referral; nil: the referral's case.
	Cases []uuid.UUID
}

// AuditKind is what kind of thing the audit tells of.
type AuditKind string

// Kinds of entries. All but the last two are looks at personal data, each on its own way out of the record.
const (
	AuditView    AuditKind = "view"   // one case, or a part of it
	AuditList    AuditKind = "list"   // several, which were not asked for by name
	AuditSearch  AuditKind = "search" // several, which were
	AuditExport  AuditKind = "export"
	AuditPrint   AuditKind = "print"
	AuditMail    AuditKind = "mail"
	AuditLink    AuditKind = "link" // by an agency's link
	AuditCLI     AuditKind = "cli"
	AuditChange  AuditKind = "change"
	AuditRefused AuditKind = "refused" // somebody tried, and was not let
)

// Looks are the kinds by which someone saw personal data.
var Looks = []AuditKind{AuditView, AuditList, AuditSearch, AuditExport, AuditPrint, AuditMail, AuditLink, AuditCLI}

// Look is one entry of the audit: what was looked at, or done.
type Look struct {
	Kind    AuditKind
	Action  string // "view", or the name of the command
	Subject string // what kind of thing ID is of: case, referral, offer, task, account
	ID      uuid.UUID
	// Whose data it is: ids of cases, each that a list shows. nil: the case of the subject.
	Whose []uuid.UUID
}

// throughGlass are the cases that whoever asks sees by broken glass alone, each with the glass: by the scope of the
// transaction, as row-level security has it. The house itself looks through none.
const throughGlass = `SELECT DISTINCT ON (g.case_id) g.id, g.case_id FROM glass g JOIN restrictions x ON x.case_id = g.case_id
	WHERE g.account_id = (SELECT asks_account()) AND g.until > (SELECT asks_at())
		AND NOT EXISTS (SELECT FROM case_people p WHERE p.case_id = g.case_id AND p.account_id = g.account_id)
	ORDER BY g.case_id, g.broken_at DESC, g.id`

// ThroughGlass is why someone saw a case that they saw by broken glass alone; the entry's WhyID is the glass.
const ThroughGlass = "through_glass"

// Audit keeps an entry; it is committed with what it tells of, or not at all. What was seen by broken glass alone gets an
// entry of its own for each case, which says so and names the glass; where an entry has another reason, one beside it.
func Audit(ctx context.Context, q sqlx.ExecerContext, who Who, at time.Time, l Look) error {
	_, err := q.ExecContext(ctx, `WITH shown AS (SELECT coalesce($13::uuid[], CASE $8::text
				WHEN 'case' THEN array_remove(ARRAY[$9::uuid], NULL)
				WHEN 'referral' THEN ARRAY(SELECT case_id FROM referrals WHERE id = $9)
				WHEN 'timeline' THEN ARRAY(SELECT case_id FROM referrals WHERE id = $9)
				WHEN 'offer' THEN ARRAY(SELECT r.case_id FROM offers o JOIN referrals r ON r.id = o.referral_id WHERE o.id = $9)
				WHEN 'task' THEN ARRAY(SELECT r.case_id FROM tasks t JOIN referrals r ON r.id = t.referral_id WHERE t.id = $9)
				ELSE '{}' END) AS whose),
			through AS (`+throughGlass+`),
			behind AS (SELECT t.id, t.case_id FROM through t, shown s WHERE t.case_id = ANY (s.whose)),
			entries AS (SELECT false AS through, NULL::uuid AS glass, CASE WHEN $11::text <> '' OR NOT EXISTS (SELECT FROM behind) THEN s.whose
					ELSE ARRAY(SELECT x.id FROM unnest(s.whose) WITH ORDINALITY x(id, n) WHERE x.id NOT IN (SELECT case_id FROM behind) ORDER BY x.n)
					END AS whose FROM shown s
				UNION ALL SELECT true, id, ARRAY[case_id] FROM behind)
		INSERT INTO audit (organisation_id, at, actor_role, actor_for, actor_id, kind, action, subject, subject_id, via, why, why_id, whose)
		SELECT $1, $2, $3, $4, $5, CASE WHEN through AND $11 <> '' THEN 'view' ELSE $6 END, CASE WHEN through AND $11 <> '' THEN 'view' ELSE $7 END,
			$8::text, $9::uuid, $10, CASE WHEN through THEN '`+ThroughGlass+`' ELSE $11 END, coalesce(glass, $12), whose
		FROM entries WHERE through OR $11 <> '' OR whose <> '{}' OR NOT EXISTS (SELECT FROM behind) ORDER BY through, glass`,
		who.Organisation, at, who.Role, who.For, Nullable(who.ID), l.Kind, l.Action, l.Subject, Nullable(l.ID), who.Via, who.Why, Nullable(who.WhyID),
		cases(l.Whose))
	if err != nil {
		return fmt.Errorf("save audit: %w", Translate(err))
	}
	return nil
}

// InsertAudit records one look at one thing, or a change of it; subject says what kind of thing it was.
func InsertAudit(ctx context.Context, q sqlx.ExecerContext, who Who, at time.Time, action, subject string, id uuid.UUID) error {
	kind := AuditChange
	if action == "view" {
		kind = AuditView
	}
	return Audit(ctx, q, who, at, Look{Kind: kind, Action: action, Subject: subject, ID: id})
}

// cases gives ids as a parameter that is NULL when there is no list.
func cases(ids []uuid.UUID) any {
	if ids == nil {
		return nil
	}
	return pq.Array(ids)
}
