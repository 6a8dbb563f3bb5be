package casework_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

// due lists how long each letter of a kind that is promised still waits, to the minute, in the order of the promises.
func (r *room) due(id uuid.UUID, kind referral.Letter) []time.Duration {
	r.t.Helper()
	var waits []time.Duration
	for _, m := range all[float64](r, `SELECT round(extract(epoch FROM o.available_at - now()) / 60) FROM outbox o JOIN messages m ON m.id = o.message_id
		WHERE m.referral_id = $1 AND m.letter = $2 AND m.state = 'pending' ORDER BY o.id`, id, kind) {
		waits = append(waits, max(0, time.Duration(m)*time.Minute))
	}
	return waits
}

// asked posts a question that was not posted before.
func (r *room) asked(token string, n int) {
	r.t.Helper()
	in := posted(referral.Ask)
	in.Note = fmt.Sprintf("Question %d?", n)
	err := r.Reply(context.Background(), token, in)
	require.NoError(r.t, err)
}

// A link that fell into wrong hands must not become a way to flood the agency's inbox, nor to make further links.
func TestAFloodOfQuestionsIsAFewReceipts(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	receipts := func() int {
		return one[int](r, `SELECT count(*) FROM messages WHERE offer_id = $1 AND letter = 'receipt'`, s.offer)
	}
	for n := range 3 {
		r.asked(s.token, n)
		assert.Equal(t, []time.Duration{0}, r.due(s.ReferralID, referral.ReceiptLetter), "the first answers are told at once")
		r.letter(s.ReferralID, referral.ReceiptLetter)
		r.clock.Advance(time.Minute)
	}
	for n := range 57 {
		r.asked(s.token, 3+n)
	}
	assert.Equal(t, 4, receipts(), "60 questions")
	assert.Equal(t, []time.Duration{7 * time.Minute}, r.due(s.ReferralID, referral.ReceiptLetter), "ten minutes after the first of three")
	assert.Equal(t, 60, one[int](r, `SELECT count(*) FROM timeline WHERE referral_id = $1 AND what = 'ask'`, s.ReferralID), "every question is kept")

	// The one that waits tells what was answered last.
	r.replied(s.token, referral.Accept)
	assert.Equal(t, 4, receipts())
	r.clock.Advance(7 * time.Minute)
	assert.Equal(t, referral.Accepted, r.take(r.pending(s.ReferralID, referral.ReceiptLetter)).OfferState)

	// One on its way has its words already: what is answered now is told by the next.
	r.replied(s.token, referral.ReportOutcome)
	assert.Equal(t, referral.OutcomeReported, one[referral.OfferState](r, `SELECT offer_state FROM messages WHERE id = $1`,
		r.pending(s.ReferralID, referral.ReceiptLetter)))
	assert.Equal(t, []time.Duration{time.Minute}, r.due(s.ReferralID, referral.ReceiptLetter))
}

// With the mail provider away, the receipts that gather are one.
func TestReceiptsThatCannotGoOutDoNotGather(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	for n := range 5 {
		r.asked(s.token, n)
		r.clock.Advance(time.Hour)
	}
	assert.Equal(t, []time.Duration{0}, r.due(s.ReferralID, referral.ReceiptLetter))

	// The directory has a new address: who had the old one is told what was promised, the new one what came after.
	r.exec(`UPDATE services SET email = 'desk@pantry.example' WHERE email = 'intake@pantry.example'`)
	r.asked(s.token, 9)
	assert.Equal(t, []string{"intake@pantry.example", "desk@pantry.example"}, all[string](r, `SELECT recipient FROM messages
		WHERE referral_id = $1 AND letter = 'receipt' ORDER BY created_at`, s.ReferralID))
}

// While a receipt is being taken for delivery its row is locked: an answer must neither wait for it nor be lost with it.
func TestAnAnswerWhileAReceiptIsTaken(t *testing.T) {
	t.Parallel()
	r := open(t)
	s := r.at(referral.Sent)
	r.asked(s.token, 1)
	tx, err := r.db.Beginx()
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	_, err = tx.Exec(`UPDATE messages SET state = 'claimed' WHERE id = $1`, r.pending(s.ReferralID, referral.ReceiptLetter))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err = r.Reply(ctx, s.token, casework.ReplyInput{Do: referral.Accept, Name: "Sam"})
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	assert.Equal(t, []referral.OfferState{referral.InfoRequested, referral.Accepted}, all[referral.OfferState](r, `SELECT offer_state FROM messages
		WHERE referral_id = $1 AND letter = 'receipt' ORDER BY step_key`, s.ReferralID))
}
