package races_test

import (
	"context"
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
	"throughline/mail"
	"throughline/mail/mailtest"
	"throughline/referral"
)

// lanes are rounds that run beside each other, each on a database of its own.
const lanes = 2

// monday is a Monday morning at ten in Toronto, far from a holiday.
var monday = time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC)

// lane is a database with a small directory, where one round comes after the other.
type lane struct {
	t        testing.TB
	db       *sqlx.DB
	services map[string]uuid.UUID // s1 to s4
	broken   bool                 // a round has failed: from then on each is tried again and again, since it may be luck
	history  string               // of the last round that failed

	rounds     int
	asked, won map[string]int // calls by name: all, and those that changed something
}

func open(t testing.TB) *lane {
	t.Helper()
	// As many connections as callers, so that they do come at once, and a few for the dispatchers.
	pool, err := db.Open(t.Context(), dbtest.URL(t), db.Options{MaxOpen: callers + 10, Application: "races"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	l := &lane{t: t, db: pool, services: map[string]uuid.UUID{}, asked: map[string]int{}, won: map[string]int{}}
	for i, lang := range []string{"en", "fr", "en", "en"} {
		agency, id, name := uuid.New(), uuid.New(), fmt.Sprintf("s%d", i+1)
		l.exec(`INSERT INTO agencies (id, source, source_id, name, mail_language) VALUES ($1, 'test', $2, $2, $3)`, agency, name, lang)
		l.exec(`INSERT INTO services (id, source, source_id, agency_id, name, email, needs) VALUES ($1, 'test', $2, $3, $2, $4, '{food}')`,
			id, name, agency, name+"@agency.example")
		l.services[name] = id
	}
	return l
}

func (l *lane) exec(query string, args ...any) {
	l.t.Helper()
	_, err := l.db.ExecContext(context.Background(), query, args...)
	require.NoError(l.t, err)
}

// read reads a list of rows.
func read[T any](l *lane, query string, args ...any) []T {
	l.t.Helper()
	var list []T
	require.NoError(l.t, l.db.SelectContext(context.Background(), &list, query, args...))
	return list
}

// pace counts in seconds that have no common measure, so that no two steps of a referral come due at the same moment.
func pace(t testing.TB) referral.Policy {
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
	require.NoError(t, p.Validate())
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

// round is a helpline of its own with its referrals.
type round struct {
	*lane
	organisation uuid.UUID
	people       map[string]casework.Actor // noor and kim, navigators, and cora, the coordinator
	names        map[uuid.UUID]string      // of the people
	sendgrid     *mailtest.StandIn
	dispatchers  []*dispatcher.Dispatcher
	moment       atomic.Int64 // the one count that all calls began and ended in
	taking       sync.RWMutex // guards lives
	lives        []*life
	policies     atomic.Int64 // that were put in force during the race
}

// begin opens a helpline, with two dispatchers at work, until stop is called.
func (l *lane) begin() (r *round, stop func()) {
	r = &round{lane: l, people: map[string]casework.Actor{}, names: map[uuid.UUID]string{}}
	ctx := context.Background()
	desk := casework.New(l.db, &ticking{now: monday}, nil)
	var err error
	r.organisation, err = desk.AddOrganisation(ctx, "Kawartha 211", "705-555-0100", "")
	require.NoError(l.t, err)
	for name, role := range map[string]referral.Role{"noor": referral.Navigator, "kim": referral.Navigator, "cora": referral.Coordinator} {
		a := db.Account{ID: uuid.New(), OrganisationID: r.organisation, Email: uuid.NewString() + "@helpline.example", Name: name,
			Role: role, Locale: "en", PasswordHash: "-", Active: true, CreatedAt: monday}
		require.NoError(l.t, db.InsertAccount(ctx, l.db, a))
		r.people[name] = casework.Actor{Actor: referral.Actor{Role: role, ID: a.ID}, Organisation: r.organisation, Name: name, Via: casework.ViaPage}
		r.names[a.ID] = name
	}
	require.NoError(l.t, desk.SetPolicy(ctx, r.people["cora"], pace(l.t)))
	r.sendgrid, err = mailtest.Start()
	require.NoError(l.t, err)
	return r, r.dispatch()
}

func (r *round) dispatch() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range 2 {
		d := &dispatcher.Dispatcher{Desk: casework.New(r.db, &ticking{now: monday}, nil), Conductor: r,
			Sender: mail.NewSendGrid(mail.SendGridConfig{APIKey: "key", BaseURL: r.sendgrid.URL, Timeout: 10 * time.Second}),
			From:   mail.Address{Name: "Kawartha 211", Email: "no-reply@helpline.example"}, BaseURL: "https://throughline.example",
			Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		r.dispatchers = append(r.dispatchers, d)
		running.Go(func() { d.Run(ctx) })
	}
	return func() { cancel(); running.Wait(); r.sendgrid.Close() }
}

func (r *round) nudge() {
	for _, d := range r.dispatchers {
		d.Nudge()
	}
}

// drained waits until every promise of the round is kept.
func (r *round) drained() {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		return read[int](r.lane, `SELECT count(*) FROM outbox WHERE organisation_id = $1 AND done_at IS NULL`, r.organisation)[0] == 0
	}, time.Minute, 2*time.Millisecond, "the outbox is never empty")
}

// Start and Changed make the round the conductor: like a referral's workflow it asks what comes next, and has it done
// when it is due. Two dispatchers tell it at once.
func (r *round) Start(ctx context.Context, id uuid.UUID) error { return r.Changed(ctx, id, 0) }

// Changed tells it that the record has a new version.
func (r *round) Changed(_ context.Context, id uuid.UUID, version int) error {
	r.taking.RLock()
	defer r.taking.RUnlock()
	for _, l := range r.lives {
		if l.id == id {
			l.tell(version)
		}
	}
	return nil
}
