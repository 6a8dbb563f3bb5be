package casework_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/referral"
)

// sound is a record in which every invariant holds, with something for each of them to look at.
type sound struct {
	*room
	asked    uuid.UUID // its agency has the offer's letter, in two copies
	accepted uuid.UUID // its agency has said yes, and has the receipt
	closed   uuid.UUID // confirmed by the client; its second agency was never asked
}

func openSound(t *testing.T) *sound {
	t.Helper()
	s := &sound{room: open(t)}
	s.damaged = true
	in, err := s.Intake(t.Context(), s.navigator, casework.IntakeInput{Case: ana(), Referral: food(s.services[0])}, key("the call", "body"))
	require.NoError(t, err)
	s.asked = in.ReferralID
	s.tick(s.asked)
	s.letter(s.asked, referral.OfferLetter)
	yes, token := s.sent(s.services[1])
	s.accepted = yes.ReferralID
	s.replied(token, referral.Accept)
	end, token := s.sent(s.services[2], s.services[0])
	s.closed = end.ReferralID
	s.replied(token, referral.Accept)
	s.replied(token, referral.ReportOutcome)
	_, err = s.Do(t.Context(), s.navigator, s.closed, casework.CommandInput{Do: referral.Confirm, Outcome: "received_in_full"}, key("the end", "body"))
	require.NoError(t, err)
	s.exec(`INSERT INTO messages SELECT (x).* FROM (SELECT jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'generation', 2,
		'reason', 'asked_by_agency')) AS x FROM messages m WHERE referral_id = $1) c`, s.asked)
	for _, id := range all[uuid.UUID](s.room, `SELECT id FROM messages WHERE state = 'pending'`) {
		_, ok, err := s.TakeLetter(t.Context(), id, "test")
		require.NoError(t, err)
		if ok {
			s.settle(id, casework.Settled{State: db.MessageAccepted})
		}
	}
	for _, id := range []uuid.UUID{s.asked, s.accepted} {
		s.tick(id)
	}
	s.exec(`UPDATE outbox SET done_at = now()`)
	return s
}

// found runs the check and gives every violation as "I5 offer what", with what was looked at.
func (s *sound) found() (violations []string, looked map[string]int) {
	s.t.Helper()
	findings, err := s.Check(s.t.Context(), nil)
	require.NoError(s.t, err)
	looked = map[string]int{}
	for _, f := range findings {
		require.Empty(s.t, f.NotChecked, f.Invariant)
		looked[f.Invariant] = f.Looked
		for _, v := range f.Violations {
			violations = append(violations, fmt.Sprintf("%s %s %s: %s", f.Invariant, v.Of, s.called(v.ID), v.What))
		}
	}
	return violations, looked
}

// called names what an id of the sound record is.
func (s *sound) called(id uuid.UUID) string {
	known := map[uuid.UUID]string{s.asked: "asked", s.accepted: "accepted", s.closed: "closed"}
	if name, ok := known[id]; ok {
		return name
	}
	for _, table := range []string{"offers", "messages"} {
		for _, of := range all[uuid.UUID](s.room, `SELECT referral_id FROM `+table+` WHERE id = $1`, id) {
			return "of " + known[of]
		}
	}
	return "gone"
}

func TestASoundRecordIsFoundSound(t *testing.T) {
	t.Parallel()
	s := openSound(t)
	violations, looked := s.found()
	assert.Empty(t, violations)
	assert.Equal(t, map[string]int{"I2": 2, "I3": 5, "I4": 6, "I5": 3, "I8": 0, "I10": 7, "I11": 15, "I12": 0}, looked)
}

// damage does to the record what no command does: triggers are off, and constraints are gone.
func (s *sound) damage(statement string, args ...any) {
	s.t.Helper()
	s.exec(`DO $$ DECLARE c record; BEGIN
		FOR c IN SELECT conrelid::regclass AS of, conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
			AND (contype = 'c' OR (contype = 'u' AND conrelid = 'messages'::regclass)) LOOP
			EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.of, c.conname);
		END LOOP; END $$`)
	require.NoError(s.t, db.InTx(context.Background(), s.db, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `SET LOCAL session_replication_role = replica`); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		assert.Positive(s.t, n, "it damages nothing")
		return err
	}))
}

// Every invariant's check is seen to fail, and finds nothing else.
func TestADamagedRecordIsFoundOut(t *testing.T) {
	t.Parallel()
	asked := func(s *sound) []any { return []any{s.asked} }
	accepted := func(s *sound) []any { return []any{s.accepted} }
	closed := func(s *sound) []any { return []any{s.closed} }
	none := func(*sound) []any { return nil }
	for name, c := range map[string]struct {
		damage string
		args   func(*sound) []any
		finds  []string
	}{
		"a step is gone": {`UPDATE referrals SET step = NULL, step_due = NULL WHERE id = $1`, asked, []string{"I2 referral asked: no next step"}},
		"a due time is gone": {`UPDATE referrals SET step_due = NULL WHERE id = $1`, asked,
			[]string{"I2 referral asked: no next step"}},
		"a step is nobody's": {`UPDATE referrals SET step = jsonb_set(step, '{role}', '""') WHERE id = $1`, asked,
			[]string{"I2 referral asked: nobody is accountable for its step"}},
		"a step is of someone who left": {`WITH left_us AS (UPDATE accounts SET active = false WHERE name = 'Kim' RETURNING id)
			UPDATE referrals SET step = jsonb_set(step, '{person}', to_jsonb(left_us.id)) FROM left_us WHERE referrals.id = $1`, asked,
			[]string{"I2 referral asked: its step is for someone who has left"}},
		"a step is overdue": {`UPDATE referrals SET step_due = $2::timestamptz - interval '6 minutes' WHERE id = $1`,
			func(s *sound) []any { return []any{s.asked, s.clock.Now()} }, []string{"I2 referral asked: its step is overdue, and nobody was told"}},
		"a due time is put off": {`UPDATE referrals SET step_due = step_due + interval '1 second' WHERE id = $1`, asked,
			[]string{"I2 referral asked: its step is due later than the rules say"}},
		"a step is put off": {`UPDATE referrals SET step = jsonb_set(step, '{due}', '"2027-11-23T15:00:00Z"') WHERE id = $1`, asked,
			[]string{"I2 referral asked: its step is due later than the rules say"}},
		"an offer was sent long before": {`UPDATE offers SET sent_at = sent_at - interval '3 days', entered_at = entered_at - interval '3 days' WHERE referral_id = $1`, asked,
			[]string{"I2 referral asked: its step is due later than the rules say"}},
		"a step can't be read": {`UPDATE referrals SET step = '[]' WHERE id = $1`, asked, []string{"I2 referral asked: its record can't be read"}},
		"an answered call is gone": {`DELETE FROM referrals WHERE id = $1`, asked,
			[]string{"I3 referral asked: an answer was given for it, and it is not there"}},
		"a referral whose command was answered is gone": {`DELETE FROM referrals WHERE id = $1`, closed,
			[]string{"I3 referral closed: an answer was given for it, and it is not there"}},
		"a case is gone": {`DELETE FROM cases WHERE id = (SELECT case_id FROM referrals WHERE id = $1)`, asked,
			[]string{"I3 case gone: an answer was given for it, and it is not there"}},
		"a name stands open": {`UPDATE cases SET name = 'Ana' WHERE id = (SELECT case_id FROM referrals WHERE id = $1)`, asked, []string{"I11 case gone: something in cases stands open"}},
		"a key is gone":      {`DELETE FROM case_keys WHERE case_id = (SELECT case_id FROM referrals WHERE id = $1)`, asked, []string{"I11 case gone: it has no key"}},
		"two calls got one referral": {`INSERT INTO idempotency (organisation_id, account_id, key, body_hash, body, created_at, case_id, referral_id, opened)
			SELECT organisation_id, account_id, 'another', body_hash, body, created_at, case_id, referral_id, opened
			FROM idempotency WHERE key = 'the call'`, none, []string{"I3 referral asked: two calls were answered with it"}},
		"a call is written down twice": {`INSERT INTO timeline (organisation_id, referral_id, version, at, what, actor_role, via)
			SELECT organisation_id, id, version, created_at, 'refer', 'navigator', 'page' FROM referrals WHERE id = $1`, asked,
			[]string{"I3 referral asked: it was not written down exactly once"}},
		"a letter is there twice":        {`UPDATE messages SET generation = 1 WHERE referral_id = $1`, asked, []string{"I4 message of asked: the same letter more than once"}},
		"a further letter has no reason": {`UPDATE messages SET reason = '' WHERE generation = 2`, none, []string{"I4 message of asked: a further letter without a reason"}},
		"a letter between is gone": {`UPDATE messages SET generation = 3 WHERE generation = 2`, none,
			[]string{"I4 message of asked: a further letter without the one before it"}},
		"a letter went out unattempted": {`UPDATE messages SET attempts = 0 WHERE referral_id = $1 AND letter = 'receipt'`, accepted,
			[]string{"I4 message of accepted: it went out without an attempt on record"}},
		"the provider took a letter twice": {`INSERT INTO provider_events (event_id, organisation_id, message_id, kind, happened_at, received_at, outcome, processed_at, raw)
			SELECT name, organisation_id, id, 'processed', created_at, created_at, 'no_effect', created_at,
				convert_to('{"event": "processed", "sg_message_id": "' || name || '.filterdrecv-1.0"}', 'UTF8')
			FROM messages, unnest(ARRAY['a.b', 'c.d']) name WHERE referral_id = $1 AND letter = 'receipt'`, accepted, []string{"I4 message of accepted: the provider took it more than once"}},
		"the provider's name is another": {`WITH named AS (UPDATE messages SET provider_id = 'a.b' WHERE referral_id = $1 AND letter = 'receipt' RETURNING *)
			INSERT INTO provider_events (event_id, organisation_id, message_id, kind, happened_at, received_at, outcome, processed_at, raw)
			SELECT kind, organisation_id, id, kind, created_at, created_at, 'no_effect', created_at,
				convert_to('{"event": "' || kind || '", "sg_message_id": "' || name || '.filterdrecv-1.0"}', 'UTF8')
			FROM named, (VALUES ('processed', 'a.b'), ('delivered', 'c.d')) e(kind, name)`, accepted, []string{"I4 message of accepted: the provider took it more than once"}},
		"a version has no line": {`DELETE FROM timeline WHERE referral_id = $1 AND what = 'report_outcome'`, closed, []string{
			"I5 referral closed: its timeline has gaps or goes beyond its version", "I5 offer of closed: a move does not begin where the one before it ended"}},
		"a line is beyond the version": {`UPDATE timeline SET version = version + 1 WHERE referral_id = $1 AND what = 'accept'`, accepted,
			[]string{"I5 referral accepted: its timeline has gaps or goes beyond its version"}},
		"versions are not in line": {`UPDATE timeline SET version = 3 - version WHERE referral_id = $1`, asked, []string{"I5 referral asked: its versions go back"}},
		"an offer's move begins elsewhere": {`UPDATE timeline SET from_state = 'info_requested' WHERE referral_id = $1 AND what = 'accept'`, accepted,
			[]string{"I5 offer of accepted: a move does not begin where the one before it ended"}},
		"a referral's move begins elsewhere": {`UPDATE timeline SET from_state = 'draft' WHERE referral_id = $1 AND what = 'close'`, closed,
			[]string{"I5 referral closed: a move does not begin where the one before it ended"}},
		"a letter failed unseen": {`UPDATE messages SET state = 'rejected', error_class = 'bounced_5xx', settled_at = settled_at - interval '6 minutes'
			WHERE referral_id = $1 AND letter = 'receipt'`, accepted, []string{"I8 message of accepted: a failed letter that nobody was asked to see to"}},
		"a letter's fate is unknown": {`UPDATE messages SET state = 'ambiguous', settled_at = NULL, attempted_at = attempted_at - interval '16 minutes'
			WHERE referral_id = $1 AND letter = 'receipt'`, accepted, []string{"I8 message of accepted: a failed letter that nobody was asked to see to"}},
		"an ended offer is asked again": {`UPDATE offers SET state = 'sent' WHERE referral_id = $1 AND rank = 2`, closed, []string{
			"I10 referral closed: closed, but an agency is still asked about it", "I10 offer of closed: its state is not where its last move led"}},
		"an offer jumps": {`UPDATE offers SET state = 'accepted', attempts = 0 WHERE referral_id = $1`, asked,
			[]string{"I10 offer of asked: its state is not where its last move led"}},
		"an outcome is gone": {`UPDATE referrals SET outcome = '' WHERE id = $1`, closed, []string{"I10 referral closed: closed without an outcome, or with a step left"}},
		"a closed referral moves on": {`INSERT INTO timeline (organisation_id, referral_id, version, at, what, from_state, to_state, actor_role, via)
			SELECT organisation_id, id, version, created_at, 'open', 'closed', 'open', 'navigator', 'page' FROM referrals WHERE id = $1`, closed, []string{
			"I10 referral closed: its state is not where its last move led", "I10 referral closed: moved off the graph: open from closed to open"}},
		"a move is off the graph": {`UPDATE timeline SET what = 'lapse', actor_role = 'system' WHERE referral_id = $1 AND what = 'report_outcome'`, closed,
			[]string{"I10 offer of closed: moved off the graph: lapse from accepted to outcome_reported"}},
		"an agency's word is the system's": {`UPDATE timeline SET actor_role = 'system' WHERE referral_id = $1 AND what = 'accept'`, accepted,
			[]string{"I10 offer of accepted: moved off the graph: accept from sent to accepted"}},
		"a promise is forgotten": {`UPDATE outbox SET done_at = NULL, available_at = now() - interval '6 minutes' WHERE referral_id = $1 AND kind = 'start'`, asked,
			[]string{"I12 referral asked: a promise that nobody takes up: start"}},
		"a promise is put off": {`UPDATE outbox SET done_at = NULL, available_at = now() + interval '2 hours' WHERE referral_id = $1 AND kind = 'start'`, asked,
			[]string{"I12 referral asked: a promise that was put off too far: start"}},
		"a letter is not promised": {`UPDATE messages SET state = 'pending', settled_at = NULL, created_at = created_at - interval '6 minutes'
			WHERE referral_id = $1 AND letter = 'receipt'`, accepted, []string{"I12 message of accepted: a letter that nothing promises to send"}},
		"an attempt never ended": {`UPDATE messages SET state = 'claimed', settled_at = NULL, attempted_at = attempted_at - interval '6 minutes'
			WHERE referral_id = $1 AND letter = 'receipt'`, accepted, []string{"I12 message of accepted: an attempt that never came to an end"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openSound(t)
			s.damage(c.damage, c.args(s)...)
			violations, _ := s.found()
			assert.ElementsMatch(t, c.finds, violations)
		})
	}
}

// A step that can't be carried out counts as seen to once a coordinator has been asked to carry on by hand.
func TestAnOverdueStepThatSomeoneTookOver(t *testing.T) {
	t.Parallel()
	s := openSound(t)
	s.exec(`UPDATE referrals SET step_due = $2 WHERE id = $1`, s.asked, s.clock.Now().Add(-time.Hour))
	raised, err := s.TakeOver(t.Context(), s.asked)
	require.NoError(t, err)
	assert.True(t, raised)
	s.exec(`UPDATE referrals SET step_due = $2 WHERE id = $1`, s.asked, s.clock.Now().Add(-time.Hour))
	s.exec(`UPDATE outbox SET done_at = now()`)
	violations, _ := s.found()
	assert.Empty(t, violations)
	raised, err = s.TakeOver(t.Context(), s.asked)
	require.NoError(t, err)
	assert.False(t, raised, "once")
}

// After a change of policy every open referral is promised the news; until it is told its step is still the old one's.
func TestAPolicyThatIsNewIsNotAViolation(t *testing.T) {
	t.Parallel()
	s := openSound(t)
	require.NoError(t, s.SetPolicy(t.Context(), s.coordinator, referral.Demo()))
	violations, _ := s.found()
	assert.Empty(t, violations)
	s.exec(`UPDATE outbox SET done_at = now()`)
	violations, _ = s.found()
	assert.Len(t, violations, 2, "%v", violations)
}

// The check changes nothing, and one statement that fails leaves the others their answer.
func TestTheCheckOnlyReads(t *testing.T) {
	t.Parallel()
	s := openSound(t)
	before := s.contents()
	s.found()
	assert.Equal(t, before, s.contents())
	s.exec(`ALTER TABLE idempotency RENAME TO elsewhere`)
	findings, err := s.Check(t.Context(), nil)
	require.NoError(t, err)
	for _, f := range findings {
		assert.Equal(t, f.Invariant == "I3" || f.Invariant == "I11", f.NotChecked != "", f.Invariant)
	}
	s.exec(`ALTER TABLE elsewhere RENAME TO idempotency`)
	s.exec(`ALTER TABLE referrals RENAME TO elsewhere`)
	_, err = s.Check(t.Context(), nil)
	require.Error(t, err)
}
