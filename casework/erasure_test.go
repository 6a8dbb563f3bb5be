package casework_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/seal"
	"throughline/referral"
)

const day = 24 * time.Hour

// closed brings a referral to its end, if it is not there.
func (r *room) closed(in casework.Intake) {
	r.t.Helper()
	if r.referral(in.ReferralID).State != referral.Closed {
		r.do(in.ReferralID, casework.CommandInput{Do: referral.Withdraw, Reason: "moved", Note: "canary says that she moved"})
	}
}

// askedErasure is one that the navigator recorded for the client.
func (r *room) askedErasure(in casework.Intake) uuid.UUID {
	r.t.Helper()
	r.closed(in)
	id, err := r.AskErasure(context.Background(), r.navigator, in.CaseID, "canary wants it gone")
	require.NoError(r.t, err)
	return id
}

// exported is an export that is made.
func (r *room) exported(who casework.Actor, id uuid.UUID) uuid.UUID {
	r.t.Helper()
	asked, err := r.AskExport(context.Background(), who, id, "en")
	require.NoError(r.t, err)
	w, err := r.CarryExport(context.Background(), asked, r.clock.Now())
	require.NoError(r.t, err)
	require.Equal(r.t, casework.Wait{Due: r.clock.Now().AddDate(0, 0, 7)}, w)
	return asked
}

// kept fills what is about keeping a case, each field with a canary: a hold that was lifted, an export, an erasure that was
// called off.
func (r *room) kept(supervisor casework.Actor, id uuid.UUID) {
	r.t.Helper()
	ctx := context.Background()
	require.NoError(r.t, r.HoldCase(ctx, supervisor, id, "canary goes to court"))
	require.NoError(r.t, r.LiftHold(ctx, supervisor, id))
	for _, open := range all[uuid.UUID](r, `SELECT id FROM referrals WHERE case_id = $1 AND state <> 'closed'`, id) {
		r.do(open, casework.CommandInput{Do: referral.Withdraw, Reason: "moved", Note: "canary moved"})
	}
	asked, err := r.AskErasure(ctx, r.navigator, id, "canary changes her mind")
	require.NoError(r.t, err)
	require.NoError(r.t, r.CallOffErasure(ctx, r.navigator, asked))
	r.exported(supervisor, id)
}

// counts is what reports are made from, of everything: none of it may change when a case is erased.
func (r *room) counts() []string {
	r.t.Helper()
	return all[string](r, `SELECT concat_ws(' ', 'case', id, reference, anonymous, language, region_id, created_by, created_at) FROM cases
		UNION ALL SELECT concat_ws(' ', 'referral', id, need, urgency, state, outcome, unmet_reason, evidence, version, owner_id, created_at, opened_at, closed_at) FROM referrals
		UNION ALL SELECT concat_ws(' ', 'offer', id, service_id, rank, state, reason, outcome, entered_at, sent_at, attempts, visit_at) FROM offers
		UNION ALL SELECT concat_ws(' ', 'task', id, kind, cause, state, role, assignee_id, due_at, done_at) FROM tasks
		UNION ALL SELECT concat_ws(' ', 'consent', id, given, how, script, service_ids, agreed, capacity, recorded_at, withdrawn_at) FROM consents
		UNION ALL SELECT concat_ws(' ', 'line', id, version, at, what, from_state, to_state, code, attribution, actor_role, actor_id, via) FROM timeline
		UNION ALL SELECT concat_ws(' ', 'letter', id, letter, recipient, generation, reason, created_at) FROM messages
		UNION ALL SELECT concat_ws(' ', 'glass', id, account_id, broken_at, decision) FROM glass ORDER BY 1`)
}

// After an erasure nothing that anybody said can be read, whatever was copied before but the whole database; what counts
// is as it was, and nothing crashes.
func TestErasureLeavesCountsAndNothingToRead(t *testing.T) {
	t.Parallel()
	r := open(t)
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	in, ask := r.told()
	other := r.intake(r.services[2])
	r.tick(in.ReferralID)
	out := r.take(one[uuid.UUID](r, `SELECT m.id FROM messages m JOIN offers o ON o.id = m.offer_id WHERE m.referral_id = $1 AND m.letter = 'offer'
		AND o.state = 'sent'`, in.ReferralID))
	token := out.Token
	require.NoError(t, r.SettleLetter(t.Context(), out.ID, casework.Settled{State: db.MessageAccepted, ProviderID: "p"}))
	require.NoError(t, r.Reply(t.Context(), token, casework.ReplyInput{Do: referral.Ask, Name: "Canary at the desk", Note: "canary by link"}))
	require.NoError(t, r.Restrict(t.Context(), r.navigator, in.CaseID, "violence"))
	_, err := r.BreakGlass(t.Context(), r.colleague, in.Reference, "canary on the line")
	require.NoError(t, err)
	waiting, err := r.GlassToReview(t.Context(), supervisor)
	require.NoError(t, err)
	require.NoError(t, r.ReviewGlass(t.Context(), supervisor, waiting[0].ID, "justified", "canary it was"))
	require.NoError(t, r.Restrict(t.Context(), r.navigator, in.CaseID, ""))
	r.kept(supervisor, in.CaseID)
	_, err = r.Correct(t.Context(), r.navigator, in.CaseID, right(1, casework.CorrectionInput{Notes: new("canary corrected")}), nil)
	require.NoError(t, err)

	var sealed []string // every text of the case as it is kept
	for _, c := range db.SealedColumns {
		if c.Table == db.OfAccounts {
			continue
		}
		of := map[string]string{"cases": "id", "referrals": "case_id", "consents": "case_id", "glass": "case_id", "legal_holds": "case_id", "corrections": "case_id", "erasures": "case_id",
			"case_exports": "case_id", "idempotency": "case_id"}[c.Table]
		where := of + ` = $1`
		if of == "" {
			where = `referral_id IN (SELECT id FROM referrals WHERE case_id = $1)`
		}
		column := c.Column
		if c.Table == "idempotency" {
			column = `convert_from(body, 'UTF8')`
		}
		found := all[string](r, `SELECT `+column+` FROM `+c.Table+` WHERE `+where+` AND `+column+` LIKE 's1.%'`, in.CaseID)
		require.NotEmpty(t, found, "%s.%s holds nothing of the case: that it is empty afterwards shows nothing", c.Table, c.Column)
		sealed = append(sealed, found...)
	}
	wrapped := one[[]byte](r, `SELECT wrapped FROM case_keys WHERE case_id = $1`, in.CaseID)
	copied, err := r.Keyring.Key(seal.Wrapped{Of: in.CaseID, Bytes: wrapped, KEK: r.Keyring.Primary()})
	require.NoError(t, err)
	name, err := copied.Open(seal.Place("cases", "name", in.CaseID.String()), sealed[0])
	require.NoError(t, err)
	require.Equal(t, "Ana Canary", name, "with a copy of the key it can be read before")
	secrets := append(sealed, one[string](r, `SELECT encode(wrapped, 'hex') FROM case_keys WHERE case_id = $1`, in.CaseID))
	secrets = append(secrets, all[string](r, `SELECT encode(m, 'hex') FROM case_keys, unnest(found_by) m WHERE case_id = $1
		AND m NOT IN (SELECT unnest(found_by) FROM case_keys WHERE case_id <> $1)`, in.CaseID)...)
	secrets = append(secrets, all[string](r, `SELECT encode(body_hash, 'hex') FROM idempotency WHERE case_id = $1`, in.CaseID)...)

	id := r.askedErasure(in)
	require.NoError(t, r.ApproveErasure(t.Context(), supervisor, id))
	r.clock.Advance(7 * day)
	before := r.counts()
	_, gone, err := r.Erase(t.Context(), id, r.clock.Now())
	require.NoError(t, err)
	require.Equal(t, in.CaseID, gone)

	assert.Equal(t, before, r.counts())
	for table, text := range r.dump() {
		for _, secret := range secrets {
			assert.False(t, strings.Contains(text, secret), "%s holds %.20s… still", table, secret)
		}
	}
	_, gone, err = r.Erase(t.Context(), id, r.clock.Now())
	require.NoError(t, err)
	assert.Zero(t, gone, "twice is once")
	r.linkUp()
	assert.Empty(t, r.verified(nil), "the audit is as it was written")
	assert.Equal(t, []string{"client_request"}, all[string](r, `SELECT why FROM audit WHERE action = 'erase' AND whose = ARRAY[$1::uuid]`, in.CaseID))
	r.isATombstone(supervisor, in, ask, token)
	c, _, err := r.Case(t.Context(), r.navigator, other.CaseID)
	require.NoError(t, err)
	assert.Equal(t, "Ana Canary", c.Name, "another case is as it was")
}

// isATombstone wants every way to a case that was erased to show that it is, and nothing else.
func (r *room) isATombstone(supervisor casework.Actor, in casework.Intake, ask casework.CommandInput, token string) {
	t, ctx := r.t, context.Background()
	t.Helper()
	c, list, err := r.Case(ctx, r.navigator, in.CaseID)
	require.NoError(t, err)
	require.NotNil(t, c.ErasedAt)
	assert.Equal(t, []any{casework.ClientRequest, in.Reference, ""}, []any{c.ErasedWhy, c.Reference, c.Name + c.Phone + c.Email + c.Notes + c.Municipality})
	assert.Equal(t, "withdrawn", string(list[0].Offers[len(list[0].Offers)-1].State))
	_, err = r.Timeline(ctx, r.navigator, in.ReferralID)
	require.NoError(t, err)
	k, err := r.Keeping(ctx, supervisor, in.CaseID)
	require.NoError(t, err)
	assert.Nil(t, k.Waiting())
	for _, look := range []string{in.Reference, "Canary"} {
		found, err := r.FindCases(ctx, r.navigator, look)
		require.NoError(t, err)
		for _, f := range found {
			assert.NotEqual(t, in.CaseID, f.ID, look)
		}
	}
	_, err = r.OpenLink(ctx, token)
	refused(t, err, referral.CodeNotFound, "")
	r.exec(`UPDATE links SET revoked_at = NULL`)
	_, err = r.OpenLink(ctx, token)
	refused(t, err, referral.CodeNotFound, "")
	r.exec(`UPDATE links SET revoked_at = $1`, r.clock.Now())
	_, _, _, err = r.FetchExport(ctx, supervisor, k.Exports[0].ID, casework.ExportPage)
	assert.Equal(t, "gone", outcome(err))

	again := food(r.services[0])
	again.CaseID = in.CaseID
	again.Details = ""
	_, err = r.Refer(ctx, r.navigator, again, nil)
	assert.Equal(t, casework.ErasedOutcome, outcome(err))
	_, err = r.db.Exec(`INSERT INTO referrals SELECT (x).* FROM (SELECT jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid())) AS x
		FROM referrals r WHERE case_id = $1 LIMIT 1) y`, in.CaseID)
	assert.Equal(t, referral.CodeConflict, referral.CodeOf(db.Translate(err)), "whoever writes: %v", err)
	_, err = r.db.Exec(`UPDATE cases SET name = 'Ana' WHERE id = $1`, in.CaseID)
	assert.Equal(t, referral.CodeConflict, referral.CodeOf(db.Translate(err)), "whoever writes: %v", err)
	_, err = r.Do(ctx, r.navigator, in.ReferralID, consentWithdrawn, nil)
	assert.Equal(t, casework.ErasedOutcome, outcome(err))
	key := one[string](r, `SELECT key FROM idempotency WHERE referral_id = $1 AND NOT opened`, in.ReferralID)
	for _, body := range []string{"y", "another"} {
		_, err = r.Do(ctx, r.navigator, in.ReferralID, ask, &casework.Key{Key: key, Body: []byte(body)})
		assert.Equal(t, casework.ErasedOutcome, outcome(err), "whether it was that request is not told")
	}
	assert.Equal(t, casework.ErasedOutcome, outcome(r.HoldCase(ctx, supervisor, in.CaseID, "too late")))
	_, err = r.AskErasure(ctx, r.navigator, in.CaseID, "again")
	assert.Equal(t, casework.ErasedOutcome, outcome(err))
	_, err = r.AskExport(ctx, supervisor, in.CaseID, "en")
	assert.Equal(t, casework.ErasedOutcome, outcome(err))
	_, err = r.BreakGlass(ctx, r.colleague, in.Reference, "is it there?")
	refused(t, err, referral.CodeNotFound, "")
	_, err = r.AccessReport(ctx, supervisor, in.CaseID)
	require.NoError(t, err)
	next, err := r.Next(ctx, in.ReferralID, r.clock.Now())
	require.NoError(t, err)
	assert.True(t, next.None())
}

// However a link came to be left alive, it opens nothing of a case that is erased, and takes nothing.
func TestALinkOfAnErasedCaseOpensNothing(t *testing.T) {
	t.Parallel()
	r := open(t)
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	s := r.at(referral.OutcomeReported)
	r.do(s.ReferralID, casework.CommandInput{Do: referral.Confirm, Outcome: "received_in_full"})
	_, err := r.OpenLink(t.Context(), s.token)
	require.NoError(t, err, "an agency that helped may look until then")
	id := r.askedErasure(s.Intake)
	require.NoError(t, r.ApproveErasure(t.Context(), supervisor, id))
	r.clock.Advance(7 * day)
	_, _, err = r.Erase(t.Context(), id, r.clock.Now())
	require.NoError(t, err)
	assert.Zero(t, one[int](r, `SELECT count(*) FROM links WHERE revoked_at IS NULL`))
	r.exec(`UPDATE links SET revoked_at = NULL, expires_at = expires_at + interval '1 year'`)
	_, err = r.OpenLink(t.Context(), s.token)
	refused(t, err, referral.CodeNotFound, "")
	refused(t, r.Reply(t.Context(), s.token, posted(referral.ReportOutcome)), referral.CodeNotFound, "")
}

// What an earlier version let people write where nothing is sealed goes too.
func TestErasureTakesWordsThatStoodOpen(t *testing.T) {
	t.Parallel()
	r := open(t)
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	for written, want := range map[string]string{"en-x-canary": "en", "x-canary": "und", "zh-Hant-t-canary": "zh-Hant", "fr-CA": "fr-CA"} {
		in := r.intake(r.services[0])
		id := r.askedErasure(in)
		r.exec(`UPDATE cases SET language = $2 WHERE id = $1`, in.CaseID, written)
		r.exec(`UPDATE consents SET script = CASE WHEN $2 = 'fr-CA' THEN script ELSE 'canary said so' END WHERE case_id = $1`, in.CaseID, written)
		require.NoError(t, r.ApproveErasure(t.Context(), supervisor, id))
		_, gone, err := r.Erase(t.Context(), id, r.clock.Now().AddDate(0, 0, 7))
		require.NoError(t, err)
		require.Equal(t, in.CaseID, gone)
		assert.Equal(t, want, one[string](r, `SELECT language FROM cases WHERE id = $1`, in.CaseID))
		assert.Equal(t, map[bool]string{true: casework.ConsentScript}[want == "fr-CA"], one[string](r, `SELECT script FROM consents WHERE case_id = $1 AND given`, in.CaseID))
	}
}

// Nothing is erased before its time, without a second person, while a referral is open, or under hold.
func TestErasureWaitsAndCanBeCalledOff(t *testing.T) {
	t.Parallel()
	r := open(t)
	supervisor, second := r.person(r.organisation, "Sacha", referral.Supervisor), r.person(r.organisation, "Sam", referral.Supervisor)
	in, _ := r.sent(r.services[0])
	_, err := r.AskErasure(t.Context(), r.navigator, in.CaseID, "she asks")
	e := refused(t, err, referral.CodeConflict, "referrals."+in.ReferralID.String())
	assert.Equal(t, "open_referral", e.Outcome)
	r.closed(in)
	_, err = r.AskErasure(t.Context(), r.navigator, in.CaseID, " ")
	refused(t, err, referral.CodeInvalid, "why")

	id, err := r.AskErasure(t.Context(), supervisor, in.CaseID, "she asks")
	require.NoError(t, err)
	_, err = r.AskErasure(t.Context(), r.navigator, in.CaseID, "she asks")
	assert.Equal(t, referral.CodeConflict, referral.CodeOf(err), "one at a time")
	runs := func(want casework.Wait) {
		t.Helper()
		w, gone, err := r.Erase(t.Context(), id, r.clock.Now())
		require.NoError(t, err)
		assert.Equal(t, want, w)
		assert.Zero(t, gone)
		assert.Zero(t, one[int](r, `SELECT count(*) FROM cases WHERE erased_at IS NOT NULL`))
	}
	due := r.clock.Now().AddDate(0, 0, 7)
	runs(casework.Wait{Due: due})
	refused(t, r.ApproveErasure(t.Context(), supervisor, id), referral.CodeForbidden, "erasure")
	refused(t, r.ApproveErasure(t.Context(), r.navigator, id), referral.CodeForbidden, "")
	r.clock.Set(due)
	runs(casework.Wait{Due: due.Add(day)})
	require.NoError(t, r.ApproveErasure(t.Context(), second, id))
	assert.Equal(t, referral.CodeConflict, referral.CodeOf(r.ApproveErasure(t.Context(), second, id)))
	require.NoError(t, r.CallOffErasure(t.Context(), r.navigator, id))
	assert.Equal(t, "called_off", outcome(r.CallOffErasure(t.Context(), r.navigator, id)))
	runs(casework.Wait{Ended: true})

	id = r.askedErasure(in)
	require.NoError(t, r.ApproveErasure(t.Context(), second, id))
	again := food(r.services[0])
	again.CaseID = in.CaseID
	_, err = r.Refer(t.Context(), r.navigator, again, nil)
	require.NoError(t, err, "she calls again, meanwhile")
	r.clock.Advance(8 * day)
	runs(casework.Wait{Ended: true})
	assert.Equal(t, "open_referral", one[string](r, `SELECT outcome FROM erasures WHERE id = $1`, id))
}

func TestACaseUnderHoldIsNotErasedByAnyone(t *testing.T) {
	t.Parallel()
	r := open(t)
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	in, _ := r.sent(r.services[0])
	id := r.askedErasure(in)
	require.NoError(t, r.ApproveErasure(t.Context(), supervisor, id))
	refused(t, r.HoldCase(t.Context(), r.coordinator, in.CaseID, "a court asks"), referral.CodeForbidden, "")
	refused(t, r.HoldCase(t.Context(), supervisor, in.CaseID, ""), referral.CodeInvalid, "why")
	require.NoError(t, r.HoldCase(t.Context(), supervisor, in.CaseID, "a court asks"))
	assert.Equal(t, "held", outcome(r.HoldCase(t.Context(), supervisor, in.CaseID, "a court asks")))
	assert.Equal(t, "held", one[string](r, `SELECT outcome FROM erasures WHERE id = $1`, id), "what waited has ended")
	_, err := r.AskErasure(t.Context(), r.navigator, in.CaseID, "she asks")
	assert.Equal(t, "held", outcome(err))
	r.clock.Advance(5 * 365 * day)
	_, err = r.Retain(t.Context(), r.organisation, r.clock.Now())
	require.NoError(t, err)
	assert.Zero(t, one[int](r, `SELECT count(*) FROM erasures WHERE ended_at IS NULL`))
	// However one came to wait.
	late := uuid.New()
	r.exec(`INSERT INTO erasures (id, organisation_id, case_id, cause, asked_at, due_at) VALUES ($1, $2, $3, 'schedule', $4, $4)`, late, r.organisation,
		in.CaseID, r.clock.Now())
	_, gone, err := r.Erase(t.Context(), late, r.clock.Now())
	require.NoError(t, err)
	assert.Zero(t, gone)
	done, kept, err := r.EraseAgain(t.Context(), casework.Actor{Actor: referral.Actor{Role: referral.System}, Via: casework.ViaCLI},
		[]casework.ErasedCase{{Case: in.CaseID, Why: casework.Schedule}})
	require.NoError(t, err)
	assert.Equal(t, []any{0, []uuid.UUID{in.CaseID}}, []any{done, kept})

	require.NoError(t, r.LiftHold(t.Context(), supervisor, in.CaseID))
	assert.Equal(t, "not_held", outcome(r.LiftHold(t.Context(), supervisor, in.CaseID)))
	k, err := r.Keeping(t.Context(), r.navigator, in.CaseID)
	require.NoError(t, err)
	assert.False(t, k.Held)
	assert.Equal(t, []string{"a court asks", "Sacha"}, []string{k.Holds[0].Reason, k.Holds[0].LiftedName})
	done, _, err = r.EraseAgain(t.Context(), casework.Actor{Actor: referral.Actor{Role: referral.System}, Via: casework.ViaCLI},
		[]casework.ErasedCase{{Case: in.CaseID, Why: casework.Schedule}, {Case: uuid.New(), Why: casework.Schedule}})
	require.NoError(t, err)
	assert.Equal(t, 1, done)
	list, err := r.ErasedCases(t.Context(), casework.Actor{Actor: referral.Actor{Role: referral.System}})
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, in.CaseID, list[0].Case)
}

// Someone takes the case up again at the moment in which it is erased: one of the two is refused, and never both are done.
func TestACaseIsErasedOrReferredAnew(t *testing.T) {
	t.Parallel()
	r := open(t)
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	for range 10 {
		in := r.intake(r.services[0])
		id := r.askedErasure(in)
		require.NoError(t, r.ApproveErasure(t.Context(), supervisor, id))
		due := one[time.Time](r, `SELECT due_at FROM erasures WHERE id = $1`, id)
		again := food(r.services[1])
		again.CaseID = in.CaseID
		said := atOnce(1, map[string]func(int) error{
			"erase": func(int) error { _, _, err := r.Erase(context.Background(), id, due); return err },
			"refer": func(int) error { _, err := r.Refer(context.Background(), r.navigator, again, nil); return err },
			"withdraw": func(int) error {
				_, err := r.Do(context.Background(), r.navigator, in.ReferralID, consentWithdrawn, nil)
				return err
			},
		})
		require.NoError(t, said["erase"][0])
		erased := one[bool](r, `SELECT erased_at IS NOT NULL FROM cases WHERE id = $1`, in.CaseID)
		if erased {
			assert.Equal(t, referral.CodeConflict, referral.CodeOf(said["refer"][0]), "%v", said["refer"][0])
		} else {
			require.NoError(t, said["refer"][0])
		}
	}
}
