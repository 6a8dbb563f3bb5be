package casework_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/seal"
	"throughline/internal/seal/sealtest"
	"throughline/referral"
)

// told is a referral in which every field that people write in holds a canary, by staff and by the agency itself.
func (r *room) told() (casework.Intake, casework.CommandInput) {
	r.t.Helper()
	key := &casework.Key{Key: uuid.NewString(), Body: []byte("x")}
	wanted := food(r.services...)
	wanted.Consent.How, wanted.Consent.Substitute, wanted.Consent.Capacity = "substitute", "Canary Maria", "attorney"
	in, err := r.Intake(r.t.Context(), r.navigator, casework.IntakeInput{Case: ana(), Referral: wanted}, key)
	require.NoError(r.t, err)
	r.tick(in.ReferralID)
	offer := r.referral(in.ReferralID).Offers[0].ID
	ask := casework.CommandInput{Do: referral.Ask, OfferID: offer, ToldBy: "Canary Sam", Note: "canary question"}
	_, err = r.Do(r.t.Context(), r.navigator, in.ReferralID, ask, &casework.Key{Key: uuid.NewString(), Body: []byte("y")})
	require.NoError(r.t, err)
	r.tick(in.ReferralID)
	r.do(in.ReferralID, casework.CommandInput{Do: referral.Answer, OfferID: offer, Note: "canary answer"})
	r.do(in.ReferralID, casework.CommandInput{Do: referral.Decline, OfferID: offer, Reason: "full", ToldBy: "Canary Kay", Note: "canary reason"})
	return in, ask
}

// canaries in every way in which a dump could hold them.
func canaryForms() []string {
	var all []string
	for _, word := range []string{"canary", "Canary", "CANARY", "7055550123", "K9J 1A1", "Peterborough"} {
		all = append(all, word, hex.EncodeToString([]byte(word)))
		for cut := range 3 {
			if len(word) > cut+5 {
				all = append(all, base64.RawURLEncoding.EncodeToString([]byte(word[cut:cut+(len(word)-cut)/3*3])))
			}
		}
	}
	return all
}

// dump is every row of every table as text.
func (r *room) dump() map[string]string {
	r.t.Helper()
	found := map[string]string{}
	for _, table := range all[string](r, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`) {
		found[table] = one[string](r, `SELECT coalesce(string_agg(t::text, E'\n'), '') FROM `+table+` t`)
	}
	return found
}

// Whoever has the whole database has nothing of what people told us. The canaries are too long to turn up by chance; that a
// year of birth, which is short, is sealed too is checked by its column.
func TestADumpHoldsNothingThatPeopleSaid(t *testing.T) {
	t.Parallel()
	r := open(t)
	in, _ := r.told()
	second, token := r.sent(r.services[0])
	require.NoError(t, r.Reply(t.Context(), token, casework.ReplyInput{Do: referral.Ask, Name: "Canary at the desk", Note: "canary by link"}))
	restricted := r.intakeBy(r.navigator, "violence")
	_, err := r.BreakGlass(t.Context(), r.colleague, restricted.Reference, "canary on the line")
	require.NoError(t, err)
	supervisor := r.person(r.organisation, "Sacha", referral.Supervisor)
	waiting, err := r.GlassToReview(t.Context(), supervisor)
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	assert.Equal(t, "canary on the line", waiting[0].Reason)
	require.NoError(t, r.ReviewGlass(t.Context(), supervisor, waiting[0].ID, "justified", "canary it was"))
	_, err = r.Correct(t.Context(), r.navigator, restricted.CaseID, right(1, casework.CorrectionInput{Notes: new("canary corrected")}), nil)
	require.NoError(t, err)
	r.kept(supervisor, in.CaseID)
	secrets := r.secrets()
	tables := r.dump()
	require.NotEmpty(t, tables["cases"])
	for table, text := range tables {
		for _, form := range append(canaryForms(), secrets...) {
			assert.False(t, strings.Contains(text, form), "%s holds %q", table, form)
		}
	}
	for _, column := range db.SealedColumns {
		kept := all[string](r, `SELECT `+column.Column+`::text FROM `+column.Table)
		assert.NotEmpty(t, strings.Join(kept, ""), "nothing was put into %s.%s: its canary shows nothing", column.Table, column.Column)
		assert.NotContains(t, kept, "1971")
	}

	// And who has the keys has all of it.
	c, list, err := r.Case(t.Context(), r.navigator, in.CaseID)
	require.NoError(t, err)
	assert.Equal(t, "Ana Canary", c.Name)
	assert.Equal(t, 1971, c.BirthYear)
	assert.Equal(t, "K9J 1A1", c.PostalCode)
	assert.Equal(t, "Canary Maria", list[0].Consent.Substitute)
	o := list[0].Offers[0]
	assert.Equal(t, []string{"canary question", "canary answer", "canary reason", "Canary Kay"}, []string{o.Question, o.Answer, o.ReasonNote, o.AnsweredBy})
	lines, err := r.Timeline(t.Context(), r.navigator, second.ReferralID)
	require.NoError(t, err)
	last := lines[len(lines)-1]
	assert.Equal(t, "Canary at the desk: canary by link", last.ActorName+": "+last.Note)
	page, err := r.OpenLink(t.Context(), token)
	require.NoError(t, err)
	assert.Equal(t, "canary by link", page.Question)
}

// What is moved to another place does not open there, and says so; nothing else is hidden by it.
func TestWhatIsMovedDoesNotOpen(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]string{
		"to another row":     `UPDATE cases a SET name = b.name FROM cases b WHERE a.id = $1 AND b.id = $2`,
		"to another column":  `UPDATE cases SET name = email WHERE id = $1 AND $2::uuid IS NOT NULL`,
		"with its key":       `UPDATE case_keys a SET wrapped = b.wrapped, kek = b.kek FROM case_keys b WHERE a.case_id = $1 AND b.case_id = $2`,
		"to an open text":    `UPDATE cases SET name = 'Mallory' WHERE id = $1 AND $2::uuid IS NOT NULL`,
		"to another table":   `UPDATE cases c SET name = r.details FROM referrals r WHERE r.case_id = c.id AND c.id = $1 AND $2::uuid IS NOT NULL`,
		"and the key's name": `UPDATE case_keys SET kek = '00000001' WHERE case_id = $1 AND $2::uuid IS NOT NULL`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t)
			r.damaged = true
			one, two := r.intake(r.services[0]), r.intake(r.services[1])
			r.exec(move, one.CaseID, two.CaseID)
			_, _, err := r.Case(t.Context(), r.navigator, one.CaseID)
			refused(t, err, referral.CodeInternal, "sealed")
			kinds := []error{seal.ErrDamaged, seal.ErrNotSealed, seal.ErrUnknownKey}
			assert.True(t, errors.Is(err, kinds[0]) || errors.Is(err, kinds[1]) || errors.Is(err, kinds[2]), "%v", err)
			list, err := r.Cases(t.Context(), r.navigator, 10)
			require.NoError(t, err)
			for _, c := range list {
				assert.Equal(t, c.ID == one.CaseID, c.Unreadable)
				assert.Equal(t, c.ID != one.CaseID, c.Name == "Ana Canary")
			}
		})
	}
}

func TestALineOfTheTimelineStaysWhereItIs(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.damaged = true
	in, _ := r.told()
	r.exec(`UPDATE timeline a SET note = b.note, seal_id = b.seal_id FROM timeline b WHERE a.what = 'ask' AND b.what = 'answer'
		AND a.referral_id = $1 AND b.referral_id = $1`, in.ReferralID)
	_, err := r.Timeline(t.Context(), r.navigator, in.ReferralID)
	refused(t, err, referral.CodeInternal, "sealed")
	assert.ErrorIs(t, err, seal.ErrDamaged)
}

// A destroyed key leaves tombstones: the rows and their counts, and nothing to read, at once and for everyone.
func TestADestroyedKeyOpensNothing(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.damaged = true // a key is destroyed only together with all the rest
	in, ask := r.told()
	other := casework.New(r.DB, r.clock, sealtest.Keyring(), nil) // another process, with the key at hand
	_, _, err := other.Case(t.Context(), r.navigator, in.CaseID)
	require.NoError(t, err)
	before := one[string](r, `SELECT encode(wrapped, 'hex') FROM case_keys WHERE case_id = $1`, in.CaseID)
	destroy := func(organisation uuid.UUID) error {
		return db.InTx(t.Context(), r.db, func(ctx context.Context, tx *sqlx.Tx) error {
			return r.DestroyCaseKey(ctx, tx, organisation, in.CaseID)
		})
	}
	refused(t, destroy(r.helpline("Another 211")), referral.CodeNotFound, "")
	require.NoError(t, destroy(r.organisation))
	refused(t, destroy(r.organisation), referral.CodeNotFound, "")
	_, held := r.Keyring.Held(in.CaseID)
	assert.False(t, held)
	for table, text := range r.dump() {
		assert.NotContains(t, text, before, table)
	}
	for _, desk := range []*casework.Desk{r.Desk, other} {
		c, list, err := desk.Case(t.Context(), r.navigator, in.CaseID)
		require.NoError(t, err)
		assert.Empty(t, c.Name+c.Phone+c.Email+c.Notes+c.Municipality+list[0].Details+list[0].Offers[0].Question)
		assert.Zero(t, c.BirthYear)
		lines, err := desk.Timeline(t.Context(), r.navigator, in.ReferralID)
		require.NoError(t, err)
		assert.NotEmpty(t, lines)
		for _, l := range lines {
			assert.Empty(t, l.Note+l.ToldBy)
		}
		found, err := desk.FindCases(t.Context(), r.navigator, "canary")
		require.NoError(t, err)
		assert.Empty(t, found)
	}
	key := one[string](r, `SELECT key FROM idempotency WHERE referral_id = $1 AND NOT opened`, in.ReferralID)
	_, err = r.Do(t.Context(), r.navigator, in.ReferralID, ask, &casework.Key{Key: key, Body: []byte("y")})
	assert.Equal(t, "erased", outcome(err))
}

func outcome(err error) string {
	var e *referral.Error
	if errors.As(err, &e) {
		return e.Outcome
	}
	return ""
}

func TestEveryColumnOfTextIsSealedOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	r := open(t)
	sealed := map[db.SealedColumn]bool{}
	for _, c := range db.SealedColumns {
		sealed[c] = true
	}
	directory := strings.Fields(`agencies services locations services_at_location addresses contacts phones schedules languages eligibility
		service_areas accessibility cost_options required_documents taxonomies taxonomy_terms service_terms places imports import_rows
		offer_edges referral_edges goose_db_version`)
	var columns []struct {
		Table  string `db:"table_name"`
		Column string `db:"column_name"`
	}
	require.NoError(t, r.db.Select(&columns, `SELECT c.table_name, c.column_name FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type NOT IN ('uuid', 'boolean', 'integer', 'bigint',
			'timestamp with time zone') AND c.udt_name <> '_uuid' ORDER BY 1, 2`))
	known := map[db.SealedColumn]bool{}
	for _, c := range columns {
		at := db.SealedColumn(c)
		known[at] = true
		plain := db.PlainColumns[c.Table]
		why := plain[c.Column]
		if why == "" {
			why = plain["*"]
		}
		for _, table := range directory {
			if table == c.Table {
				why = "the directory is public"
			}
		}
		assert.True(t, sealed[at] != (why != ""), "%s.%s: put it among db.SealedColumns, and seal it, or say in db.PlainColumns why a client's words are never in it", c.Table, c.Column)
	}
	for c := range sealed {
		assert.True(t, known[c], "%s.%s is not there", c.Table, c.Column)
	}
}

// The keys are rotated while people work: everything can be read all the time, before, during and after.
func TestKeysAreRotatedWhilePeopleRead(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/keys.json"
	require.NoError(t, seal.MakeFile(path, nil))
	keyring := func() *seal.Keyring {
		k, err := seal.New(seal.Source{File: path})
		require.NoError(t, err)
		return k
	}
	r := open(t)
	// Its helpline's key was made with that of tests.
	r.exec(`DELETE FROM organisation_keys`)
	r.Desk = casework.New(r.DB, r.clock, keyring(), nil)
	require.NoError(t, r.CheckKeys(t.Context()))
	colleague := r.visitor(r.account("zoe@helpline.example"), casework.ByPassword)
	secret, _ := r.enrolled(colleague)
	var cases []uuid.UUID
	for range 12 {
		cases = append(cases, r.intake(r.services[0]).CaseID)
	}
	old := r.Keyring.Primary()
	operator := casework.New(r.DB, r.clock, keyring(), nil)
	require.NoError(t, operator.Keyring.AddKey(false))
	stop := make(chan struct{})
	var reading sync.WaitGroup
	for i := range 4 {
		reading.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := cases[n%len(cases)]
				r.Keyring.Forget(id) // read it as one who has not read it before
				c, _, err := r.Case(context.Background(), r.navigator, id)
				if !assert.NoError(t, err) || !assert.Equal(t, "Ana Canary", c.Name) {
					return
				}
				found, err := r.FindCases(context.Background(), r.navigator, "canary")
				assert.NoError(t, err)
				assert.NotEmpty(t, found)
			}
		})
	}
	known := operator.Keyring.Known()
	require.Len(t, known, 2)
	require.Eventually(t, func() bool { return r.Keyring.Has(known[0]) && r.Keyring.Has(known[1]) }, 10*time.Second, 50*time.Millisecond,
		"it looks at the file again when it meets a key that it has not")
	ok, err := operator.Keyring.Promote()
	require.NoError(t, err)
	require.True(t, ok)
	done := 0
	require.NoError(t, operator.Rewrap(t.Context(), func(n int) { done = n }))
	close(stop)
	reading.Wait()
	assert.Equal(t, 13, done, "twelve cases and a helpline")
	assert.Equal(t, []string{operator.Keyring.Primary()}, all[string](r, `SELECT DISTINCT kek FROM case_keys`))
	assert.Equal(t, []string{operator.Keyring.Primary()}, all[string](r, `SELECT kek FROM key_checks`))
	assert.NotEqual(t, old, operator.Keyring.Primary())
	r.clock.Advance(time.Minute)
	require.NoError(t, r.CheckCode(t.Context(), colleague.ID, r.code(secret), here), "the secrets of accounts open too")
	require.NoError(t, operator.Rewrap(t.Context(), func(int) { t.Error("there is nothing left to do") }))
}

func TestAnotherKeyIsRefusedInOneLine(t *testing.T) {
	t.Parallel()
	r := open(t)
	require.NoError(t, r.CheckKeys(t.Context()))
	require.NoError(t, r.CheckKeys(t.Context()), "twice")
	wrong := casework.New(r.DB, r.clock, sealtest.Of(sealtest.Other("another")), nil)
	for range 2 {
		err := wrong.CheckKeys(t.Context())
		require.ErrorIs(t, err, casework.ErrKeys)
		assert.Contains(t, err.Error(), r.Keyring.Primary())
		assert.NotContains(t, err.Error(), "\n")
	}
	assert.Equal(t, 1, one[int](r, `SELECT count(*) FROM key_checks`), "it leaves nothing of its own")
	require.NoError(t, r.CheckKeys(t.Context()))

	// The check value is gone, as after a careless repair: what the keys wrapped still tells.
	r.intake(r.services[0])
	r.exec(`DELETE FROM key_checks`)
	require.ErrorIs(t, wrong.CheckKeys(t.Context()), casework.ErrKeys)
	assert.ErrorIs(t, casework.New(r.DB, r.clock, nil, nil).CheckKeys(t.Context()), seal.ErrNoKey)
}

// Taking a call as it is, beside the least that could be written down of it: the same rows, all in the open.
func BenchmarkSealedCall(b *testing.B) {
	r := open(b)
	r.damaged = true
	plain := func() {
		c := db.CaseRow{ID: uuid.New(), OrganisationID: r.organisation, Reference: "B-" + uuid.NewString(), Name: "Ana", Notes: strings.Repeat("canary ", 50),
			Language: "en", CreatedBy: r.navigator.ID, CreatedAt: monday}
		require.NoError(b, db.InTx(b.Context(), r.db, func(ctx context.Context, tx *sqlx.Tx) error {
			if err := db.Write(ctx, tx, db.InsertCase(c)); err != nil {
				return err
			}
			return db.InsertAudit(ctx, tx, db.Who{Organisation: r.organisation, Role: referral.Navigator, ID: r.navigator.ID, Via: "page"}, monday, "open_case", "case", c.ID)
		}))
	}
	sealed := func() {
		_, err := r.OpenCase(b.Context(), r.navigator, casework.CaseInput{Name: "Ana", Notes: strings.Repeat("canary ", 50)}, nil)
		require.NoError(b, err)
	}
	took := func(do func()) float64 {
		began := b.Elapsed()
		do()
		return float64(b.Elapsed() - began)
	}
	var open, shut float64
	for b.Loop() {
		open += took(plain)
		shut += took(sealed)
	}
	b.ReportMetric(open/float64(b.N)/1000, "µs/plain")
	b.ReportMetric(shut/float64(b.N)/1000, "µs/sealed")
	b.ReportMetric(shut/open, "sealed/plain")
}
