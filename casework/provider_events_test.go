package casework_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/clock"
	"throughline/internal/seal/sealtest"
	"throughline/referral"
)

// reported is a helpline whose mail provider reports what becomes of letters.
func reported(t testing.TB) *room {
	r := open(t)
	r.Reports = "test"
	return r
}

// event is the provider's word about a letter, as of now.
func (r *room) event(letter uuid.UUID, word referral.MailWord) casework.ProviderEvent {
	return casework.ProviderEvent{ID: uuid.NewString(), Letter: letter, Word: word, At: r.clock.Now().Truncate(time.Second),
		Raw: []byte(`{"email":"intake@pantry.example","event":"` + string(word) + `"}`)}
}

// hear has the provider say this, and what it asks for is done.
func (r *room) hear(events ...casework.ProviderEvent) casework.Heard {
	r.t.Helper()
	heard, err := r.Hear(context.Background(), events)
	require.NoError(r.t, err)
	r.apply()
	return heard
}

func (r *room) apply() {
	r.t.Helper()
	letters, err := r.LettersWithEvents(context.Background(), 100)
	require.NoError(r.t, err)
	for _, id := range letters {
		require.NoError(r.t, r.ApplyEvents(context.Background(), id))
	}
}

// handed is a referral whose offer's letter the provider has.
func (r *room) handed() (id, letter uuid.UUID) {
	r.t.Helper()
	in, letter := r.offered()
	r.take(letter)
	r.clock.Advance(time.Second)
	r.settle(letter, casework.Settled{State: db.MessageAccepted, ProviderID: "theirs"})
	return in.ReferralID, letter
}

func (r *room) mail(id uuid.UUID) referral.MailState {
	r.t.Helper()
	return r.referral(id).Offers[0].Mail
}

func TestWhatTheProviderSaysOfALetter(t *testing.T) {
	t.Parallel()
	r := reported(t)
	for word, c := range map[referral.MailWord]struct {
		mail   referral.MailState
		events []string
		outbox []string
		step   referral.Name
		cause  string
		due    time.Duration
	}{
		referral.WordProcessed:        {referral.MailUnheard, []string{}, []string{}, referral.Remind, "", 24 * time.Hour},
		referral.WordDeferred:         {referral.MailDeferred, []string{"deferred"}, []string{"changed"}, referral.RaiseTask, "mail_deferred", 4*time.Hour + time.Minute},
		referral.WordDelivered:        {referral.MailDelivered, []string{"delivered"}, []string{}, referral.Remind, "", 24 * time.Hour},
		referral.WordBounce:           {referral.MailFailed, []string{"undelivered"}, []string{"changed"}, referral.RaiseTask, "mail_failed", time.Minute},
		referral.WordBlocked:          {referral.MailFailed, []string{"undelivered"}, []string{"changed"}, referral.RaiseTask, "mail_failed", time.Minute},
		referral.WordDropped:          {referral.MailFailed, []string{"undelivered"}, []string{"changed"}, referral.RaiseTask, "mail_failed", time.Minute},
		referral.WordSpamReport:       {referral.MailFailed, []string{"undelivered"}, []string{"changed"}, referral.RaiseTask, "mail_failed", time.Minute},
		referral.WordUnsubscribe:      {referral.MailFailed, []string{"undelivered"}, []string{"changed"}, referral.RaiseTask, "mail_failed", time.Minute},
		referral.WordGroupUnsubscribe: {referral.MailFailed, []string{"undelivered"}, []string{"changed"}, referral.RaiseTask, "mail_failed", time.Minute},
	} {
		t.Run(string(word), func(t *testing.T) {
			r := r.in(t)
			id, letter := r.handed()
			began := r.clock.Now()
			assert.Equal(t, referral.MailUnheard, r.mail(id))
			r.clock.Advance(time.Minute)
			e := r.event(letter, word)
			w := r.watch(id, func() {
				assert.Equal(t, casework.Heard{New: 1, Aside: map[string]int{}}, r.hear(e))
			})
			assert.Equal(t, c.events, w.Events)
			assert.Equal(t, c.outbox, w.Outbox)
			assert.Equal(t, c.mail, r.mail(id))
			step := r.referral(id).Step
			assert.Equal(t, c.step, step.Do)
			assert.Equal(t, c.cause, step.Cause)
			assert.WithinDuration(t, began.Add(c.due), step.Due, 2*time.Second)
			r.watchNothing(func() {
				assert.Equal(t, casework.Heard{Repeated: 1, Aside: map[string]int{}}, r.hear(e), "the same event again is no news")
			})
			assert.Equal(t, "applied", one[string](r, `SELECT outcome FROM provider_events WHERE event_id = $1`, e.ID))
			assert.Equal(t, e.Raw, one[[]byte](r, `SELECT raw FROM provider_events WHERE event_id = $1`, e.ID))
			if c.mail == referral.MailFailed {
				assert.Equal(t, string(word), one[string](r, `SELECT code FROM timeline WHERE referral_id = $1 AND what = 'undelivered'`, id))
				r.tick(id)
				assert.Len(t, r.holding(id, referral.CallAgency), 1, "someone calls at once")
				again := r.event(letter, referral.WordBounce)
				assert.Empty(t, r.watch(id, func() { r.hear(again) }).Events, "a further failure is no further news")
				r.tick(id)
				assert.Len(t, r.holding(id, referral.CallAgency), 1, "and once")
			}
		})
	}
	assert.Zero(t, one[int](r, `SELECT count(*) FROM timeline t WHERE t::text LIKE '%pantry.example%'`))
}

// Whatever comes first, both are kept and the letter has failed.
func TestDeliveredAndBounced(t *testing.T) {
	t.Parallel()
	r := reported(t)
	for name, words := range map[string][]referral.MailWord{
		"in order":    {referral.WordProcessed, referral.WordDelivered, referral.WordBounce},
		"reordered":   {referral.WordBounce, referral.WordDelivered, referral.WordProcessed},
		"and put off": {referral.WordBounce, referral.WordDeferred, referral.WordDelivered},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			id, letter := r.handed()
			for _, w := range words {
				r.hear(r.event(letter, w))
			}
			assert.Equal(t, referral.MailFailed, r.mail(id))
			assert.Equal(t, "bounce", one[string](r, `SELECT final FROM messages WHERE id = $1`, letter))
			assert.Equal(t, 3, one[int](r, `SELECT count(*) FROM provider_events WHERE message_id = $1 AND outcome = 'applied'`, letter))
			r.tick(id)
			assert.Len(t, r.holding(id, referral.CallAgency), 1)
		})
	}
	t.Run("in one batch", func(t *testing.T) {
		r := r.in(t)
		id, letter := r.handed()
		r.hear(r.event(letter, referral.WordDelivered), r.event(letter, referral.WordBounce), r.event(letter, referral.WordDeferred))
		assert.Equal(t, referral.MailFailed, r.mail(id))
		r.oneLine(id)
	})
}

func TestALetterThatIsPutOffBecomesACallAfterFourHours(t *testing.T) {
	t.Parallel()
	r := reported(t)
	id, letter := r.handed()
	r.hear(r.event(letter, referral.WordDeferred))
	r.clock.Advance(3 * time.Hour)
	r.hear(r.event(letter, referral.WordDeferred))
	r.clock.Advance(time.Hour)
	r.tick(id)
	calls := r.holding(id, referral.CallAgency)
	require.Len(t, calls, 1, "the first time counts")
	assert.Equal(t, "mail_deferred", calls[0].Cause)

	// It arrives after all: nobody need call.
	r.clock.Advance(time.Hour)
	w := r.watch(id, func() { r.hear(r.event(letter, referral.WordDelivered)) })
	assert.Equal(t, []string{"delivered"}, w.Events)
	assert.Equal(t, []string{"changed"}, w.Outbox)
	assert.Empty(t, r.holding(id, referral.CallAgency))
	assert.Equal(t, referral.Remind, r.tick(id).Do)
	r.oneLine(id)
}

func TestALetterThatNothingIsHeardOfBecomesACallInADay(t *testing.T) {
	t.Parallel()
	r := reported(t)
	id, _ := r.handed()
	r.until(id, referral.Remind)
	r.tick(id)
	r.letter(id, referral.ReminderLetter)
	r.clock.Advance(time.Minute)
	r.tick(id)
	calls := r.holding(id, referral.CallAgency)
	require.Len(t, calls, 1, "a reminder does not begin the wait anew")
	assert.Equal(t, "mail_unheard", calls[0].Cause)
	assert.WithinDuration(t, monday.Add(24*time.Hour), calls[0].CreatedAt, 2*time.Minute)

	// After the call another letter goes unheard: that is another call, in its own time.
	r.do(id, said(referral.Accept))
	r.do(id, casework.CommandInput{Do: referral.Resend, Reason: "other"})
	again := r.pending(id, referral.NewLinkLetter)
	r.clock.Advance(time.Minute)
	r.take(again)
	r.settle(again, casework.Settled{State: db.MessageAccepted})
	handed := r.clock.Now()
	assert.Equal(t, "mail_unheard", r.until(id, referral.RaiseTask).Cause)
	assert.WithinDuration(t, handed.Add(24*time.Hour), r.clock.Now(), time.Second)
	r.tick(id)
	require.Len(t, r.holding(id, referral.CallAgency), 1)

	// The last letter is heard to arrive, so the address is good.
	last := one[uuid.UUID](r, `SELECT id FROM messages ORDER BY created_at DESC LIMIT 1`)
	r.hear(r.event(last, referral.WordDelivered))
	assert.Empty(t, r.holding(id, referral.CallAgency))
}

// A provider that reports nothing owes us nothing: SMTP, and SendGrid without the webhook.
func TestNothingIsExpectedOfAProviderThatDoesNotReport(t *testing.T) {
	t.Parallel()
	r := open(t)
	for _, reports := range []string{"", "sendgrid"} {
		r.Reports = reports
		id, letter := r.handed()
		assert.False(t, one[bool](r, `SELECT expects_events FROM messages WHERE id = $1`, letter))
		assert.Equal(t, referral.MailAccepted, r.mail(id))
		assert.Equal(t, referral.Remind, r.tick(id).Do)
	}
}

func TestAnEventSettlesWhatNobodyKnew(t *testing.T) {
	t.Parallel()
	r := reported(t)
	for name, before := range map[string]func(*room, uuid.UUID){
		"no answer came": func(r *room, id uuid.UUID) {
			r.take(id)
			r.settle(id, casework.Settled{State: db.MessageAmbiguous, Class: "timeout"})
		},
		"the attempt goes on":     func(r *room, id uuid.UUID) { r.take(id) },
		"the record was restored": func(*room, uuid.UUID) {},
	} {
		for word, mail := range map[referral.MailWord]referral.MailState{referral.WordProcessed: referral.MailUnheard,
			referral.WordDelivered: referral.MailDelivered, referral.WordDeferred: referral.MailDeferred, referral.WordBounce: referral.MailFailed,
			referral.WordDropped: referral.MailFailed} {
			t.Run(name+", "+string(word), func(t *testing.T) {
				r := r.in(t)
				in, letter := r.offered()
				before(r, letter)
				r.hear(r.event(letter, word))
				assert.Equal(t, "accepted ", r.message(letter), "the provider has it")
				assert.Equal(t, mail, r.mail(in.ReferralID))
				_, ok, err := r.TakeLetter(t.Context(), letter, "test")
				require.NoError(t, err)
				assert.False(t, ok, "it is not sent again")
				r.settle(letter, casework.Settled{State: db.MessageAmbiguous, Class: "interrupted"})
				r.settle(letter, casework.Settled{State: db.MessagePending, Class: "rate_limited"})
				assert.Equal(t, "accepted ", r.message(letter), "what the sender says after that is older")
				r.clock.Advance(16 * time.Minute)
				r.tick(in.ReferralID)
				assert.Equal(t, mail == referral.MailFailed, len(r.holding(in.ReferralID, referral.CallAgency)) == 1)
			})
		}
	}
}

// A refused letter whose sender was wrong: the provider delivers it all the same.
func TestWhatArrivedWasNotRefused(t *testing.T) {
	t.Parallel()
	r := reported(t)
	in, letter := r.offered()
	r.take(letter)
	r.settle(letter, casework.Settled{State: db.MessageRejected, Class: "unexpected_status"})
	r.tick(in.ReferralID)
	require.Len(t, r.holding(in.ReferralID, referral.CallAgency), 1)
	r.hear(r.event(letter, referral.WordDelivered))
	assert.Equal(t, referral.MailDelivered, r.mail(in.ReferralID))
	assert.Empty(t, r.holding(in.ReferralID, referral.CallAgency))
}

// A letter that a later one took the place of bounces: that is a call too, though the clock looks at the later one.
func TestAnOlderLetterBounces(t *testing.T) {
	t.Parallel()
	r := reported(t)
	id, offer := r.handed()
	r.until(id, referral.Remind)
	r.tick(id)
	r.letter(id, referral.ReminderLetter)
	r.hear(r.event(offer, referral.WordBounce))
	calls := r.holding(id, referral.CallAgency)
	require.Len(t, calls, 1)
	assert.Equal(t, "mail_undelivered", calls[0].Cause)
	r.oneLine(id)
}

// The process dies after the provider was answered and before anything was done: the next one does it.
func TestNothingHeardIsLostInACrash(t *testing.T) {
	t.Parallel()
	r := reported(t)
	id, letter := r.handed()
	_, err := r.Hear(t.Context(), []casework.ProviderEvent{r.event(letter, referral.WordBounce)})
	require.NoError(t, err)
	assert.Equal(t, referral.MailUnheard, r.mail(id), "nothing is done before the provider is answered")

	next := &room{Desk: casework.New(r.DB, clock.NewManual(r.clock.Now()), sealtest.Keyring(), nil), t: t, db: r.db}
	next.apply()
	assert.Equal(t, referral.MailFailed, r.mail(id))
	r.tick(id)
	assert.Len(t, r.holding(id, referral.CallAgency), 1)
}

// What can't be applied is kept and tried later, and holds up nothing else.
func TestAnEventThatCantBeApplied(t *testing.T) {
	t.Parallel()
	r := reported(t)
	_, stuck := r.handed()
	id, letter := r.handed()
	r.exec(`CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'away'; END $$`)
	r.exec(`CREATE TRIGGER away BEFORE UPDATE ON messages FOR EACH ROW WHEN (OLD.id = '` + stuck.String() + `') EXECUTE FUNCTION away()`)
	_, err := r.Hear(t.Context(), []casework.ProviderEvent{r.event(stuck, referral.WordBounce), r.event(letter, referral.WordBounce)})
	require.NoError(t, err)
	require.Error(t, r.ApplyEvents(t.Context(), stuck))
	r.apply()
	assert.Equal(t, referral.MailFailed, r.mail(id))
	waiting, err := r.LettersWithEvents(t.Context(), 10)
	require.NoError(t, err)
	assert.Empty(t, waiting, "it is not tried again at once")
	r.exec(`DROP TRIGGER away ON messages`)
	r.exec(`UPDATE provider_events SET due_at = now()`)
	r.apply()
	assert.Equal(t, "bounce", one[string](r, `SELECT final FROM messages WHERE id = $1`, stuck))
}

// One event that can't be understood, or is not about us, keeps no other from being heard.
func TestWhatIsKeptAside(t *testing.T) {
	t.Parallel()
	r := reported(t)
	id, letter := r.handed()
	bad := func(f casework.Fault, change func(*casework.ProviderEvent)) casework.ProviderEvent {
		e := r.event(letter, referral.WordBounce)
		e.Fault = f
		change(&e)
		return e
	}
	events := []casework.ProviderEvent{
		bad(casework.FaultNotAnObject, func(e *casework.ProviderEvent) { e.Letter, e.Word, e.At = uuid.Nil, "", time.Time{} }),
		bad(casework.FaultTime, func(e *casework.ProviderEvent) { e.At = time.Time{} }),
		bad(casework.FaultBadLetter, func(e *casework.ProviderEvent) { e.Letter = uuid.Nil }),
		r.event(uuid.New(), referral.WordBounce),
		r.event(letter, "made_up"),
		r.event(letter, "open"),
		r.event(letter, referral.WordDelivered),
	}
	heard := r.hear(events...)
	assert.Equal(t, casework.Heard{New: 7, Aside: map[string]int{"not_an_object": 1, "bad_time": 1, "bad_message_id": 1, "no_message": 1, "unknown_kind": 1}}, heard)
	assert.Equal(t, referral.MailDelivered, r.mail(id))
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM provider_events WHERE outcome = 'applied'`))
	assert.Equal(t, 7, r.hear(events...).Repeated)
}

// Two processes apply the events of many letters at once, while further ones come in.
func TestEventsAreAppliedOnce(t *testing.T) {
	t.Parallel()
	r := reported(t)
	var letters []uuid.UUID
	var batch []casework.ProviderEvent
	for range 8 {
		_, letter := r.handed()
		letters = append(letters, letter)
		for i := range 5 {
			e := r.event(letter, []referral.MailWord{referral.WordProcessed, referral.WordBounce, referral.WordDelivered}[i%3])
			e.ID = letter.String() + strconv.Itoa(i)
			batch = append(batch, e)
		}
	}
	errs := make(chan error)
	for range 4 {
		go func() {
			_, err := r.Hear(context.Background(), batch)
			for _, id := range letters {
				if err == nil {
					err = r.ApplyEvents(context.Background(), id)
				}
			}
			errs <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-errs)
	}
	r.apply()
	assert.Equal(t, 8, one[int](r, `SELECT count(*) FROM timeline WHERE what = 'undelivered'`), "each bounce is told once")
	assert.Equal(t, 40, one[int](r, `SELECT count(*) FROM provider_events WHERE outcome = 'applied'`))
}

func TestOldEventsAreForgotten(t *testing.T) {
	t.Parallel()
	r := reported(t)
	_, letter := r.handed()
	r.hear(r.event(letter, referral.WordDelivered), r.event(uuid.New(), referral.WordDelivered))
	_, err := r.Hear(t.Context(), []casework.ProviderEvent{r.event(letter, referral.WordSpamReport)})
	require.NoError(t, err)
	n, err := db.PruneEvents(t.Context(), r.db, r.clock.Now().Add(time.Second), 100)
	require.NoError(t, err)
	assert.EqualValues(t, 2, n)
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM provider_events`), "what waits is kept")
	r.apply()
	assert.Equal(t, "spamreport", one[string](r, `SELECT final FROM messages WHERE id = $1`, letter), "what was known of it counts still")
}
