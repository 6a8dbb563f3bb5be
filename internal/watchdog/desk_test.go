package watchdog_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
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
	"throughline/db/dbtest"
	"throughline/internal/clock"
	"throughline/internal/seal/sealtest"
	"throughline/internal/watchdog"
	"throughline/referral"
)

// monday is a Monday morning at ten in Toronto, far from a holiday.
var monday = time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC)

// office is a helpline with a watchdog, a clock on the wall that stands still, and a clock of referrals that does only
// what the test lets it.
type office struct {
	t        *testing.T
	url      string
	db       *sqlx.DB
	desk     *casework.Desk
	wall     *clock.Manual
	who      casework.Actor
	services []uuid.UUID
	temporal *temporal
	log      *lines

	mu     sync.Mutex
	counts map[string]int
}

func open(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, url: dbtest.URL(t), wall: clock.NewManual(monday), log: &lines{}, counts: map[string]int{}}
	var err error
	o.db, err = db.Open(t.Context(), o.url, db.Options{Application: "test"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, o.db.Close()) })
	o.desk = casework.New(dbtest.App(t, o.db), o.wall, sealtest.Keyring(), nil)
	o.temporal = &temporal{running: map[uuid.UUID]bool{}, failing: map[uuid.UUID]bool{}}
	org, err := o.desk.AddOrganisation(t.Context(), "Kawartha 211", "705-555-0100", "")
	require.NoError(t, err)
	a := db.Account{ID: uuid.New(), OrganisationID: org, Email: "noor@helpline.example", Name: "Noor", Role: referral.Navigator,
		Locale: "en", PasswordHash: "-", Active: true, CreatedAt: monday}
	require.NoError(t, db.InsertAccount(t.Context(), o.db, a))
	o.who = casework.Actor{Actor: referral.Actor{Role: a.Role, ID: a.ID}, Organisation: org, Name: a.Name, Via: casework.ViaPage}
	for _, name := range []string{"Pantry", "Kitchen"} {
		agency, id := uuid.New(), uuid.New()
		o.exec(`INSERT INTO agencies (id, source, source_id, name) VALUES ($1, 'test', gen_random_uuid(), $2)`, agency, name)
		o.exec(`INSERT INTO services (id, source, source_id, agency_id, name, email) VALUES ($1, 'test', gen_random_uuid(), $2, $3, $4)`,
			id, agency, name, strings.ToLower(name)+"@agency.example")
		o.services = append(o.services, id)
	}
	return o
}

// dog is a watchdog of this office, as a further process has one.
func (o *office) dog() *watchdog.Watchdog {
	return &watchdog.Watchdog{Desk: o.desk, DatabaseURL: dbtest.AppURL(o.t, o.url), Clock: o.temporal, Every: 20 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(o.log, nil)), Count: func(kind string) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.counts[kind]++
		}}
}

// run lets a watchdog run until the test's end, or until stop is called.
func (o *office) run(w *watchdog.Watchdog) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	o.t.Cleanup(stop)
	return stop
}

// rounds lets so many whole rounds pass, counted by the listing each begins or the question each asks.
func (o *office) rounds(n int) {
	o.t.Helper()
	before := o.temporal.asked()
	o.until("rounds go by", func() bool { return o.temporal.asked() > before+n })
}

func (o *office) counted(kind any) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch k := kind.(type) {
	case referral.Left:
		return o.counts[string(k)]
	case string:
		return o.counts[k]
	}
	panic("no kind")
}

func (o *office) exec(query string, args ...any) {
	o.t.Helper()
	_, err := o.db.ExecContext(context.Background(), query, args...)
	require.NoError(o.t, err)
}

func one[T any](o *office, query string, args ...any) T {
	o.t.Helper()
	var v T
	require.NoError(o.t, o.db.GetContext(context.Background(), &v, query, args...))
	return v
}

func all[T any](o *office, query string, args ...any) []T {
	o.t.Helper()
	list := []T{}
	require.NoError(o.t, o.db.SelectContext(context.Background(), &list, query, args...))
	return list
}

func (o *office) until(what string, ok func() bool) {
	o.t.Helper()
	require.Eventually(o.t, ok, 20*time.Second, 5*time.Millisecond, what)
}

// intake opens a referral for a caller whose every detail is a canary. Its workflow is started, as the outbox promises.
func (o *office) intake() uuid.UUID {
	o.t.Helper()
	in, err := o.desk.Intake(context.Background(), o.who, casework.IntakeInput{
		Case: casework.CaseInput{Name: "Ana Canary", Phone: "705 555 0123", SafeToCall: true},
		Referral: casework.ReferralInput{Need: "food", Details: "canary details", ServiceIDs: o.services,
			Consent: casework.ConsentInput{Given: true, How: "verbal"}},
	}, nil)
	require.NoError(o.t, err)
	require.NoError(o.t, o.temporal.Start(context.Background(), in.ReferralID))
	o.exec(`UPDATE outbox SET done_at = now() WHERE done_at IS NULL`)
	return in.ReferralID
}

// tick has the clock do all that is due.
func (o *office) tick(id uuid.UUID) referral.Step {
	o.t.Helper()
	ctx := context.Background()
	step, err := o.desk.Next(ctx, id, o.wall.Now())
	for err == nil && !step.Due.After(o.wall.Now()) {
		step, err = o.desk.Run(ctx, id, step, o.wall.Now())
	}
	require.NoError(o.t, err)
	return step
}

// mailed has every letter that waits go out, as the dispatcher does.
func (o *office) mailed() {
	o.t.Helper()
	for _, id := range all[uuid.UUID](o, `SELECT id FROM messages WHERE state = 'pending'`) {
		_, ok, err := o.desk.TakeLetter(context.Background(), id, "test")
		require.NoError(o.t, err)
		if ok {
			require.NoError(o.t, o.desk.SettleLetter(context.Background(), id, casework.Settled{State: db.MessageAccepted}))
		}
	}
	o.exec(`UPDATE outbox SET done_at = now() WHERE done_at IS NULL`)
}

// told reads a referral's timeline: what and by which way, the codes of mends, and the states of moves.
func (o *office) told(id uuid.UUID) []string {
	o.t.Helper()
	return all[string](o, `SELECT what || CASE WHEN what = 'mend' THEN ' ' || code ELSE '' END || CASE WHEN via = 'watchdog' THEN ' w' ELSE '' END
		FROM timeline WHERE referral_id = $1 ORDER BY id`, id)
}

// silent requires that the log holds nothing of a client.
func (o *office) silent() {
	o.t.Helper()
	for _, secret := range []string{"anary", "5550123", "agency.example"} {
		assert.NotContains(o.t, o.log.String(), secret)
	}
}

// temporal remembers which workflows run, and what it was told. It does nothing by itself unless does is set.
type temporal struct {
	mu       sync.Mutex
	running  map[uuid.UUID]bool
	failing  map[uuid.UUID]bool
	hidden   map[uuid.UUID]bool // from lists and counts
	calls    []string
	counting int
	away     bool
	does     func(id uuid.UUID) // what a workflow does when it is told
}

var errGone = errors.New("temporal is away, says Ana Canary")

func (c *temporal) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
}

func (c *temporal) hear(call string, id uuid.UUID, then func()) error {
	c.mu.Lock()
	if c.away {
		c.mu.Unlock()
		return errGone
	}
	c.calls = append(c.calls, call+" "+id.String())
	then()
	does := c.does
	c.mu.Unlock()
	if does != nil {
		does(id)
	}
	return nil
}

func (c *temporal) Start(_ context.Context, id uuid.UUID) error {
	return c.hear("start", id, func() { c.running[id] = true })
}

func (c *temporal) Changed(_ context.Context, id uuid.UUID, _ int) error {
	return c.hear("changed", id, func() {})
}

func (c *temporal) Inspect(_ context.Context, id uuid.UUID) (open, failing bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return false, false, errGone
	}
	return c.running[id], c.failing[id], nil
}

func (c *temporal) Open(context.Context) ([]uuid.UUID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return nil, errGone
	}
	var ids []uuid.UUID
	for id, is := range c.running {
		if is && !c.hidden[id] {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (c *temporal) Running(ctx context.Context) (int, error) {
	c.change(func() { c.counting++ })
	ids, err := c.Open(ctx)
	return len(ids), err
}

// asked counts the rounds so far: each asks once how many workflows run.
func (c *temporal) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counting
}

// heard lists the calls about a referral.
func (c *temporal) heard(id uuid.UUID) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var calls []string
	for _, call := range c.calls {
		if name, of, _ := strings.Cut(call, " "); of == id.String() {
			calls = append(calls, name)
		}
	}
	return calls
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Clone(l.b.String())
}
