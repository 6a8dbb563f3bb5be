package casework_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"throughline/referral"
)

// decided leaves out of a timeline the remarks about letters, which stand beside the version they found.
const decided = `what NOT IN ('new_link', 'deferred', 'delivered')`

// written is what one change left in the record besides the rows it changed.
type written struct{ Events, Letters, Outbox, Audit []string }

// watch gives what happens in between.
func (r *room) watch(id uuid.UUID, change func()) written {
	r.t.Helper()
	line := one[int64](r, `SELECT coalesce(max(id), 0) FROM timeline`)
	audit := one[int64](r, `SELECT coalesce(max(id), 0) FROM audit`)
	outbox := one[int64](r, `SELECT coalesce(max(id), 0) FROM outbox`)
	letters := all[uuid.UUID](r, `SELECT id FROM messages`)
	before := one[int](r, `SELECT version FROM referrals WHERE id = $1`, id)
	change()
	for _, v := range all[int](r, `SELECT DISTINCT version FROM timeline WHERE id > $1 AND referral_id = $2 AND (`+decided+` OR version > $3) ORDER BY 1`, line, id, before) {
		before++
		require.Equal(r.t, before, v, "each change is the next version")
	}
	require.Equal(r.t, before, one[int](r, `SELECT version FROM referrals WHERE id = $1`, id))
	w := written{Events: all[string](r, `SELECT what FROM timeline WHERE id > $1 ORDER BY id`, line),
		Outbox: all[string](r, `SELECT kind FROM outbox WHERE id > $1 ORDER BY kind`, outbox),
		Audit:  all[string](r, `SELECT action || ' ' || subject FROM audit WHERE id > $1 ORDER BY id`, audit), Letters: []string{}}
	for _, m := range all[struct {
		ID     uuid.UUID
		Letter string
	}](r, `SELECT id, letter FROM messages ORDER BY letter`) {
		if !slices.Contains(letters, m.ID) {
			w.Letters = append(w.Letters, m.Letter)
		}
	}
	return w
}

// refused requires an error of ours with this code and, when one is named, this field.
func refused(t testing.TB, err error, code referral.Code, field string) *referral.Error {
	t.Helper()
	var e *referral.Error
	require.True(t, errors.As(err, &e), "got %v, want %s", err, code)
	require.Equal(t, code, e.Code, "%v", err)
	require.Equal(t, field, e.Field, "%v", err)
	for _, secret := range []string{"Canary", "canary", "5550123"} {
		require.False(t, strings.Contains(err.Error(), secret), "the error holds the client's data")
	}
	return e
}
