package casework_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/db/dbtest"
	"throughline/internal/clock"
	"throughline/internal/seal/sealtest"
	"throughline/referral"
)

// monday is a Monday morning at ten in Toronto, far from a holiday.
var monday = time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC)

const password = "correct horse battery"

// room is a helpline with its people, a clock that stands still, and a small directory.
type room struct {
	*casework.Desk
	t            testing.TB
	db           *sqlx.DB
	clock        *clock.Manual
	organisation uuid.UUID
	damaged      bool // by hand, so that what must hold does not

	navigator, colleague, coordinator casework.Actor

	services  []uuid.UUID // that can be emailed; the second one in French
	phoneOnly uuid.UUID
}

func open(t testing.TB) *room {
	t.Helper()
	pool, c := dbtest.New(t), clock.NewManual(monday)
	r := &room{Desk: casework.New(dbtest.App(t, pool), c, sealtest.Keyring(), nil), t: t, db: pool, clock: c}
	r.organisation = r.helpline("Kawartha 211")
	r.navigator = r.person(r.organisation, "Noor", referral.Navigator)
	r.colleague = r.person(r.organisation, "Kim", referral.Navigator)
	r.coordinator = r.person(r.organisation, "Cora", referral.Coordinator)
	r.services = []uuid.UUID{
		r.service("Pantry", "en", "intake@pantry.example"),
		r.service("Épicerie", "fr", "accueil@epicerie.example"),
		r.service("Kitchen", "en", "hello@kitchen.example"),
	}
	r.phoneOnly = r.service("Church basement", "en", "")
	t.Cleanup(r.holds)
	return r
}

// holds requires, after each test, what must hold of any record whatever was done to it. I2, I8 and I12 are left to the
// tests of the clock: many a test here stops the clock in the middle, and nobody empties the outbox.
func (r *room) holds() {
	r.t.Helper()
	if r.damaged {
		return
	}
	findings, err := r.Check(context.Background(), nil)
	require.NoError(r.t, err)
	for _, f := range findings {
		require.Empty(r.t, f.NotChecked, f.Invariant)
		if !slices.Contains([]string{"I2", "I8", "I12"}, f.Invariant) {
			require.Empty(r.t, f.Violations, "%s: %s", f.Invariant, f.Says)
		}
	}
	require.Subset(r.t, referral.EventNames(), all[referral.Name](r, `SELECT DISTINCT what FROM timeline`), "these have words")
}

func (r *room) helpline(name string) uuid.UUID {
	r.t.Helper()
	id, err := r.AddOrganisation(r.t.Context(), name, "705-555-0100", "")
	require.NoError(r.t, err)
	return id
}

// person adds an account that nobody signs in to.
func (r *room) person(organisation uuid.UUID, name string, role referral.Role) casework.Actor {
	r.t.Helper()
	a := db.Account{ID: uuid.New(), OrganisationID: organisation, Email: uuid.NewString() + "@helpline.example", Name: name,
		Role: role, Locale: "en", PasswordHash: "-", Active: true, CreatedAt: monday}
	require.NoError(r.t, db.InsertAccount(r.t.Context(), r.db, a))
	return casework.Actor{Actor: referral.Actor{Role: role, ID: a.ID}, Organisation: organisation, Name: name, Via: casework.ViaPage}
}

// service adds an agency with one service to the directory.
func (r *room) service(name, lang, email string) uuid.UUID {
	r.t.Helper()
	agency, id := uuid.New(), uuid.New()
	r.exec(`INSERT INTO agencies (id, source, source_id, name, name_fr, mail_language, email) VALUES ($1, 'test', gen_random_uuid(), $2, $2, $3, '')`,
		agency, name, lang)
	r.exec(`INSERT INTO services (id, source, source_id, agency_id, name, email, needs) VALUES ($1, 'test', gen_random_uuid(), $2, $3, $4, '{food}')`,
		id, agency, name+" boxes", email)
	return id
}

func (r *room) exec(query string, args ...any) {
	r.t.Helper()
	_, err := r.db.ExecContext(context.Background(), query, args...)
	require.NoError(r.t, err)
}

// one reads a single value.
func one[T any](r *room, query string, args ...any) T {
	r.t.Helper()
	var v T
	require.NoError(r.t, r.db.GetContext(context.Background(), &v, query, args...))
	return v
}

// all reads a column.
func all[T any](r *room, query string, args ...any) []T {
	r.t.Helper()
	list := []T{}
	require.NoError(r.t, r.db.SelectContext(context.Background(), &list, query, args...))
	return list
}

// contents is a digest of every table, so that a change anywhere shows. What the audit's chain makes of an entry goes with
// the entry.
func (r *room) contents() map[string]string {
	r.t.Helper()
	found := map[string]string{}
	for _, table := range all[string](r, `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'audit\_%'`) {
		found[table] = one[string](r, `SELECT count(*) || ' rows ' || coalesce(md5(string_agg(t::text, E'\n' ORDER BY t::text)), '') FROM `+table+` t`)
	}
	return found
}

// ana is a caller whose every detail is a canary: none of it may turn up where it does not belong.
func ana() casework.CaseInput {
	return casework.CaseInput{Name: "Ana Canary", Phone: "705 555 0123", Email: "ana.canary@example.org", SafeToCall: true,
		Municipality: "Peterborough", PostalCode: "k9j 1a1", BirthYear: 1971, Notes: "canary in the notes", ContactTimes: "canary mornings"}
}

func agreed() casework.ConsentInput { return casework.ConsentInput{Given: true, How: "verbal"} }

func food(services ...uuid.UUID) casework.ReferralInput {
	return casework.ReferralInput{Need: "food", Details: "canary in the details", ServiceIDs: services, Consent: agreed()}
}

// intake opens a referral for Ana.
func (r *room) intake(services ...uuid.UUID) casework.Intake {
	r.t.Helper()
	in, err := r.Intake(r.t.Context(), r.navigator, casework.IntakeInput{Case: ana(), Referral: food(services...)}, nil)
	require.NoError(r.t, err)
	return in
}

func (r *room) draft(services ...uuid.UUID) casework.Intake {
	r.t.Helper()
	in := casework.IntakeInput{Case: ana(), Referral: food(services...)}
	in.Referral.Draft, in.Referral.Consent = true, casework.ConsentInput{}
	out, err := r.Intake(r.t.Context(), r.navigator, in, nil)
	require.NoError(r.t, err)
	return out
}

// sent brings a referral to where its first agency has the offer's letter, and gives the link's token.
func (r *room) sent(services ...uuid.UUID) (casework.Intake, string) {
	r.t.Helper()
	in := r.intake(services...)
	r.tick(in.ReferralID)
	return in, r.letter(in.ReferralID, referral.OfferLetter)
}

// tick runs what is due now, until the clock has nothing to do.
func (r *room) tick(id uuid.UUID) referral.Step {
	r.t.Helper()
	ctx := context.Background()
	step, err := r.Next(ctx, id, r.clock.Now())
	require.NoError(r.t, err)
	for i := 0; !step.None() && !step.Due.After(r.clock.Now()); i++ {
		require.Less(r.t, i, 20, "the clock never comes to rest: %+v", step)
		step, err = r.Run(ctx, id, step, r.clock.Now())
		require.NoError(r.t, err)
	}
	return step
}

// until lets time pass, a step at a time, until the clock waits for this one; it is due then.
func (r *room) until(id uuid.UUID, do referral.Name) referral.Step {
	r.t.Helper()
	for range 30 {
		step := r.tick(id)
		r.clock.Set(step.Due)
		if step.Do == do {
			return step
		}
	}
	r.t.Fatalf("the clock never comes to %s", do)
	return referral.Step{}
}

// pending is the newest letter of a kind that has not gone out.
func (r *room) pending(id uuid.UUID, kind referral.Letter) uuid.UUID {
	r.t.Helper()
	return one[uuid.UUID](r, `SELECT id FROM messages WHERE referral_id = $1 AND letter = $2 AND state = 'pending'
		ORDER BY created_at DESC LIMIT 1`, id, kind)
}

// letter has the newest letter of a kind go out, as the dispatcher does, and gives its link's token.
func (r *room) letter(id uuid.UUID, kind referral.Letter) string {
	r.t.Helper()
	out := r.take(r.pending(id, kind))
	require.NoError(r.t, r.SettleLetter(context.Background(), out.ID, casework.Settled{State: db.MessageAccepted, ProviderID: "p"}))
	return out.Token
}

func (r *room) take(message uuid.UUID) casework.Outgoing {
	r.t.Helper()
	out, ok, err := r.TakeLetter(context.Background(), message, "test")
	require.NoError(r.t, err)
	require.True(r.t, ok, "the letter could not be taken")
	return out
}

func (r *room) referral(id uuid.UUID) casework.Referral {
	r.t.Helper()
	ref, err := r.Referral(r.t.Context(), r.navigator, id)
	require.NoError(r.t, err)
	return ref
}

// do has the navigator give a command that must be carried out.
func (r *room) do(id uuid.UUID, in casework.CommandInput) casework.Referral {
	r.t.Helper()
	ref, err := r.Do(r.t.Context(), r.navigator, id, in, nil)
	require.NoError(r.t, err)
	return ref
}

// said is a command on the word of an agency that answered by phone.
func said(do referral.Name) casework.CommandInput {
	in := casework.CommandInput{Do: do, ToldBy: "Sam at the pantry"}
	switch do {
	case referral.Decline, referral.Fail:
		in.Reason = "full"
	case referral.Ask:
		in.Note = "Which floor does the person live on?"
	case referral.Schedule:
		in.At = monday.Add(48 * time.Hour)
	case referral.ReportOutcome:
		in.Outcome = "received_in_full"
	}
	return in
}

// replied has the agency post on its page, and gives the page as it then is.
func (r *room) replied(token string, do referral.Name) casework.LinkPage {
	r.t.Helper()
	return r.repliedWith(token, posted(do))
}

func (r *room) repliedWith(token string, in casework.ReplyInput) casework.LinkPage {
	r.t.Helper()
	require.NoError(r.t, r.Reply(r.t.Context(), token, in))
	page, err := r.OpenLink(r.t.Context(), token)
	require.NoError(r.t, err)
	return page
}

// posted is what an agency's form sends.
func posted(do referral.Name) casework.ReplyInput {
	in := said(do)
	return casework.ReplyInput{Do: do, Name: "Sam", Reason: in.Reason, Note: in.Note, At: in.At, Outcome: in.Outcome}
}

// holding gives the referral's open tasks of a kind.
func (r *room) holding(id uuid.UUID, kind referral.TaskKind) []casework.Task {
	r.t.Helper()
	return slices.DeleteFunc(r.referral(id).Tasks, func(t casework.Task) bool { return t.Kind != kind || t.State != referral.TaskOpen })
}
