package races_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/db/dbtest"
	"throughline/internal/dispatcher"
	"throughline/internal/seal/sealtest"
	"throughline/mail"
	"throughline/mail/mailtest"
	"throughline/referral"
)

// monday is a Monday morning at ten in Toronto, far from a holiday.
var monday = time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC)

// lane is a database with a small directory, where rounds come one after the other, a few at a time.
type lane struct {
	db       *sqlx.DB
	record   *sqlx.DB             // the owner's, to look and to prepare
	services map[string]uuid.UUID // s1 to s4
	racing   sync.Mutex           // held by the round whose callers are at it, so that they have all connections
	broken   *failure             // the last round that failed
	tally
}

// tally counts calls by name: all that were made, and those that changed something.
type tally struct {
	mu         sync.Mutex
	rounds     int
	asked, won map[string]int
}

func open(t testing.TB) *lane {
	t.Helper()
	// As many connections as callers, so that they do come at once, and a few for who is not racing.
	url := dbtest.URL(t)
	pool, err := db.Open(t.Context(), dbtest.AppURL(t, url), db.Options{MaxOpen: callers + 15, Application: "races"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	for range callers {
		c, err := pool.Connx(t.Context())
		require.NoError(t, err)
		defer c.Close() //nolint:errcheck // it goes back to the pool, made before anyone is in a hurry
	}
	l := &lane{db: pool, record: dbtest.Open(t, url), services: map[string]uuid.UUID{}, tally: tally{asked: map[string]int{}, won: map[string]int{}}}
	for i, lang := range []string{"en", "fr", "en", "en"} {
		agency, id, name := uuid.New(), uuid.New(), fmt.Sprintf("s%d", i+1)
		l.exec(`INSERT INTO agencies (id, source, source_id, name, mail_language) VALUES ($1, 'test', $2, $2, $3)`, agency, name, lang)
		l.exec(`INSERT INTO services (id, source, source_id, agency_id, name, email, needs) VALUES ($1, 'test', $2, $3, $2, $4, '{food}')`,
			id, name, agency, name+"@agency.example")
		l.services[name] = id
	}
	return l
}

// trouble is what keeps a round from being played, as opposed to what it finds.
type trouble struct{ error }

// must ends a round that can't be played.
func must(err error) {
	if err != nil {
		panic(trouble{err})
	}
}

func (l *lane) exec(query string, args ...any) {
	_, err := l.record.ExecContext(context.Background(), query, args...)
	must(err)
}

// read reads a list of rows.
func read[T any](l *lane, query string, args ...any) []T {
	var list []T
	must(l.record.SelectContext(context.Background(), &list, query, args...))
	return list
}

// await waits for a condition.
func await(what string, met func() bool) {
	tick, enough := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-enough:
			must(errors.New("waited in vain: " + what))
		}
	}
}

// pace counts in seconds that have no common measure, so that no two steps of a referral come due at the same moment.
func pace() referral.Policy {
	p := referral.Demo()
	p.Name, p.LinkDays = "races", 90
	for wait, seconds := range map[*referral.Wait]int{
		&p.Routine.FinishDraft: 7001, &p.Routine.Unsent: 907, &p.Routine.Remind: 1009, &p.Routine.Escalate: 2003, &p.Routine.Lapse: 4001,
		&p.Routine.AnswerAgency: 1511, &p.Routine.PauseCap: 2503, &p.Routine.FirstContact: 3001, &p.Routine.Contacting: 5003,
		&p.Routine.AfterVisit: 1201, &p.Routine.InServiceFirst: 6007, &p.Routine.InServiceThen: 9001, &p.Routine.WaitlistRecheck: 8009,
		&p.Routine.AskGrace: 2203, &p.Routine.AskClient: 7507, &p.Routine.TaskDue: 1301, &p.Routine.EscalateAgain: 1709,
	} {
		*wait = referral.Wait{N: seconds, Unit: "s"}
	}
	must(p.Validate())
	return p
}

// ticking is a clock that goes on by a microsecond each time it is read: no two moments are the same, and nothing comes
// due meanwhile.
type ticking struct {
	mu  sync.Mutex
	now time.Time
}

func (c *ticking) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond)
	return c.now
}

func (c *ticking) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.now) {
		c.now = t.UTC()
	}
}

// office is two dispatchers at work on a lane's outbox, a stand-in for the mail provider, and the clock's side of every
// referral that they tell of.
type office struct {
	*lane
	sendgrid    *mailtest.StandIn
	dispatchers []*dispatcher.Dispatcher
	taking      sync.RWMutex // a call is being taken: what it promises can be told before it is known here
	lives       map[uuid.UUID]*life
}

// open opens an office until stop is called.
func (l *lane) open() (o *office, stop func()) {
	o = &office{lane: l, lives: map[uuid.UUID]*life{}}
	var err error
	o.sendgrid, err = mailtest.Start()
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range 2 {
		d := &dispatcher.Dispatcher{Desk: casework.New(o.db, &ticking{now: monday}, sealtest.Keyring(), nil), Conductor: o,
			Sender: mail.NewSendGrid(mail.SendGridConfig{APIKey: "key", BaseURL: o.sendgrid.URL, Timeout: 10 * time.Second}),
			From:   mail.Address{Name: "Kawartha 211", Email: "no-reply@helpline.example"}, BaseURL: "https://throughline.example",
			Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		o.dispatchers = append(o.dispatchers, d)
		running.Go(func() { d.Run(ctx) })
	}
	return o, func() { cancel(); running.Wait(); o.sendgrid.Close() }
}

func (o *office) nudge() {
	for _, d := range o.dispatchers {
		d.Nudge()
	}
}

// Start and Changed make the office the conductor: like a referral's workflow it asks what comes next, and has it done
// when it is due. Two dispatchers tell it at once.
func (o *office) Start(ctx context.Context, id uuid.UUID) error { return o.Changed(ctx, id, 0) }

// Changed tells it that the record has a new version.
func (o *office) Changed(_ context.Context, id uuid.UUID, version int) error {
	o.taking.RLock()
	l := o.lives[id]
	o.taking.RUnlock()
	if l != nil {
		l.tell(version)
	}
	return nil
}

// round is a helpline of its own with its referrals, on one clock.
type round struct {
	*office
	clock        *ticking
	desk         *casework.Desk
	organisation uuid.UUID
	people       map[string]casework.Actor // noor and kim, navigators, and cora, the coordinator
	names        map[uuid.UUID]string      // of the people
	moment       atomic.Int64              // the one count that all calls began and ended in
	referrals    []*life
	policies     atomic.Int64 // that were put in force during the race
}

// begin adds a helpline with its people and its pace.
func (o *office) begin() *round {
	r := &round{office: o, clock: &ticking{now: monday}, people: map[string]casework.Actor{}, names: map[uuid.UUID]string{}}
	r.desk = casework.New(o.db, r.clock, sealtest.Keyring(), r.nudge)
	ctx := context.Background()
	var err error
	r.organisation, err = r.desk.AddOrganisation(ctx, "Kawartha 211", "705-555-0100", "")
	must(err)
	for name, role := range map[string]referral.Role{"noor": referral.Navigator, "kim": referral.Navigator, "cora": referral.Coordinator} {
		a := db.Account{ID: uuid.New(), OrganisationID: r.organisation, Email: uuid.NewString() + "@helpline.example", Name: name,
			Role: role, Locale: "en", PasswordHash: "-", Active: true, CreatedAt: monday}
		must(db.InsertAccount(ctx, o.record, a))
		r.people[name] = casework.Actor{Actor: referral.Actor{Role: role, ID: a.ID}, Organisation: r.organisation, Name: name, Via: casework.ViaPage}
		r.names[a.ID] = name
	}
	must(r.desk.SetPolicy(ctx, r.people["cora"], pace()))
	return r
}

// drained waits until every promise of the round is kept, but for receipts that are held back for minutes.
func (r *round) drained() {
	await("the outbox to be empty", func() bool {
		return read[int](r.lane, `SELECT count(*) FROM outbox WHERE organisation_id = $1 AND done_at IS NULL
			AND available_at < now() + interval '3 minutes'`, r.organisation)[0] == 0
	})
}
