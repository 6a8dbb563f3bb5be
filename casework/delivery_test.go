package casework_test

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/token"
	"throughline/referral"
)

// offered is a referral whose offer waits to be mailed.
func (r *room) offered() (casework.Intake, uuid.UUID) {
	r.t.Helper()
	in := r.intake(r.services[0])
	r.tick(in.ReferralID)
	return in, r.pending(in.ReferralID, referral.OfferLetter)
}

func (r *room) settle(message uuid.UUID, s casework.Settled) {
	r.t.Helper()
	require.NoError(r.t, r.SettleLetter(context.Background(), message, s))
}

func (r *room) message(id uuid.UUID) string {
	r.t.Helper()
	return one[string](r, `SELECT state || ' ' || error_class FROM messages WHERE id = $1`, id)
}

func TestALetterIsTakenOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	_, id := r.offered()
	var out casework.Outgoing
	r.watchNothing(func() { out = r.take(id) }, "messages", "links", "audit")
	assert.Equal(t, "claimed ", r.message(id), "the attempt is on record before the call is made")
	assert.Equal(t, "test 1", one[string](r, `SELECT provider || ' ' || attempts FROM messages WHERE id = $1`, id))
	assert.Equal(t, "Pantry boxes", out.Service)
	assert.Equal(t, "Pantry", out.Agency)
	assert.Equal(t, "food", out.Told.Need)
	assert.Equal(t, []any{"", (*casework.LinkClient)(nil)}, []any{out.Told.Area, out.Told.Client}, "and nothing else of the client")
	assert.Equal(t, "en", out.Locale)
	assert.Equal(t, "intake@pantry.example", out.Recipient)
	assert.Equal(t, "Kawartha 211", out.HelplineName)
	assert.Equal(t, referral.Sent, out.OfferState)
	assert.Equal(t, r.tick(out.Referral).Do, referral.RaiseTask)
	assert.WithinDuration(t, monday.AddDate(0, 0, 4), out.ReplyBy, time.Hour, "four business days")
	assert.Len(t, out.Token, 43)

	hash := one[[]byte](r, `SELECT token_hash FROM links WHERE message_id = $1`, id)
	sum := sha256.Sum256([]byte(out.Token))
	assert.Equal(t, sum[:], hash)
	for _, table := range all[string](r, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`) {
		assert.Zero(t, one[int](r, `SELECT count(*) FROM `+table+` t WHERE t::text LIKE '%' || $1 || '%'`, out.Token), table)
	}

	r.settle(id, casework.Settled{State: db.MessageAccepted, ProviderID: "theirs"})
	assert.Equal(t, "accepted ", r.message(id))
	assert.Equal(t, referral.MailAccepted, r.referral(out.Referral).Offers[0].Mail)
	assert.Equal(t, referral.Remind, r.referral(out.Referral).Step.Do)
	before := r.contents()
	_, ok, err := r.TakeLetter(t.Context(), id, "test")
	require.NoError(t, err)
	assert.False(t, ok, "what was sent is not sent again")
	r.settle(id, casework.Settled{State: db.MessageRejected, Class: "bounced_5xx"})
	r.settle(id, casework.Settled{State: db.MessageAmbiguous, Class: "timeout"})
	r.settle(id, casework.Settled{State: db.MessagePending})
	assert.Equal(t, before, r.contents(), "settling twice changes nothing")
}

// watchNothing requires that a change touches these tables only.
func (r *room) watchNothing(change func(), but ...string) {
	r.t.Helper()
	before := r.contents()
	change()
	assert.ElementsMatch(r.t, but, changed(before, r.contents()))
}

func TestARefusedLetterBecomesACallAtOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, id := r.offered()
	r.take(id)
	w := r.watch(in.ReferralID, func() { r.settle(id, casework.Settled{State: db.MessageRejected, Class: "bounced_5xx"}) })
	assert.Equal(t, written{Events: []string{"undelivered"}, Letters: []string{}, Outbox: []string{"changed"}, Audit: []string{"undelivered referral"}}, w)
	step := r.referral(in.ReferralID).Step
	assert.Equal(t, "mail_failed", step.Cause)
	assert.False(t, step.Due.After(r.clock.Now()))
	r.tick(in.ReferralID)
	assert.Len(t, r.holding(in.ReferralID, referral.CallAgency), 1)
}

func TestAnAmbiguousLetterBecomesACallAfterAWhile(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, id := r.offered()
	r.take(id)
	r.settle(id, casework.Settled{State: db.MessageAmbiguous, Class: "timeout"})
	step := r.tick(in.ReferralID)
	assert.Equal(t, "mail_unknown", step.Cause)
	assert.Equal(t, monday.Add(15*time.Minute), step.Due.UTC())
	_, ok, err := r.TakeLetter(t.Context(), id, "test")
	require.NoError(t, err)
	assert.False(t, ok, "it is never sent again in silence")
	r.clock.Set(step.Due)
	r.tick(in.ReferralID)
	assert.Len(t, r.holding(in.ReferralID, referral.CallAgency), 1)

	// The provider's word may still come.
	r.settle(id, casework.Settled{State: db.MessageAccepted, ProviderID: "late"})
	assert.Equal(t, "accepted ", r.message(id))
}

// The process died between the attempt and its end: nobody knows whether the letter went out.
func TestAnInterruptedAttemptIsAmbiguous(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, id := r.offered()
	r.take(id)
	w := r.watch(in.ReferralID, func() {
		_, ok, err := r.TakeLetter(t.Context(), id, "test")
		require.NoError(t, err)
		assert.False(t, ok)
	})
	assert.Equal(t, "ambiguous interrupted", r.message(id))
	assert.Equal(t, []string{"undelivered"}, w.Events)
	assert.Equal(t, []string{"changed"}, w.Outbox)
	_, ok, err := r.TakeLetter(t.Context(), id, "test")
	require.NoError(t, err)
	assert.False(t, ok)
	assert.Equal(t, "1", one[string](r, `SELECT attempts::text FROM messages WHERE id = $1`, id))
}

// A letter that surely did not go out is tried again, and a person is told when that has gone on too long.
func TestALetterThatDidNotGoOutIsSentLater(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, id := r.offered()
	for range 3 {
		r.take(id)
		r.watchNothing(func() { r.settle(id, casework.Settled{State: db.MessagePending, Class: "rate_limited"}) }, "messages")
		assert.Equal(t, "pending rate_limited", r.message(id))
		r.clock.Advance(4 * time.Minute)
	}
	step := r.tick(in.ReferralID)
	assert.Equal(t, "mail_pending", step.Cause)
	assert.Equal(t, monday.Add(15*time.Minute), step.Due.UTC(), "trying does not put the call off")
	last := r.take(id)
	assert.Equal(t, [][]byte{token.Hash(last.Token)}, all[[]byte](r, `SELECT token_hash FROM links WHERE message_id = $1`, id),
		"one link, that of the letter that goes out")
	assert.Equal(t, r.clock.Now().AddDate(0, 0, 90), one[time.Time](r, `SELECT expires_at FROM links WHERE message_id = $1`, id).UTC())
	assert.Equal(t, step.Due, r.tick(in.ReferralID).Due, "nor does an attempt under way")
	r.settle(id, casework.Settled{State: db.MessageAccepted})
	assert.Equal(t, referral.Remind, r.tick(in.ReferralID).Do)
}

func TestALetterThatIsOvertakenStaysHere(t *testing.T) {
	t.Parallel()
	r := open(t)
	for name, c := range map[string]struct {
		at     referral.OfferState
		letter referral.Letter
		until  referral.Name
		then   casework.CommandInput
		stays  bool
	}{
		"offer, accepted by phone":       {referral.Queued, referral.OfferLetter, referral.RaiseTask, said(referral.Accept), true},
		"offer, a question by phone":     {referral.Queued, referral.OfferLetter, referral.RaiseTask, said(referral.Ask), false},
		"reminder, declined":             {referral.Sent, referral.ReminderLetter, referral.Remind, said(referral.Decline), true},
		"reminder, accepted":             {referral.Sent, referral.ReminderLetter, referral.Remind, said(referral.Accept), true},
		"reminder, a question":           {referral.Sent, referral.ReminderLetter, referral.Remind, said(referral.Ask), true},
		"question, outcome was reported": {referral.Accepted, referral.AskLetter, referral.AskAgency, said(referral.ReportOutcome), true},
		"question, contact was made":     {referral.Accepted, referral.AskLetter, referral.AskAgency, said(referral.Contact), false},
		"question, closed":               {referral.Accepted, referral.AskLetter, referral.AskAgency, casework.CommandInput{Do: referral.Close, Outcome: "moved"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			s := r.at(c.at)
			if c.until != referral.RaiseTask {
				r.until(s.ReferralID, c.until)
			}
			r.tick(s.ReferralID)
			id := r.pending(s.ReferralID, c.letter)
			calls := len(r.holding(s.ReferralID, referral.CallAgency))
			r.do(s.ReferralID, c.then)
			_, ok, err := r.TakeLetter(t.Context(), id, "test")
			require.NoError(t, err)
			assert.Equal(t, !c.stays, ok)
			if c.stays {
				assert.Equal(t, "rejected overtaken", r.message(id))
				r.tick(s.ReferralID)
				assert.LessOrEqual(t, len(r.holding(s.ReferralID, referral.CallAgency)), calls, "nobody needs to be called for it")
			}
		})
	}
}

// A receipt or a notice wants no answer, so no step waits for it; when it does not arrive, a person calls.
func TestANoticeThatDoesNotArriveBecomesACall(t *testing.T) {
	t.Parallel()
	r := open(t)
	for name, c := range map[string]struct {
		do     func(scene)
		letter referral.Letter
		state  string
	}{
		"receipt of a yes":      {func(s scene) { r.replied(s.token, referral.Accept) }, referral.ReceiptLetter, db.MessageRejected},
		"receipt of a question": {func(s scene) { r.replied(s.token, referral.Ask) }, referral.ReceiptLetter, db.MessageAmbiguous},
		"receipt of a no":       {func(s scene) { r.replied(s.token, referral.Decline) }, referral.ReceiptLetter, db.MessageRejected},
		"notice of withdrawal":  {func(s scene) { r.do(s.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved"}) }, referral.WithdrawnLetter, db.MessageRejected},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			s := r.at(referral.Sent)
			c.do(s)
			id := r.pending(s.ReferralID, c.letter)
			r.take(id)
			r.settle(id, casework.Settled{State: c.state, Class: "bounced_5xx"})
			calls := r.holding(s.ReferralID, referral.CallAgency)
			require.Len(t, calls, 1)
			assert.Equal(t, "mail_undelivered", calls[0].Cause)
			assert.Equal(t, r.navigator.ID, *calls[0].AssigneeID)
			r.oneLine(s.ReferralID)
		})
	}
}

// A further copy of a letter must say why.
func TestAFurtherLetterCitesAReason(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, id := r.offered()
	version := r.referral(in.ReferralID).Version
	again := func(generation int, reason string) error {
		return db.InTx(t.Context(), r.db, func(ctx context.Context, tx *sqlx.Tx) error {
			return db.Write(ctx, tx, db.InsertMessages(r.organisation, in.ReferralID, version, one[string](r, `SELECT step_key FROM messages WHERE id = $1`, id), monday,
				[]db.NewMessage{{ID: uuid.New(), Offer: r.referral(in.ReferralID).Offers[0].ID, Letter: referral.OfferLetter, Recipient: "intake@pantry.example",
					Locale: "en", OfferState: referral.Sent, State: db.MessagePending, Generation: generation, Reason: reason}}))
		})
	}
	assert.Equal(t, referral.CodeConflict, referral.CodeOf(again(1, "")), "one letter for one occasion")
	assert.Equal(t, referral.CodeInvalid, referral.CodeOf(again(2, "")))
	assert.NoError(t, again(2, "asked_by_agency"))
}

// What leaves the record by mail or queue holds nothing of the client.
func TestNothingOfTheClientIsInTheMail(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, token := r.sent(r.services[0])
	r.replied(token, referral.Ask)
	r.letter(in.ReferralID, referral.ReceiptLetter)
	r.do(in.ReferralID, casework.CommandInput{Do: referral.Answer, Note: "canary in the answer"})
	r.replied(token, referral.Accept)
	r.until(in.ReferralID, referral.AskAgency)
	r.tick(in.ReferralID)
	r.do(in.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved", Note: "canary note"})
	letters := all[uuid.UUID](r, `SELECT id FROM messages`)
	require.GreaterOrEqual(t, len(letters), 6)
	for _, id := range letters {
		out, ok, err := r.TakeLetter(t.Context(), id, "test")
		require.NoError(t, err)
		if ok {
			assert.NotContains(t, strings.ToLower(inJSON(t, out)), "canary")
			assert.NotContains(t, inJSON(t, out), "5550123")
		}
	}
	for _, table := range []string{"messages", "outbox", "audit", "links"} {
		assert.Zero(t, one[int](r, `SELECT count(*) FROM `+table+` t WHERE t::text ~* 'canary|5550123|ana@'`), table)
	}
}
