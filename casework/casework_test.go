package casework_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/casework"
	"throughline/db"
	"throughline/db/dbtest"
	"throughline/directory"
	"throughline/internal/clock"
	"throughline/referral"
)

// monday is a Monday morning at ten in Toronto, far from a holiday.
var monday = time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC)

// room is a helpline with two people, a clock that stands still and the demonstration directory.
type room struct {
	*casework.Desk
	t         *testing.T
	db        *sqlx.DB
	clock     *clock.Manual
	navigator casework.Actor
	services  []uuid.UUID // that can be emailed, for food
}

const password = "correct horse battery"

func open(t *testing.T) *room {
	t.Helper()
	pool := dbtest.New(t)
	c := clock.NewManual(monday)
	r := &room{Desk: casework.New(pool, c, nil), t: t, db: pool, clock: c}
	ctx := t.Context()
	org, err := r.AddOrganisation(ctx, "Kawartha 211", "705-555-0100", "")
	r.must(err)
	a, err := r.AddAccount(ctx, org, "nav@helpline.example", "Noor", referral.Navigator, "en", password)
	r.must(err)
	r.navigator = a.Actor(casework.ViaPage)
	_, err = directory.ImportFS(ctx, pool, directory.DemoFS(), directory.ImportInput{Source: directory.DemoSource, Actor: "test"})
	r.must(err)
	found, _, err := directory.Search(ctx, pool, directory.Query{Need: "food", Lang: "en", Limit: 50})
	r.must(err)
	var ids []uuid.UUID
	for _, f := range found {
		ids = append(ids, f.Service.ID)
	}
	known, err := directory.ForOffer(ctx, pool, ids)
	r.must(err)
	for _, id := range ids {
		if s := known[id]; s.Email != "" && s.Status == "active" && s.AcceptsReferrals && s.FullUntil == nil {
			r.services = append(r.services, id)
		}
	}
	if len(r.services) < 3 {
		t.Fatalf("the demonstration directory has %d services for food that can be emailed, want 3", len(r.services))
	}
	return r
}

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) intake(services ...uuid.UUID) casework.Intake {
	r.t.Helper()
	in, err := r.Intake(r.t.Context(), r.navigator, casework.IntakeInput{
		Case:     casework.CaseInput{Name: "Ana Canary", Phone: "705 555 0123", SafeToCall: true, Municipality: "Peterborough"},
		Referral: casework.ReferralInput{Need: "food", ServiceIDs: services, Consent: casework.ConsentInput{Given: true, How: "verbal"}},
	}, nil)
	r.must(err)
	return in
}

// tick runs the step that is due now, until the clock has nothing to do.
func (r *room) tick(id uuid.UUID) referral.Step {
	r.t.Helper()
	ctx := context.Background()
	step, err := r.Next(ctx, id, r.clock.Now())
	r.must(err)
	for i := 0; !step.None() && !step.Due.After(r.clock.Now()); i++ {
		if i > 20 {
			r.t.Fatalf("the clock never comes to rest: %+v", step)
		}
		step, err = r.Run(ctx, id, step, r.clock.Now())
		r.must(err)
	}
	return step
}

// letter takes the newest letter of a referral as the dispatcher does, and gives its link's token.
func (r *room) letter(id uuid.UUID, kind referral.Letter) string {
	r.t.Helper()
	ctx := r.t.Context()
	var message uuid.UUID
	r.must(r.db.Get(&message, `SELECT id FROM messages WHERE referral_id = $1 AND letter = $2 AND state = 'pending' ORDER BY created_at DESC LIMIT 1`, id, kind))
	out, ok, err := r.TakeLetter(ctx, message, "test")
	r.must(err)
	if !ok {
		r.t.Fatalf("letter %s could not be taken", kind)
	}
	r.must(r.SettleLetter(ctx, message, casework.Settled{State: db.MessageAccepted}))
	return out.Token
}

func (r *room) referral(id uuid.UUID) casework.Referral {
	r.t.Helper()
	ref, err := r.Referral(r.t.Context(), r.navigator, id)
	r.must(err)
	return ref
}

func TestACallBecomesAConfirmedOutcome(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	in := r.intake(r.services[0])
	if step := r.tick(in.ReferralID); step.Do != referral.RaiseTask || step.Cause != "mail_pending" {
		t.Fatalf("while the letter has not gone out the next step is %+v, want a call about it", step)
	}
	token := r.letter(in.ReferralID, referral.OfferLetter)
	if step := r.referral(in.ReferralID).Step; step.Do != referral.Remind {
		t.Fatalf("after the offer went out the next step is %q, want remind", step.Do)
	}

	page, err := r.OpenLink(ctx, token)
	r.must(err)
	if page.Client != nil || page.State != referral.Sent {
		t.Fatalf("before acceptance the page shows %+v in state %s", page.Client, page.State)
	}
	page, err = r.Reply(ctx, token, casework.ReplyInput{Do: referral.Accept, Name: "Sam at the pantry"})
	r.must(err)
	if page.Client == nil || page.Client.Name != "Ana Canary" {
		t.Fatalf("after acceptance the page shows %+v", page.Client)
	}
	_, err = r.Reply(ctx, token, casework.ReplyInput{Do: referral.ReportOutcome, Name: "Sam", Outcome: "received_in_full"})
	r.must(err)
	done, err := r.Do(ctx, r.navigator, in.ReferralID, casework.CommandInput{Do: referral.Confirm, Outcome: "received_in_full"}, nil)
	r.must(err)
	if done.State != referral.Closed || done.Evidence != referral.ByBoth || done.Step != nil {
		t.Fatalf("closed as %s, confirmed by %s, step %+v", done.State, done.Evidence, done.Step)
	}
	if step := r.tick(in.ReferralID); !step.None() {
		t.Errorf("a closed referral has the step %+v", step)
	}
}

func TestWithoutConsentOnlyTheRefusalIsKept(t *testing.T) {
	t.Parallel()
	r := open(t)
	_, err := r.Intake(t.Context(), r.navigator, casework.IntakeInput{
		Case:     casework.CaseInput{Name: "Ana Canary"},
		Referral: casework.ReferralInput{Need: "food", ServiceIDs: r.services[:1]},
	}, nil)
	if referral.CodeOf(err) != referral.CodeConsentRequired {
		t.Fatalf("got %v", err)
	}
	for table, want := range map[string]int{"cases": 0, "referrals": 0, "offers": 0, "outbox": 0, "timeline": 0, "consents": 1} {
		var n int
		r.must(r.db.Get(&n, `SELECT count(*) FROM `+table))
		if n != want {
			t.Errorf("%s has %d rows, want %d", table, n, want)
		}
	}
}

func TestTheSameDecisionTwiceIsAnsweredAlikeAndAnotherTellsTheOutcome(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx := t.Context()
	in := r.intake(r.services[0])
	r.tick(in.ReferralID)
	token := r.letter(in.ReferralID, referral.OfferLetter)
	first, err := r.Reply(ctx, token, casework.ReplyInput{Do: referral.Accept, Name: "Sam"})
	r.must(err)
	second, err := r.Reply(ctx, token, casework.ReplyInput{Do: referral.Accept, Name: "Sam"})
	r.must(err)
	if first.Version != second.Version || second.State != referral.Accepted {
		t.Errorf("the second answer is version %d %s, the first was %d", second.Version, second.State, first.Version)
	}
	_, err = r.Reply(ctx, token, casework.ReplyInput{Do: referral.Decline, Name: "Kim", Reason: "full"})
	var e *referral.Error
	if !errors.As(err, &e) || e.Code != referral.CodeConflict || e.Outcome != "accepted" {
		t.Errorf("declining after acceptance gave %v", err)
	}
}
