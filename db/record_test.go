package db_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
	"throughline/referral"
)

// oneReferral writes a referral that has been at work for a while, with an offer and a task.
func oneReferral(t *testing.T, d *sqlx.DB) (db.Record, referral.Facts) {
	t.Helper()
	ctx, at := t.Context(), time.Date(2026, 11, 23, 15, 0, 0, 123456000, time.UTC)
	org := db.Organisation{ID: uuid.New(), Name: "Kawartha 211", TimeZone: "America/Winnipeg", CreatedAt: at}
	require.NoError(t, db.InsertOrganisation(ctx, d, org))
	who := db.Account{ID: uuid.New(), OrganisationID: org.ID, Email: "n@helpline.example", Name: "Noor", Role: referral.Navigator,
		Locale: "en", PasswordHash: "-", Active: true, CreatedAt: at}
	require.NoError(t, db.InsertAccount(ctx, d, who))
	c := db.CaseRow{ID: uuid.New(), OrganisationID: org.ID, Reference: "C-1", Anonymous: true, Language: "en", CreatedBy: who.ID, CreatedAt: at}
	f := referral.Facts{ID: uuid.New(), State: referral.Open, Urgency: referral.Urgent, Version: 1, Owner: who.ID, Created: at, Opened: at}
	f.Offers = []referral.Offer{{ID: uuid.New(), Service: uuid.New(), Rank: 1, State: referral.Queued, Entered: at, News: at}}
	yes := referral.Consent{Agreed: map[uuid.UUID][]referral.Group{f.Offers[0].Service: referral.UsualGroups}, At: at, Until: at.AddDate(1, 0, 0)}
	back := referral.Consent{Agreed: map[uuid.UUID][]referral.Group{f.Offers[0].Service: {referral.ContactGroup}}, At: at, Back: true}
	f.Consents = []referral.Consent{yes, back}
	err := db.InTx(ctx, d, func(ctx context.Context, tx *sqlx.Tx) error {
		step := referral.Step{Do: referral.Send, Offer: f.Offers[0].ID, Due: at, Role: referral.Navigator, Person: who.ID}
		require.NoError(t, db.Write(ctx, tx, db.InsertOffers(org.ID, f.ID, f.Offers), db.InsertCase(c),
			db.InsertReferral(db.NewReferral{Organisation: org.ID, Case: c.ID, Need: "food", Facts: f, Step: step})))
		for _, said := range f.Consents {
			row := db.Consent{ID: uuid.New(), Organisation: org.ID, Case: c.ID, Referral: f.ID, Given: !said.Back, How: "verbal", Said: said, By: who.ID, At: said.At}
			require.NoError(t, db.Write(ctx, tx, db.InsertConsent(row)))
		}
		f.Version = 2
		o := &f.Offers[0]
		o.State, o.Sent, o.Paused, o.Reminded, o.Asks, o.Attempts = referral.Sent, at.Add(time.Second), 90*time.Minute, at.Add(time.Hour), 2, 3
		o.Reason, o.Outcome, o.Visit, o.Escalated, o.Asked = "full", "moved", at.AddDate(0, 1, 0), at.Add(2*time.Hour), at.Add(3*time.Hour)
		f.Tasks = []referral.Task{{ID: uuid.New(), Kind: referral.CallAgency, Offer: o.ID, Cause: "silence", State: referral.TaskOpen,
			Role: referral.Coordinator, Created: at, Due: at.Add(time.Hour), Escalations: 1}}
		return db.Write(ctx, tx, db.UpdateOffers(f.Offers, nil), db.SaveTasks(org.ID, f.ID, f.Tasks, uuid.Nil, nil), db.UpdateReferral(f, 1, step))
	})
	require.NoError(t, err)
	rec, err := db.ReadRecord(ctx, d, f.ID)
	require.NoError(t, err)
	return rec, f
}

// What the rules decided is what they find again.
func TestARecordComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	rec, f := oneReferral(t, dbtest.New(t))
	assert.Equal(t, "America/Winnipeg", rec.Facts.Helpline.Zone.String())
	rec.Facts.Helpline = referral.Calendar{}
	want, err := json.Marshal(f)
	require.NoError(t, err)
	got, err := json.Marshal(rec.Facts)
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(got))
	assert.Equal(t, referral.Standard(), rec.Policy, "the standard policy is in force until another is set")
	assert.Equal(t, referral.Send, rec.Step.Do)
}

// A decision that was made on an older version is refused, and so is one about a referral that is gone.
func TestAnUpdateNamesTheVersionItWasDecidedOn(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	rec, f := oneReferral(t, d)
	update := func(f referral.Facts, was int) error {
		return db.InTx(t.Context(), d, func(ctx context.Context, tx *sqlx.Tx) error {
			return db.Write(ctx, tx, db.RevokeLinks([]uuid.UUID{f.Offers[0].ID}, f.Created), db.UpdateReferral(f, was, rec.Step), db.Part{})
		})
	}
	next := f
	next.Version = 3
	for _, was := range []int{1, 3, 0, -1} {
		assert.Equal(t, referral.CodeConflict, referral.CodeOf(update(next, was)), "decided on version %d", was)
	}
	gone := next
	gone.ID = uuid.New()
	assert.Equal(t, referral.CodeConflict, referral.CodeOf(update(gone, 2)))
	require.NoError(t, update(next, 2))
	assert.Equal(t, referral.CodeConflict, referral.CodeOf(update(next, 2)), "only once")
}

// A second command waits for the first and then sees all of it, the rows of other tables too.
func TestALockedRecordIsReadAsItIsNow(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	_, f := oneReferral(t, d)
	first, err := d.Beginx()
	require.NoError(t, err)
	defer first.Rollback()
	_, err = db.LockRecord(t.Context(), first, f.ID)
	require.NoError(t, err)
	second := make(chan db.Record, 1)
	go func() {
		_ = db.InTx(t.Context(), d, func(ctx context.Context, tx *sqlx.Tx) error {
			rec, err := db.LockRecord(ctx, tx, f.ID)
			second <- rec
			return err
		})
	}()
	require.Eventually(t, func() bool {
		var waiting int
		return d.Get(&waiting, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == nil && waiting == 1
	}, 10*time.Second, time.Millisecond)
	f.Version, f.Offers[0].Attempts = 3, 7
	require.NoError(t, db.Write(t.Context(), first, db.UpdateOffers(f.Offers, nil),
		db.UpdateReferral(f, 2, referral.Step{Do: referral.Remind, Due: f.Created, Role: referral.Navigator})))
	require.NoError(t, first.Commit())
	rec := <-second
	assert.Equal(t, 3, rec.Facts.Version)
	require.Len(t, rec.Facts.Offers, 1)
	assert.Equal(t, 7, rec.Facts.Offers[0].Attempts)
}
