package db

import (
	"github.com/google/uuid"

	"throughline/referral"
)

// SaveTasks adds new tasks and writes what became of old ones. A finished task keeps who finished it and the result, which
// is sealed for it.
func SaveTasks(organisation, referralID uuid.UUID, tasks []referral.Task, by uuid.UUID, results map[uuid.UUID]string) Part {
	if len(tasks) == 0 {
		return Part{}
	}
	rows := make([]taskJSON, len(tasks))
	for i, t := range tasks {
		rows[i] = taskJSON{ID: t.ID, Kind: t.Kind, Offer: pointer(t.Offer), Cause: t.Cause, State: t.State, Role: t.Role,
			Assignee: pointer(t.Assignee), Created: t.Created, Due: t.Due, Done: pointer(t.Done), Escalations: t.Escalations, Result: results[t.ID]}
	}
	raw, err := asJSON(rows)
	return part(err, `saved_tasks AS (INSERT INTO tasks (id, organisation_id, referral_id, offer_id, kind, cause, state, role,
		assignee_id, created_at, due_at, done_at, escalations, done_by, result)
		SELECT id, $1, $2, offer_id, kind, cause, state, role, assignee_id, created_at, due_at, done_at, escalations,
			CASE WHEN state = 'done' THEN $4::uuid END, CASE WHEN state = 'done' THEN result ELSE '' END
		FROM jsonb_to_recordset($3) AS x(id uuid, offer_id uuid, kind text, cause text, state text, role text,
			assignee_id uuid, created_at timestamptz, due_at timestamptz, done_at timestamptz, escalations int, result text)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, role = excluded.role, assignee_id = excluded.assignee_id,
			due_at = excluded.due_at, done_at = excluded.done_at, escalations = excluded.escalations,
			done_by = excluded.done_by, result = excluded.result)`,
		organisation, referralID, raw, Nullable(by))
}
