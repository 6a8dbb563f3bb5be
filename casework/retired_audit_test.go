package casework_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

// oldAudit is a helpline whose audit begins with entries of over ten years ago, linked, and the heads that were exported
// as it grew: after the old ones at the time, and of today.
func oldAudit(t *testing.T, old int) (r *room, heads []casework.ExportedHead) {
	t.Helper()
	r = open(t)
	head := func(at time.Time) {
		r.linkUp()
		found, err := db.AuditHeads(t.Context(), r.db)
		require.NoError(t, err)
		for _, h := range found {
			if h.Organisation == r.organisation {
				heads = append(heads, casework.ExportedHead{Organisation: h.Organisation, Seq: h.Seq, Hash: h.Hash, At: at})
			}
		}
	}
	require.Zero(t, one[int](r, `SELECT count(*) FROM audit WHERE organisation_id = $1`, r.organisation))
	for n := range old {
		r.exec(`INSERT INTO audit (organisation_id, at, actor_role, action, kind, subject, via) VALUES ($1, now() - interval '10 years 4 days', 'system', 'old', 'change', $2, 'cli')`,
			r.organisation, fmt.Sprint("thing ", n))
		if n == 0 || n == old-1 {
			head(one[time.Time](r, `SELECT now() - interval '10 years 4 days'`))
		}
	}
	r.clock.Set(time.Now())
	for range 3 {
		_, err := r.Cases(t.Context(), r.navigator, 5)
		require.NoError(t, err)
		head(r.clock.Now())
	}
	return r, heads
}

func (r *room) retirements(heads []casework.ExportedHead) (list []casework.Retirement) {
	r.t.Helper()
	v, err := r.VerifyAudit(r.t.Context(), r.organisation, heads)
	require.NoError(r.t, err)
	return v.Retirements
}

// Retention takes away the beginning once it is ten years old, and the chain still holds: who verifies is told what was
// taken, when, and by which way.
func TestRetentionTakesTheBeginningOfTheAudit(t *testing.T) {
	t.Parallel()
	for via, retire := range map[string]func(r *room){
		"clock": func(r *room) {
			_, err := r.Retain(t.Context(), r.organisation, r.clock.Now())
			require.NoError(t, err)
		},
		"cli": func(r *room) { r.exec(`SELECT audit_retire($1, now())`, r.organisation) },
	} {
		r, heads := oldAudit(t, 3)
		require.Len(t, heads, 5)
		retire(r)
		r.linkUp()
		assert.Equal(t, 3, one[int](r, `SELECT 6 - count(*) FROM audit_chain c JOIN audit a ON a.id = c.audit_id WHERE c.organisation_id = $1 AND c.seq <= 6`, r.organisation))
		assert.Empty(t, r.verified(heads), via)
		assert.Empty(t, r.verified(nil), via)
		told := r.retirements(heads)
		require.Len(t, told, 1, via)
		assert.EqualValues(t, []any{int64(3), via}, []any{told[0].UpTo, told[0].Via})
		if via == "clock" {
			assert.Equal(t, r.clock.Now(), told[0].At.UTC(), "by the same clock as every entry")
		} else {
			assert.WithinDuration(t, time.Now(), told[0].At, time.Minute)
		}
	}
}

// Whoever owns the database can take away what they like and have an entry say that retention did. Of what was written
// since the first export, the heads show that it was too soon, whatever time the entry gives.
func TestAnAuditThatWasRetiredTooSoonIsFound(t *testing.T) {
	t.Parallel()
	for when, at := range map[string]string{"now": "now()", "in ten years": "now() + interval '10 years'"} {
		r, heads := oldAudit(t, 2)
		last := heads[len(heads)-1].Seq
		r.tamper(fmt.Sprintf(`DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_chain WHERE organisation_id = '%s')`, r.organisation))
		r.exec(`INSERT INTO audit (organisation_id, at, actor_role, action, kind, subject, via, why) VALUES ($1, `+at+`, 'system', 'retire_audit', 'change', 'audit', 'cli', $2)`,
			r.organisation, fmt.Sprint(last))
		r.linkUp()
		entry := one[int64](r, `SELECT audit_id FROM audit_chain WHERE organisation_id = $1 AND seq = $2`, r.organisation, last+1)
		want := fmt.Sprintf("%d %d it took the entries up to %d away too soon: a head that ends before them was exported at %s", last+1, entry, last,
			heads[len(heads)-2].At.UTC().Format(time.RFC3339))
		assert.Equal(t, []string{want}, r.verified(heads), when)
		assert.Empty(t, r.verified(nil), "without the export it can't be told from retention")
		assert.Len(t, r.retirements(nil), 1, "but it is named")

		// Ten years later, by the clock of whoever verifies, a head of today still says when the entry was there.
		r.clock.Advance(11 * 366 * day)
		heads = append(heads, casework.ExportedHead{Organisation: r.organisation, Seq: last + 1, Hash: one[[]byte](r, `SELECT hash FROM audit_chain
			WHERE organisation_id = $1 AND seq = $2`, r.organisation, last+1), At: time.Now()})
		assert.Equal(t, []string{want}, r.verified(heads), when)
	}
}

// Nobody has the application take away what is younger than ten years of the audit.
func TestTheAuditStaysForTenYears(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.closed(r.intake(r.services[0]))
	r.linkUp()
	entries := one[int](r, `SELECT count(*) FROM audit`)
	_, err := r.DB.ExecContext(t.Context(), `SELECT audit_retire($1, now() + interval '1 year')`, r.organisation)
	require.ErrorContains(t, err, "permission denied")
	for _, query := range []string{`SELECT audit_retire_old($1, now() + interval '100 years', now())`, `SELECT audit_retire_old($1, now() + interval '100 years', now() + interval '100 years')`} {
		_, err = r.DB.ExecContext(t.Context(), query, r.organisation)
		require.NoError(t, err)
	}
	assert.Equal(t, entries, one[int](r, `SELECT count(*) FROM audit`))
	r.exec(`INSERT INTO audit (organisation_id, at, actor_role, action, kind, subject, via) SELECT $1, now() - interval '10 years 4 days', 'system', 'old', 'change', 'x', 'cli'`, r.organisation)
	r.linkUp()
	list, err := r.RetentionDue(t.Context(), r.person(r.organisation, "Ada", referral.Admin))
	require.NoError(t, err)
	assert.NotEmpty(t, list)
	assert.Empty(t, r.verified(nil))
}
