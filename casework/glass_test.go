package casework_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

// through is every way in which someone can see a case or change it without being named on it, by broken glass.
func (r *room) through(who casework.Actor, s scene) map[string]func() error {
	ctx := r.t.Context()
	calls := map[string]func() error{
		"Queue":       func() error { _, _, err := r.Queue(ctx, who, casework.QueueFilter{}); return err },
		"Tasks":       func() error { _, _, err := r.Tasks(ctx, who, casework.TaskFilter{}); return err },
		"Cases":       func() error { _, err := r.Cases(ctx, who, 10); return err },
		"FindCases":   func() error { _, err := r.FindCases(ctx, who, s.Reference); return err },
		"CaseHistory": func() error { _, err := r.CaseHistory(ctx, who, s.CaseID); return err },
		"Correct": func() error {
			_, err := r.Correct(ctx, who, s.CaseID, casework.CorrectionInput{Notes: new(uuid.NewString()), Reason: "so", IfVersion: 1}, nil)
			return err
		},
		"HoldCase":     func() error { return r.HoldCase(ctx, who, s.CaseID, "a court asks") },
		"AskExport":    func() error { _, err := r.AskExport(ctx, who, s.CaseID, "en"); return err },
		"AccessReport": func() error { _, err := r.AccessReport(ctx, who, s.CaseID); return err },
		"Do": func() error {
			_, err := r.Do(ctx, who, s.ReferralID, casework.CommandInput{Do: referral.Answer, OfferID: s.offer, Note: "The second"}, nil)
			return err
		},
	}
	seen := r.methods(who, s)
	for _, name := range []string{"Case", "Referral", "Timeline", "Task", "Keeping"} {
		calls[name] = seen[name]
	}
	return calls
}

// Each look through broken glass says in its own entry that it was one, and through which: in lists too, in which the
// entry names that case alone. What has another reason has one beside it.
func TestLooksThroughBrokenGlassSaySo(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	s := r.at(referral.InfoRequested)
	r.tick(s.ReferralID)
	s.task = r.holding(s.ReferralID, referral.AnswerAgency)[0].ID
	r.at(referral.Sent) // that everybody sees
	r.restricted(s)
	_, err := r.BreakGlass(ctx, supervisor, s.Reference, "he is on the line")
	require.NoError(t, err)
	glass := one[uuid.UUID](r, `SELECT id FROM glass`)
	look := func(name string, call func() error, want bool) {
		t.Helper()
		last := one[int64](r, `SELECT max(id) FROM audit`)
		require.NoError(t, call(), name)
		said := 0
		for _, e := range r.entries(last) {
			if e.Why == db.ThroughGlass {
				said++
				assert.Equal(t, []uuid.UUID{s.CaseID}, []uuid.UUID(e.Whose), name)
				require.NotNil(t, e.WhyID, name)
				assert.Equal(t, glass, *e.WhyID, name)
				assert.Equal(t, supervisor.ID, *e.Actor, name)
				continue
			}
			assert.False(t, want && e.Why == "" && slices.Contains(e.Whose, s.CaseID), "%s: an entry is silent about it: %+v", name, e)
		}
		assert.Equal(t, map[bool]int{true: 1, false: 0}[want], said, name)
	}
	calls := r.through(supervisor, s)
	for name, call := range calls {
		if name != "Do" {
			look(name, call, true)
		}
	}
	look("Do", calls["Do"], true) // which ends the task that a list shows
	for name, call := range map[string]func() error{
		"RestrictedCases": func() error { _, err := r.RestrictedCases(ctx, supervisor); return err },
		"GlassToReview":   func() error { _, err := r.GlassToReview(ctx, supervisor); return err },
	} {
		look(name, call, false) // which show no case to whoever may read them
	}
	look("someone named", func() error { _, _, err := r.Case(ctx, r.navigator, s.CaseID); return err }, false)

	require.NoError(t, r.NamePerson(ctx, r.navigator, s.CaseID, supervisor.ID))
	look("named since", func() error { _, _, err := r.Case(ctx, supervisor, s.CaseID); return err }, false)
	require.NoError(t, r.UnnamePerson(ctx, r.navigator, s.CaseID, supervisor.ID))
}
