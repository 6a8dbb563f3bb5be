package dispatcher_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

func (o *office) heard(letter uuid.UUID, word referral.MailWord) {
	o.t.Helper()
	_, err := o.desk.Hear(context.Background(), []casework.ProviderEvent{{ID: uuid.NewString(), Letter: letter, Word: word, At: time.Now(), Raw: []byte("{}")}})
	require.NoError(o.t, err)
}

func TestWhatIsHeardIsAppliedAtOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.desk.Reports, o.desk.NudgeEvents = "sendgrid", o.NudgeEvents
	o.run(o.Dispatcher)
	id, message := o.offered()
	o.until("it is sent", func() bool { return o.message(message) == "accepted " })
	assert.True(t, one[bool](o, `SELECT expects_events FROM messages`))
	o.heard(message, referral.WordBounce)
	o.until("it is applied", func() bool { return one[string](o, `SELECT final FROM messages`) == "bounce" })
	o.until("the clock hears of it", func() bool {
		calls := o.conductor.heard()
		return calls[len(calls)-1] == "changed "+id.String()
	})
	step, err := o.desk.Next(t.Context(), id, time.Now())
	require.NoError(t, err)
	assert.Equal(t, "mail_failed", step.Cause)
	o.silent()
}

// The process that answered the provider died before it did anything: another one finds what was heard.
func TestWhatADeadProcessHeardIsApplied(t *testing.T) {
	t.Parallel()
	o := open(t)
	_, message := o.offered()
	_, ok, err := o.desk.TakeLetter(t.Context(), message, "sendgrid")
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, o.desk.SettleLetter(t.Context(), message, casework.Settled{State: db.MessageAccepted}))
	o.heard(message, referral.WordBounce) // nobody is nudged
	o.run(o.another())
	o.run(o.another())
	o.until("it is found", func() bool { return one[string](o, `SELECT final FROM messages`) == "bounce" })
	assert.Equal(t, 1, one[int](o, `SELECT count(*) FROM timeline WHERE what = 'undelivered'`))
}

// An event that can't be applied holds up no other, is not tried without a pause, and is applied when it can be.
func TestAnEventThatCantBeAppliedWaits(t *testing.T) {
	t.Parallel()
	o := open(t)
	_, stuck := o.offered()
	_, other := o.offered()
	o.exec(`CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'away with intake@pantry.example'; END $$`)
	o.exec(`CREATE TRIGGER away BEFORE UPDATE ON messages FOR EACH ROW WHEN (OLD.id = '` + stuck.String() + `') EXECUTE FUNCTION away()`)
	o.heard(stuck, referral.WordBounce)
	o.heard(other, referral.WordDelivered)
	o.exec(`UPDATE outbox SET done_at = now()`) // this is not about sending
	o.run(o.Dispatcher)
	o.until("the other is applied", func() bool {
		return one[string](o, `SELECT final FROM messages WHERE id = $1`, other) == "delivered"
	})
	o.until("it is put off", func() bool {
		return one[int](o, `SELECT count(*) FROM provider_events WHERE processed_at IS NULL AND attempts > 0 AND due_at > now()`) == 1
	})
	o.exec(`DROP TRIGGER away ON messages`)
	o.until("it is applied after all", func() bool {
		return one[string](o, `SELECT final FROM messages WHERE id = $1`, stuck) == "bounce"
	})
	assert.Contains(t, o.log.String(), "events could not be applied yet")
	o.silent()
}

// Nothing is heard of a receipt: someone is asked to call, without any step that waits for it.
func TestSilenceAboutANoticeIsFound(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.desk.Reports = "sendgrid"
	id, message := o.offered()
	o.exec(`UPDATE messages SET letter = 'receipt', state = 'accepted', expects_events = true, settled_at = now() - interval '25 hours' WHERE id = $1`, message)
	o.run(o.Dispatcher)
	o.until("someone is asked to call", func() bool {
		return one[int](o, `SELECT count(*) FROM tasks WHERE referral_id = $1 AND kind = 'call_agency' AND cause = 'mail_undelivered'`, id) == 1
	})
}
