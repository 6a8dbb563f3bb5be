package casework_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

func TestTheScheduleHasBounds(t *testing.T) {
	t.Parallel()
	r := open(t)
	admin := r.person(r.organisation, "Ada", referral.Admin)
	before := r.contents()
	err := r.SetRetention(t.Context(), admin, map[string]int{"audit": 3652, "closed_cases": 364, "letters": 1, "visits": 10})
	fields := map[string]bool{}
	for _, e := range referral.All(err) {
		assert.Equal(t, referral.CodeInvalid, e.Code)
		fields[e.Field] = true
	}
	assert.Equal(t, map[string]bool{"days.audit": true, "days.closed_cases": true, "kind": true}, fields)
	assert.Equal(t, before, r.contents(), "nothing is half chosen")
	refused(t, r.SetRetention(t.Context(), r.coordinator, map[string]int{"visits": 10}), referral.CodeForbidden, "")
	require.NoError(t, r.SetRetention(t.Context(), admin, map[string]int{"visits": 10, "answers": 30}))
	list, err := r.RetentionSchedule(t.Context(), admin)
	require.NoError(t, err)
	require.Len(t, list, len(casework.Retentions))
	for _, k := range list {
		if k.Kind == "visits" {
			assert.Equal(t, []any{10, "Ada"}, []any{k.InForce, k.SetBy})
			continue
		}
		assert.Equal(t, k.Days, k.InForce)
		assert.Empty(t, k.SetBy)
	}
	other, err := r.RetentionSchedule(t.Context(), r.person(r.helpline("Another 211"), "Ola", referral.Admin))
	require.NoError(t, err)
	assert.NotEqual(t, list, other, "each helpline has its own")
	for _, k := range casework.Retentions {
		assert.True(t, k.Least <= k.Days && k.Days <= k.Most, k.Kind)
	}
}

// aged has everything of a helpline get old, one of each kind.
func (r *room) aged() (closed, anonymous, held, open casework.Intake) {
	r.t.Helper()
	closed, _ = r.told()
	r.closed(closed)
	in := casework.IntakeInput{Referral: food(r.services[0])}
	anonymous, err := r.Intake(r.t.Context(), r.navigator, in, nil)
	require.NoError(r.t, err)
	r.closed(anonymous)
	held, _ = r.sent(r.services[0])
	open = r.intake(r.services[1])
	r.closed(held)
	require.NoError(r.t, r.HoldCase(r.t.Context(), r.person(r.organisation, "Sacha", referral.Supervisor), held.CaseID, "a court asks"))
	r.exec(`INSERT INTO visits (id, organisation_id, account_id, method, created_at, seen_at, expires_at) VALUES (gen_random_uuid(), $1, $2, 'password', $3, $3, $3)`,
		r.organisation, r.navigator.ID, r.clock.Now())
	r.exec(`INSERT INTO known_devices (account_id, device_hash, seen_at) VALUES ($1, '\x01', $2)`, r.navigator.ID, r.clock.Now())
	r.exec(`INSERT INTO provider_events (event_id, organisation_id, message_id, kind, happened_at, received_at, raw, outcome, processed_at)
		SELECT 'e', organisation_id, id, 'delivered', $1, $1, '', 'applied', $1 FROM messages LIMIT 1`, r.clock.Now())
	return closed, anonymous, held, open
}

// A dry run says what would go, by kind, and changes nothing but the audit; then that goes, and nothing else.
func TestADryRunSaysWhatTheScheduleDoes(t *testing.T) {
	t.Parallel()
	r := open(t)
	closed, anonymous, held, open := r.aged()
	admin := r.person(r.organisation, "Ada", referral.Admin)
	refusedToAll := r.as(referral.Supervisor)
	_, err := r.RetentionDue(t.Context(), refusedToAll)
	refused(t, err, referral.CodeForbidden, "")
	r.clock.Advance(364 * day)
	list, err := r.RetentionDue(t.Context(), admin)
	require.NoError(t, err)
	for _, k := range list {
		if k.Kind == "closed_cases" || k.Kind == "anonymous_cases" {
			assert.Zero(t, k.Count, "a day too early: %s", k.Kind)
		}
	}

	r.clock.Advance(2 * 366 * day)
	before, entries := r.contents(), one[int](r, `SELECT count(*) FROM audit`)
	list, err = r.RetentionDue(t.Context(), admin)
	require.NoError(t, err)
	assert.Equal(t, []string{"audit"}, changed(before, r.contents()), "apart from the entry of the look nothing has changed")
	assert.Equal(t, entries+1, one[int](r, `SELECT count(*) FROM audit`))
	kinds := map[string]casework.DueKind{}
	for _, k := range list {
		kinds[k.Kind] = k
	}
	assert.Equal(t, []string{closed.Reference}, kinds["closed_cases"].Cases)
	assert.Equal(t, []string{held.Reference}, kinds["closed_cases"].Held)
	assert.Equal(t, []string{anonymous.Reference}, kinds["anonymous_cases"].Cases)
	for _, kind := range []string{"answers", "provider_events", "visits", "devices", "letter_addresses"} {
		assert.Positive(t, kinds[kind].Count, kind)
	}
	assert.Zero(t, kinds["audit"].Count, "ten years are not over")

	w, err := r.Retain(t.Context(), r.organisation, r.clock.Now())
	require.NoError(t, err)
	assert.True(t, w.Due.After(r.clock.Now()) && !w.Due.After(r.clock.Now().Add(28*time.Hour)))
	assert.Equal(t, 3, w.Due.In(referral.Toronto).Hour())
	list, err = r.RetentionDue(t.Context(), admin)
	require.NoError(t, err)
	for _, k := range list {
		assert.Zero(t, k.Count, "%s: what was due has gone, or waits", k.Kind)
		kinds[k.Kind] = k
	}
	assert.Equal(t, []string{closed.Reference}, kinds["closed_cases"].Waiting)
	_, err = r.Retain(t.Context(), r.organisation, r.clock.Now())
	require.NoError(t, err, "twice is once")
	assert.Equal(t, 2, one[int](r, `SELECT count(*) FROM erasures`))

	r.clock.Advance(7 * day)
	for _, in := range []casework.Intake{closed, anonymous} {
		_, gone, err := r.Erase(t.Context(), one[uuid.UUID](r, `SELECT id FROM erasures WHERE case_id = $1`, in.CaseID), r.clock.Now())
		require.NoError(t, err)
		assert.Equal(t, in.CaseID, gone, "the schedule needs no second person")
	}
	assert.Equal(t, 2, one[int](r, `SELECT count(*) FROM cases WHERE erased_at IS NULL AND id IN ($1, $2)`, held.CaseID, open.CaseID))
}

// The schedule takes away what was prepared for clients as its own time does, with an entry by the same clock.
func TestTheScheduleEndsExportsWithAnEntry(t *testing.T) {
	t.Parallel()
	r := open(t)
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	asked := r.exported(supervisor, r.intake(r.services[0]).CaseID)
	require.NoError(t, r.SetRetention(t.Context(), r.person(r.organisation, "Ada", referral.Admin), map[string]int{"exports": 1}))
	r.clock.Advance(2 * day)
	for range 2 { // twice is once
		_, err := r.Retain(t.Context(), r.organisation, r.clock.Now())
		require.NoError(t, err)
	}
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM case_exports WHERE body = '' AND gone_at = $1`, r.clock.Now()))
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM audit WHERE action = 'end_export' AND why = 'export' AND why_id = $1 AND via = 'clock' AND at = $2`,
		asked, r.clock.Now()))
	w, err := r.CarryExport(t.Context(), asked, r.clock.Now().Add(6*day))
	require.NoError(t, err)
	assert.True(t, w.Ended)
}
