package casework_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

// chained is a helpline with a chain of some length beside another's, and the numbers of its entries by place.
func chained(t *testing.T) (r *room, ids []int64, heads []casework.ExportedHead) {
	t.Helper()
	r = open(t)
	other := r.person(r.helpline("Another 211"), "Ola", referral.Navigator)
	s := r.at(referral.Accepted)
	for range 4 {
		_, _, err := r.Case(t.Context(), r.navigator, s.CaseID)
		require.NoError(t, err)
		_, err = r.Cases(t.Context(), other, 5)
		require.NoError(t, err)
	}
	r.linkUp()
	ids = append([]int64{0}, all[int64](r, `SELECT audit_id FROM audit_chain WHERE organisation_id = $1 ORDER BY seq`, r.organisation)...)
	require.Greater(t, len(ids), 8)
	found, err := db.AuditHeads(t.Context(), r.db)
	require.NoError(t, err)
	require.Len(t, found, 2)
	for _, h := range found {
		heads = append(heads, casework.ExportedHead{Organisation: h.Organisation, Seq: h.Seq, Hash: h.Hash, At: monday})
	}
	return r, ids, heads
}

func (r *room) verified(heads []casework.ExportedHead) []string {
	r.t.Helper()
	v, err := r.VerifyAudit(context.Background(), uuid.Nil, heads)
	require.NoError(r.t, err)
	require.Positive(r.t, v.Links)
	found := []string{}
	for _, f := range v.Tamperings {
		found = append(found, fmt.Sprintf("%d %d %s", f.Seq, f.Entry, f.What))
	}
	return found
}

// tamper does what someone with every right can do, with every trigger off.
func (r *room) tamper(statements ...string) {
	r.t.Helper()
	tx, err := r.db.BeginTxx(context.Background(), nil)
	require.NoError(r.t, err)
	defer tx.Rollback() //nolint:errcheck // committed below
	for _, s := range append([]string{`SET LOCAL session_replication_role = replica`}, statements...) {
		_, err := tx.ExecContext(context.Background(), s)
		require.NoError(r.t, err, s)
	}
	require.NoError(r.t, tx.Commit())
}

func TestAnUntouchedAuditVerifies(t *testing.T) {
	t.Parallel()
	r, _, heads := chained(t)
	assert.Empty(t, r.verified(nil))
	assert.Empty(t, r.verified(heads))
	_, err := r.Cases(t.Context(), r.navigator, 5)
	require.NoError(t, err)
	v, err := r.VerifyAudit(t.Context(), r.organisation, heads)
	require.NoError(t, err)
	assert.Empty(t, v.Tamperings)
	assert.Equal(t, []int{1, 1}, []int{v.Waiting, v.Heads}, "what was just written waits")
}

// Each way of tampering by hand is found, named by its place and number, and nothing else is.
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	changed := map[string]string{
		"organisation_id": `(SELECT id FROM organisations WHERE name = 'Another 211')`, "at": `at + interval '1 microsecond'`,
		"actor_role": `'client'`, "actor_for": `'client'`, "actor_id": `gen_random_uuid()`, "kind": `'cli'`, "action": `action || ' '`,
		"subject": `'nothing'`, "subject_id": `NULL`, "whose": `whose || gen_random_uuid()`, "via": `'cli'`, "why": `'because'`,
		"why_id": `gen_random_uuid()`,
	}
	r, _, _ := chained(t)
	columns := all[string](r, `SELECT column_name FROM information_schema.columns WHERE table_name = 'audit' AND column_name <> 'id'`)
	for _, column := range columns {
		r, ids, heads := chained(t)
		require.NotEmpty(t, changed[column], "%s: say how it is tampered with", column)
		r.tamper(fmt.Sprintf(`UPDATE audit SET %s = %s WHERE id = %d`, column, changed[column], ids[4]))
		assert.Equal(t, []string{fmt.Sprintf("4 %d changed", ids[4])}, r.verified(heads), column)
	}

	for name, c := range map[string]struct {
		tamper func(ids []int64, last int) []string
		found  func(ids []int64, last int) []string
	}{
		"the first is deleted": {
			func(ids []int64, _ int) []string {
				return []string{fmt.Sprintf(`DELETE FROM audit WHERE id = %d`, ids[1])}
			},
			func(ids []int64, _ int) []string { return []string{fmt.Sprintf("1 %d missing", ids[1])} }},
		"one in the middle is deleted with its link": {
			func(ids []int64, _ int) []string {
				return []string{fmt.Sprintf(`DELETE FROM audit WHERE id = %d`, ids[5]), fmt.Sprintf(`DELETE FROM audit_chain WHERE audit_id = %d`, ids[5])}
			},
			func([]int64, int) []string { return []string{"5 0 missing, with its link"} }},
		"the last is deleted": {
			func(ids []int64, last int) []string {
				return []string{fmt.Sprintf(`DELETE FROM audit WHERE id = %d`, ids[last])}
			},
			func(ids []int64, last int) []string { return []string{fmt.Sprintf("%d %d missing", last, ids[last])} }},
		"the last two are deleted with their links": {
			func(ids []int64, last int) []string {
				return []string{fmt.Sprintf(`DELETE FROM audit WHERE id IN (%d, %d)`, ids[last-1], ids[last]),
					fmt.Sprintf(`DELETE FROM audit_chain WHERE audit_id IN (%d, %d)`, ids[last-1], ids[last])}
			},
			func(_ []int64, last int) []string {
				return []string{fmt.Sprintf("%d 0 missing: an exported head says that it was there", last-1),
					fmt.Sprintf("%d 0 missing: an exported head says that it was there", last)}
			}},
		"two change places": {
			func(ids []int64, _ int) []string {
				return []string{`ALTER TABLE audit ALTER id SET GENERATED BY DEFAULT`, fmt.Sprintf(`UPDATE audit SET id = -1 WHERE id = %d`, ids[2]),
					fmt.Sprintf(`UPDATE audit SET id = %d WHERE id = %d`, ids[2], ids[6]), fmt.Sprintf(`UPDATE audit SET id = %d WHERE id = -1`, ids[6])}
			},
			func(ids []int64, _ int) []string {
				return []string{fmt.Sprintf("2 %d out of order: what was here stands at 6", ids[2]), fmt.Sprintf("6 %d out of order: what was here stands at 2", ids[6])}
			}},
		"two links change places": {
			func(ids []int64, _ int) []string {
				return []string{fmt.Sprintf(`UPDATE audit_chain SET audit_id = -1 WHERE audit_id = %d`, ids[2]),
					fmt.Sprintf(`UPDATE audit_chain SET audit_id = %d WHERE audit_id = %d`, ids[2], ids[6]),
					fmt.Sprintf(`UPDATE audit_chain SET audit_id = %d WHERE audit_id = -1`, ids[6])}
			},
			func(ids []int64, _ int) []string {
				return []string{fmt.Sprintf("2 %d out of order: what was here stands at 6", ids[6]), fmt.Sprintf("6 %d out of order: what was here stands at 2", ids[2])}
			}},
		"a number is changed": {
			func(ids []int64, _ int) []string {
				return []string{`ALTER TABLE audit ALTER id SET GENERATED BY DEFAULT`, fmt.Sprintf(`UPDATE audit SET id = 1000000 WHERE id = %d`, ids[3])}
			},
			func(ids []int64, _ int) []string {
				return []string{fmt.Sprintf("3 %d its number was changed to 1000000", ids[3])}
			}},
		"one is inserted": {
			func([]int64, int) []string {
				return []string{`INSERT INTO audit (id, organisation_id, at, actor_role, action, subject, via) OVERRIDING SYSTEM VALUE
					SELECT 1000000, organisation_id, at, actor_role, action, subject, via FROM audit ORDER BY id LIMIT 1`}
			},
			func([]int64, int) []string { return []string{"0 1000000 inserted: it stands in no chain"} }},
		"a hash is changed": {
			func(ids []int64, _ int) []string {
				return []string{fmt.Sprintf(`UPDATE audit_chain SET hash = sha256('x') WHERE audit_id = %d`, ids[3])}
			},
			func(ids []int64, _ int) []string { return []string{fmt.Sprintf("3 %d changed", ids[3])} }},
		"what a link follows is changed": {
			func(ids []int64, _ int) []string {
				return []string{fmt.Sprintf(`UPDATE audit_chain SET prev = sha256('x') WHERE audit_id = %d`, ids[3])}
			},
			func(ids []int64, _ int) []string { return []string{fmt.Sprintf("3 %d its link was changed", ids[3])} }},
		"one goes before it is linked": {
			func([]int64, int) []string { return []string{`INSERT INTO audit_waiting (audit_id) VALUES (1000000)`} },
			func([]int64, int) []string { return []string{"0 1000000 missing: it went before it was linked"} }},
	} {
		r, ids, heads := chained(t)
		last := len(ids) - 1
		r.tamper(c.tamper(ids, last)...)
		assert.Equal(t, c.found(ids, last), r.verified(heads), name)
	}
}

// Someone who makes the whole chain anew after a change is found by what was exported, and by nothing else.
func TestAChainMadeAnewIsFoundByTheExport(t *testing.T) {
	t.Parallel()
	r, ids, heads := chained(t)
	r.tamper(fmt.Sprintf(`UPDATE audit SET action = 'nothing' WHERE id = %d`, ids[2]), `DELETE FROM audit_chain`,
		`INSERT INTO audit_waiting (audit_id) SELECT id FROM audit`, `SELECT audit_link_up(100000)`)
	assert.Empty(t, r.verified(nil))
	found := r.verified(heads)
	last := len(ids) - 1
	assert.Equal(t, []string{fmt.Sprintf("%d %d not what the exported head says: the chain up to here was made anew", last, ids[last])}, found)
}

// Lines are only added, whoever asks.
func TestLinesAreOnlyAdded(t *testing.T) {
	t.Parallel()
	r, ids, heads := chained(t)
	for _, statement := range []string{`UPDATE audit SET why = 'x'`, `DELETE FROM audit`, `TRUNCATE audit CASCADE`, `UPDATE audit_chain SET prev = hash`,
		`DELETE FROM audit_chain`, `TRUNCATE audit_chain`} {
		_, err := r.db.ExecContext(t.Context(), statement)
		require.ErrorContains(t, err, "are only added", statement)
	}
	assert.Zero(t, one[int64](r, `SELECT audit_retire($1, now() + interval '1 year')`, r.organisation), "nothing is ten years old")
	_, err := r.db.ExecContext(t.Context(), `SET throughline.retire = 'on'; DELETE FROM audit`)
	require.ErrorContains(t, err, "are only added", "whatever its owner says it is")
	assert.Empty(t, r.verified(heads))
	assert.Equal(t, len(ids)-1, one[int](r, `SELECT count(*) FROM audit WHERE organisation_id = $1`, r.organisation))

	r.exec(`CREATE ROLE ` + r.role() + ` NOLOGIN`)
	r.exec(`GRANT SELECT, INSERT, DELETE ON audit TO ` + r.role())
	tx, err := r.db.BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback() //nolint:errcheck // there is nothing to keep
	_, err = tx.ExecContext(t.Context(), `SET LOCAL ROLE `+r.role()+`; SET LOCAL throughline.role = 'system'; SET LOCAL throughline.retire = 'on'; DELETE FROM audit`)
	require.ErrorContains(t, err, "are only added", "who does not own the table can't say that it is retention")
	require.NoError(t, tx.Rollback())
	r.exec(`DROP OWNED BY ` + r.role() + `; DROP ROLE ` + r.role())
}

// role is a role of this test's own: roles are the server's, and tests share it.
func (r *room) role() string { return "app_" + one[string](r, `SELECT current_database()`) }
