package dispatcher_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/mail"
	"throughline/mail/mailtest"
	"throughline/referral"
)

// held is a sender whose letters wait until they are let go.
type held struct {
	mail.Sender
	begun   chan struct{}
	letItGo chan struct{}
	once    sync.Once
}

func hold(s mail.Sender) *held {
	return &held{Sender: s, begun: make(chan struct{}, 100), letItGo: make(chan struct{})}
}

func (h *held) letGo() { h.once.Do(func() { close(h.letItGo) }) }

func (h *held) Send(ctx context.Context, m mail.Message) (mail.Receipt, error) {
	h.begun <- struct{}{}
	<-h.letItGo
	return h.Sender.Send(ctx, m)
}

func TestALetterGoesOut(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.run(o.Dispatcher)
	id, message := o.offered()
	o.until("it is sent", func() bool { return o.message(message) == "accepted " })
	assert.Empty(t, o.sendgrid.Problems())
	sent := o.sendgrid.Messages()
	require.Len(t, sent, 1)
	assert.Equal(t, message.String(), sent[0].MID)
	assert.Equal(t, "intake@pantry.example", sent[0].To)
	assert.Contains(t, sent[0].Text, "Food boxes")
	for _, part := range []string{sent[0].Subject, sent[0].Text, sent[0].HTML} {
		assert.NotContains(t, part, "anary")
		assert.NotContains(t, part, "555 0123")
		assert.NotContains(t, part, "Peterborough")
	}
	_, after, found := strings.Cut(sent[0].Text, "https://throughline.example/r/")
	require.True(t, found)
	page, err := o.desk.OpenLink(t.Context(), strings.Fields(after)[0])
	require.NoError(t, err)
	assert.Equal(t, id, page.ReferralID)
	assert.NotEmpty(t, one[string](o, `SELECT provider_id FROM messages`))
	assert.Equal(t, "sendgrid", one[string](o, `SELECT provider FROM messages`))
	o.silent()
}

// Every letter that the rules can call for can be written, in the agency's language.
func TestEveryLetterCanBeWritten(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.exec(`UPDATE agencies SET mail_language = 'fr'`)
	o.run(o.Dispatcher)
	id, _ := o.offered()
	o.until("it is sent", o.empty)
	offer := one[uuid.UUID](o, `SELECT id FROM offers`)
	o.exec(`ALTER TABLE offers DISABLE TRIGGER offers_follow_graph`) // so that the offer can be put where a letter needs it
	letters := map[referral.Letter][]referral.OfferState{
		referral.OfferLetter: {referral.Sent}, referral.ReminderLetter: {referral.Sent}, referral.AnsweredLetter: {referral.Sent},
		referral.WithdrawnLetter: {referral.Withdrawn},
		referral.NarrowedLetter:  {referral.Sent},
		referral.NewLinkLetter:   {referral.Sent, referral.Accepted},
		referral.AskLetter:       {referral.Accepted, referral.Contacting, referral.Scheduled, referral.InService, referral.Waitlisted},
		referral.ReceiptLetter: {referral.InfoRequested, referral.Accepted, referral.Waitlisted, referral.Declined, referral.OutcomeReported,
			referral.Failed},
	}
	for letter, states := range letters {
		for _, state := range states {
			stands := referral.Sent
			if letter == referral.AskLetter {
				stands = referral.Accepted
			}
			o.exec(`UPDATE offers SET state = $1 WHERE id = $2`, stands, offer)
			tx, err := o.db.Beginx()
			require.NoError(t, err)
			require.NoError(t, db.Write(t.Context(), tx, db.InsertMessages(o.who.Organisation, id, 1, string(state)+"/"+string(letter), time.Now(),
				[]db.NewMessage{{ID: uuid.New(), Offer: offer, Letter: letter, Recipient: "intake@pantry.example", Locale: "fr",
					OfferState: state, State: db.MessagePending, Generation: 1}})))
			require.NoError(t, tx.Commit())
			o.Nudge()
			o.until("it is settled", func() bool {
				return one[int](o, `SELECT count(*) FROM messages WHERE state IN ('pending', 'claimed')`) == 0
			})
			assert.Equal(t, "accepted ", one[string](o, `SELECT state || ' ' || error_class FROM messages ORDER BY created_at DESC LIMIT 1`), "%s %s", letter, state)
		}
	}
	assert.Empty(t, o.sendgrid.Problems())
	for _, m := range o.sendgrid.Messages() {
		assert.Contains(t, m.Text, "Paniers")
	}
}

func TestWhatBecomesOfALetter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault mailtest.Fault
		state string
		again bool // it is sent when its pause is over
		taken int
	}{
		"400":                {mailtest.Status(400), "rejected bad_request", false, 0},
		"401":                {mailtest.Status(401), "rejected unauthorized", false, 0},
		"413":                {mailtest.Status(413), "rejected too_large", false, 0},
		"429":                {mailtest.RateLimited(3 * time.Second), "pending rate_limited", true, 1},
		"500":                {mailtest.Status(500), "ambiguous server_error", false, 0},
		"reset":              {mailtest.Reset, "ambiguous connection_reset", false, 0},
		"taken, then reset":  {mailtest.AcceptThenReset, "ambiguous connection_reset", false, 1},
		"taken, then silent": {mailtest.AcceptThenTimeout, "ambiguous timeout", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			o.sendgrid.FailNext(1, c.fault)
			o.run(o.Dispatcher)
			id, message := o.offered()
			o.until("it is settled", func() bool { return o.message(message) == c.state })
			if c.again {
				o.until("the row waits as long as the provider asks", func() bool {
					return one[int](o, `SELECT count(*) FROM outbox WHERE kind = 'deliver' AND last_error = 'mail_rate_limited'
						AND available_at BETWEEN now() AND now() + interval '4 seconds'`) == 1
				})
				o.hurry() // the lane waits all the same: every other letter would be refused too
				assert.Equal(t, 1, o.sendgrid.Requests())
				o.until("it is sent", func() bool { return o.message(message) == "accepted " })
				assert.Equal(t, 2, one[int](o, `SELECT attempts FROM messages`))
			} else {
				o.until("the row is done", o.empty)
				o.exec(`UPDATE outbox SET done_at = NULL`) // as if it were told once more
				o.hurry()
				o.until("the row is done again", o.empty)
				assert.Equal(t, c.state, o.message(message))
				assert.Equal(t, 1, o.sendgrid.Requests(), "it is never sent again in silence")
				assert.Equal(t, "undelivered", one[string](o, `SELECT what FROM timeline WHERE referral_id = $1 ORDER BY id DESC LIMIT 1`, id))
			}
			assert.Len(t, o.sendgrid.Messages(), c.taken)
			assert.Empty(t, o.sendgrid.Duplicates())
			o.silent()
		})
	}
}

// A provider that can't be reached at all has surely taken nothing.
func TestTheProviderIsAway(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.sendgrid.Close()
	o.run(o.Dispatcher)
	_, message := o.offered()
	o.until("it stays here", func() bool { return o.message(message) == "pending unreachable" })
	o.until("its row is put back", func() bool {
		return one[int](o, `SELECT count(*) FROM outbox WHERE kind = 'deliver' AND last_error = 'mail_unreachable' AND done_at IS NULL`) == 1
	})
}

// The process dies after the letter was claimed. When its lease is over another one finds it, and can't know.
func TestAKilledProcessLeavesAnAmbiguousLetter(t *testing.T) {
	t.Parallel()
	o := open(t)
	id, message := o.offered()
	_, err := db.LeaseOutbox(t.Context(), o.db, 16, time.Minute)
	require.NoError(t, err)
	_, ok, err := o.desk.TakeLetter(t.Context(), message, "sendgrid")
	require.NoError(t, err)
	require.True(t, ok)

	o.run(o.Dispatcher)
	later := o.intake()
	o.until("others are told", func() bool { return len(o.conductor.heard()) == 1 })
	assert.Equal(t, []string{"start " + later.String()}, o.conductor.heard(), "what is leased is left alone")
	assert.Equal(t, "claimed ", o.message(message))
	o.hurry()
	o.until("it is found", o.empty)
	assert.Equal(t, "ambiguous interrupted", o.message(message))
	assert.Zero(t, o.sendgrid.Requests())
	assert.Contains(t, o.conductor.heard(), "changed "+id.String(), "the clock hears of it")
}

// Settling fails after the letter went out: the record says that nobody knows, and it is not sent again.
func TestTheRecordIsAwayAfterTheLetterWentOut(t *testing.T) {
	t.Parallel()
	o := open(t)
	held := hold(o.Sender)
	o.Sender = held
	o.run(o.Dispatcher)
	t.Cleanup(held.letGo) // before the dispatcher is stopped
	_, message := o.offered()
	<-held.begun
	o.exec(`CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'away'; END $$`)
	o.exec(`CREATE TRIGGER away BEFORE UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION away()`)
	held.letGo()
	o.until("it is put back", func() bool {
		return one[int](o, `SELECT count(*) FROM outbox WHERE kind = 'deliver' AND last_error <> '' AND done_at IS NULL`) == 1
	})
	o.exec(`DROP TRIGGER away ON messages`)
	o.hurry()
	o.until("it is found", o.empty)
	assert.Equal(t, "ambiguous interrupted", o.message(message))
	assert.Len(t, o.sendgrid.Messages(), 1)
	assert.Equal(t, 1, o.sendgrid.Requests())
}

func TestALetterThatIsOvertakenIsNotSent(t *testing.T) {
	t.Parallel()
	o := open(t)
	id, message := o.offered()
	_, err := o.desk.Do(t.Context(), o.who, id, casework.CommandInput{Do: referral.Decline, ToldBy: "Sam", Reason: "full"}, nil)
	require.NoError(t, err)
	o.run(o.Dispatcher)
	o.until("its row is done", o.empty)
	assert.Equal(t, "rejected overtaken", o.message(message))
	assert.Zero(t, o.sendgrid.Requests())
}

// A letter that can't be put into words is work for a person, not for ever another attempt.
func TestALetterThatCantBeWritten(t *testing.T) {
	t.Parallel()
	o := open(t)
	id, message := o.offered()
	o.exec(`UPDATE services SET name = '', name_fr = ''`)
	o.exec(`UPDATE agencies SET name = '', name_fr = ''`)
	o.run(o.Dispatcher)
	o.until("its row is done", o.empty)
	assert.Equal(t, "rejected unwritable", o.message(message))
	step, err := o.desk.Next(t.Context(), id, time.Now())
	require.NoError(t, err)
	assert.Equal(t, "mail_failed", step.Cause)
	o.silent()
}
