package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// AuditTrailRow is an entry of the audit as an auditor reads it: with the names of who looked, and of cases their references
// alone.
type AuditTrailRow struct {
	AuditRow
	ActorName  string         `db:"actor_name"`
	Agency     string         `db:"agency"` // of the offer that it is about, or by whose link someone came
	AgencyFR   string         `db:"agency_fr"`
	References pq.StringArray `db:"refs"`
	WhyName    string         `db:"why_name"` // of the colleague, the API key or the region that the entry speaks of
}

// AuditFilter chooses entries: of one case, or of one person.
type AuditFilter struct {
	Case, Actor uuid.UUID
	Since       time.Time // zero: from the beginning
	Before      int64     // entries with a smaller number; 0: the newest
	Limit       int
}

// AuditTrail reads entries, the newest first.
func AuditTrail(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, f AuditFilter) (list []AuditTrailRow, err error) {
	err = sqlx.SelectContext(ctx, q, &list, `SELECT `+auditColumns+`, coalesce(p.name, '') AS actor_name, coalesce(g.name, '') AS agency,
			coalesce(g.name_fr, '') AS agency_fr, coalesce(w.name, nullif(k.name, ''), z.name, '') AS why_name,
			ARRAY(SELECT c.reference FROM unnest(a.whose) WITH ORDINALITY x(id, n) JOIN cases c ON c.id = x.id AND c.organisation_id = $1 ORDER BY x.n) AS refs
		FROM audit a LEFT JOIN accounts p ON p.id = a.actor_id AND p.organisation_id = $1
			LEFT JOIN accounts w ON a.why = 'person' AND w.id = a.why_id AND w.organisation_id = $1
			LEFT JOIN api_keys k ON a.why = 'api_key' AND k.id = a.why_id AND k.organisation_id = $1
			LEFT JOIN regions z ON a.why LIKE 'place:%' AND z.id = a.why_id AND z.organisation_id = $1
			LEFT JOIN offers o ON o.organisation_id = $1 AND o.id = CASE WHEN a.why = 'link' THEN a.why_id WHEN a.subject = 'offer' THEN a.subject_id END
			LEFT JOIN services s ON s.id = o.service_id LEFT JOIN agencies g ON g.id = s.agency_id
		WHERE a.organisation_id = $1 AND ($2::uuid IS NULL OR a.whose @> ARRAY[$2::uuid]) AND ($3::uuid IS NULL OR a.actor_id = $3)
			AND ($4::timestamptz IS NULL OR a.at >= $4) AND ($5 = 0 OR a.id < $5)
		ORDER BY a.id DESC LIMIT $6`, organisation, Nullable(f.Case), Nullable(f.Actor), Nullable(f.Since), f.Before, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("read the audit: %w", Translate(err))
	}
	return list, nil
}

// CaseByReference finds a case by its reference, in capitals and without dashes; not_found when there is none.
func CaseByReference(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, reference string) (id uuid.UUID, err error) {
	err = sqlx.GetContext(ctx, q, &id, `SELECT id FROM cases WHERE organisation_id = $1 AND replace(reference, '-', '') = $2`, organisation, reference)
	if err != nil {
		return id, fmt.Errorf("read case: %w", Translate(err))
	}
	return id, nil
}

// opened are the kinds by which someone looked at a case on purpose, or tried to and was refused; a list shows many that
// nobody asked for.
const opened = `a.kind IN ('view', 'search', 'print', 'export', 'refused')`

// Seen is how many cases someone looked at, or tried to, in a stretch of time: an hour or a day of the organisation's clock.
type Seen struct {
	Actor      uuid.UUID      `db:"actor_id"`
	Name       string         `db:"name"`
	Start      time.Time      `db:"start"` // as the clock on the wall says, in UTC
	Cases      uuids          `db:"cases"`
	References pq.StringArray `db:"refs"`
	Tries      int            `db:"tries"` // that were refused; of RefusedBy only
}

// SeenBy counts what each person looked at, or tried to, since an instant, by "hour" or "day" of a zone, the oldest first.
func SeenBy(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, zone, stretch string, since time.Time) (list []Seen, err error) {
	err = sqlx.SelectContext(ctx, q, &list, `SELECT s.actor_id, p.name, s.start AT TIME ZONE 'UTC' AS start, array_agg(c.id ORDER BY c.reference) AS cases,
			array_agg(c.reference ORDER BY c.reference) AS refs
		FROM (SELECT DISTINCT a.actor_id, date_trunc($3, a.at AT TIME ZONE $2) AS start, x.id FROM audit a CROSS JOIN LATERAL unnest(a.whose) x(id)
			WHERE a.organisation_id = $1 AND a.at >= $4 AND a.actor_id IS NOT NULL AND `+opened+`) s
			JOIN accounts p ON p.id = s.actor_id JOIN cases c ON c.id = s.id
		GROUP BY 1, 2, 3 ORDER BY 3, 1`, organisation, zone, stretch, since)
	if err != nil {
		return nil, fmt.Errorf("read the audit: %w", Translate(err))
	}
	return list, nil
}

// RefusedBy counts what each person was refused since an instant, by day of a zone, the oldest first: of no case, as a
// sign-in, too.
func RefusedBy(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, zone string, since time.Time) (list []Seen, err error) {
	err = sqlx.SelectContext(ctx, q, &list, `SELECT a.actor_id, p.name, date_trunc('day', a.at AT TIME ZONE $2) AT TIME ZONE 'UTC' AS start,
			count(DISTINCT a.id) AS tries, coalesce(array_agg(DISTINCT c.id) FILTER (WHERE c.id IS NOT NULL), '{}') AS cases,
			coalesce(array_agg(DISTINCT c.reference) FILTER (WHERE c.id IS NOT NULL), '{}') AS refs
		FROM audit a JOIN accounts p ON p.id = a.actor_id LEFT JOIN cases c ON c.id = ANY (a.whose)
		WHERE a.organisation_id = $1 AND a.at >= $3 AND a.kind = 'refused' GROUP BY 1, 2, 3 ORDER BY 3, 1`, organisation, zone, since)
	if err != nil {
		return nil, fmt.Errorf("read the audit: %w", Translate(err))
	}
	return list, nil
}

// NameSeen is a case that someone looked at, or tried to, with both names. It holds personal data.
type NameSeen struct {
	Actor     uuid.UUID `db:"actor_id"`
	Name      string    `db:"name"`
	Case      uuid.UUID `db:"case_id"`
	CaseName  string    `db:"case_name"` // sealed
	Reference string    `db:"reference"`
	First     time.Time `db:"first"`
	Last      time.Time `db:"last"`
	Refused   bool      `db:"refused"` // each time
	CaseKey
}

// NamesSeen lists each person with each case that they looked at, or tried to, since an instant.
func NamesSeen(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, since time.Time) (list []NameSeen, err error) {
	err = sqlx.SelectContext(ctx, q, &list, `SELECT a.actor_id, p.name, c.id AS case_id, c.name AS case_name, c.reference, min(a.at) AS first, max(a.at) AS last,
			bool_and(a.kind = 'refused') AS refused`+caseKey+`
		FROM audit a CROSS JOIN LATERAL unnest(a.whose) x(id) JOIN cases c ON c.id = x.id AND NOT c.anonymous JOIN accounts p ON p.id = a.actor_id
			LEFT JOIN case_keys k ON k.case_id = c.id
		WHERE a.organisation_id = $1 AND a.at >= $2 AND `+opened+` GROUP BY 1, 2, 3, 4, 5, k.wrapped, k.kek ORDER BY last DESC, 3`, organisation, since)
	if err != nil {
		return nil, fmt.Errorf("read the audit: %w", Translate(err))
	}
	return list, nil
}
