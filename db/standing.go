package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Standing is how the whole record stands, in numbers: nothing in it is about one person. The zero time means none.
type Standing struct {
	Referrals map[string]int     // open ones, by the state of the offer that counts; "none" when nobody is asked
	Steps     Backlog            // steps of open referrals that are past their time
	Outbox    map[string]Backlog // promises not kept yet, by kind, without those that are held back on purpose
	Messages  map[string]Backlog // those whose fate is open, by state
	Tasks     map[string]int     // open ones, by kind
	TasksLate int                // open, and past their time
	Escalated int                // open, and handed to the coordinators because nobody did them
	Unlinked  Backlog            // entries of the audit that are not linked into their chain yet
	Glass     Backlog            // times that a restricted case was opened by who is not named, which nobody has looked at
	Exports   Backlog            // chains whose head is ahead of what was exported, and the oldest entry that is
}

// Backlog counts what waits, and says since when the oldest does.
type Backlog struct {
	Count  int
	Oldest time.Time
}

// standing asks for everything in one round trip, and reads what is open only: years of closed referrals behind it do
// not make it slower (state <> 'closed' is the condition of the index). The offer that counts is that of the queue's page.
const standing = `
	SELECT 'referral' AS what, coalesce(o.state, 'none') AS label, count(*) AS n, NULL::timestamptz AS oldest
	FROM referrals r LEFT JOIN LATERAL (SELECT state FROM offers WHERE referral_id = r.id AND state <> 'queued'
		AND state NOT IN ('declined', 'lapsed', 'withdrawn', 'failed', 'in_error')
		ORDER BY state = 'waitlisted', entered_at DESC LIMIT 1) o ON true
	WHERE r.state <> 'closed' AND r.state = 'open' GROUP BY 2
	UNION ALL SELECT 'step', '', count(*), min(step_due) FROM referrals WHERE state <> 'closed' AND state = 'open' AND step_due < $1
	UNION ALL SELECT 'outbox', kind, count(*), min(created_at) FROM outbox
		WHERE done_at IS NULL AND (attempts > 0 OR available_at <= now()) GROUP BY kind
	UNION ALL SELECT 'message', state, count(*), min(created_at) FROM messages
		WHERE state IN ('pending', 'claimed', 'ambiguous') GROUP BY state
	UNION ALL SELECT 'task', kind, count(*), NULL FROM tasks WHERE state = 'open' GROUP BY kind
	UNION ALL SELECT 'late', '', count(*), NULL FROM tasks WHERE state = 'open' AND due_at < $1
	UNION ALL SELECT 'escalated', '', count(*), NULL FROM tasks WHERE state = 'open' AND escalations > 0
	UNION ALL SELECT 'glass', '', count(*), min(broken_at) FROM glass WHERE reviewed_at IS NULL
	UNION ALL SELECT 'unlinked', '', count(*), min(since) FROM audit_waiting
	UNION ALL SELECT 'export', '', count(*), min(first.at) FROM organisations g LEFT JOIN audit_exports e ON e.organisation_id = g.id
		CROSS JOIN LATERAL (SELECT (SELECT at FROM audit WHERE id = c.audit_id) AS at FROM audit_chain c
			WHERE c.organisation_id = g.id AND c.seq > coalesce(e.seq, 0) ORDER BY c.seq LIMIT 1) first`

// ReadStanding counts how the record stands at an instant.
func ReadStanding(ctx context.Context, q sqlx.QueryerContext, now time.Time) (Standing, error) {
	var rows []struct {
		What   string     `db:"what"`
		Label  string     `db:"label"`
		N      int        `db:"n"`
		Oldest *time.Time `db:"oldest"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, standing, now); err != nil {
		return Standing{}, fmt.Errorf("read standing: %w", Translate(err))
	}
	s := Standing{Referrals: map[string]int{}, Outbox: map[string]Backlog{}, Messages: map[string]Backlog{}, Tasks: map[string]int{}}
	for _, r := range rows {
		waits := Backlog{Count: r.N}
		if r.Oldest != nil {
			waits.Oldest = *r.Oldest
		}
		switch r.What {
		case "referral":
			s.Referrals[r.Label] = r.N
		case "step":
			s.Steps = waits
		case "outbox":
			s.Outbox[r.Label] = waits
		case "message":
			s.Messages[r.Label] = waits
		case "task":
			s.Tasks[r.Label] = r.N
		case "late":
			s.TasksLate = r.N
		case "escalated":
			s.Escalated = r.N
		case "glass":
			s.Glass = waits
		case "unlinked":
			s.Unlinked = waits
		case "export":
			s.Exports = waits
		}
	}
	return s, nil
}
