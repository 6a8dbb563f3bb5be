package casework_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// Groups at a provider take nobody away who is the helpline's only administrator: the command line alone could make another.
func TestSingleSignOnKeepsAnAdministrator(t *testing.T) {
	t.Parallel()
	r := open(t)
	boss := r.boss("ada@helpline.example")
	as := func(subject, email string, role referral.Role) error {
		_, err := r.SignInBy(t.Context(), casework.Identity{Issuer: "https://id.example", Subject: subject, Email: email, Role: role})
		return err
	}
	refused(t, as("1", "ada@helpline.example", referral.Navigator), referral.CodeConflict, "last_admin")
	role := func(id uuid.UUID) string { return one[string](r, `SELECT role FROM accounts WHERE id = $1`, id) }
	assert.Equal(t, "admin", role(boss.ID))
	r.boss("second@helpline.example")
	require.NoError(t, as("1", "ada@helpline.example", referral.Navigator))
	assert.Equal(t, "navigator", role(boss.ID))
	refused(t, as("2", "second@helpline.example", referral.Coordinator), referral.CodeConflict, "last_admin")
}

// Two administrators who let each other go at the same moment do not leave the helpline without any.
func TestAdministratorsDoNotAllGoAtOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	for range 10 {
		r.exec(`UPDATE accounts SET active = false WHERE role = 'admin'`)
		a, b := r.person(r.organisation, "Ada", referral.Admin), r.person(r.organisation, "Ben", referral.Admin)
		var both sync.WaitGroup
		both.Go(func() { _ = r.ChangeRole(t.Context(), a, b.ID, referral.Auditor) })
		both.Go(func() { _ = r.ClosePerson(t.Context(), b, a.ID) })
		both.Wait()
		require.Equal(t, 1, one[int](r, `SELECT count(*) FROM accounts WHERE role = 'admin' AND active`))
	}
}
