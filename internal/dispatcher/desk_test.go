package dispatcher_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"throughline/casework"
	"throughline/db"
	"throughline/db/dbtest"
	"throughline/internal/clock"
	"throughline/internal/dispatcher"
	"throughline/internal/seal/sealtest"
	"throughline/mail"
	"throughline/mail/mailtest"
	"throughline/referral"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a helpline with a dispatcher, a stand-in for SendGrid, and a conductor that remembers.
type office struct {
	t         *testing.T
	db        *sqlx.DB
	desk      *casework.Desk
	who       casework.Actor
	service   uuid.UUID
	sendgrid  *mailtest.StandIn
	conductor *conductor
	log       *lines
	*dispatcher.Dispatcher
}

func open(t *testing.T) *office {
	t.Helper()
	pool := dbtest.New(t)
	o := &office{t: t, db: pool, sendgrid: mailtest.New(t), conductor: &conductor{}, log: &lines{}}
	o.desk = casework.New(dbtest.App(t, pool), clock.System{}, sealtest.Keyring(), func() { o.Nudge() })
	o.Dispatcher = o.another()
	org, err := o.desk.AddOrganisation(t.Context(), "Kawartha 211", "705-555-0100", "")
	require.NoError(t, err)
	a := db.Account{ID: uuid.New(), OrganisationID: org, Email: "noor@helpline.example", Name: "Noor", Role: referral.Navigator,
		Locale: "en", PasswordHash: "-", Active: true, CreatedAt: time.Now()}
	require.NoError(t, db.InsertAccount(t.Context(), pool, a))
	o.who = casework.Actor{Actor: referral.Actor{Role: a.Role, ID: a.ID}, Organisation: org, Name: a.Name, Via: casework.ViaPage}
	agency := uuid.New()
	o.service = uuid.New()
	o.exec(`INSERT INTO agencies (id, source, source_id, name, name_fr, mail_language) VALUES ($1, 'test', 'a', E'The\nPantry', 'Le garde-manger', 'en')`, agency)
	o.exec(`INSERT INTO services (id, source, source_id, agency_id, name, name_fr, email) VALUES ($1, 'test', 's', $2, 'Food boxes', 'Paniers', 'intake@pantry.example')`,
		o.service, agency)
	return o
}

// another is a further dispatcher of the same outbox, as a second process has one.
func (o *office) another() *dispatcher.Dispatcher {
	return &dispatcher.Dispatcher{Desk: o.desk, Conductor: o.conductor, From: mail.Address{Name: "Kawartha 211", Email: "no-reply@helpline.example"},
		Sender:  mail.NewSendGrid(mail.SendGridConfig{APIKey: "secret-key", BaseURL: o.sendgrid.URL, Timeout: 2 * time.Second}),
		BaseURL: "https://throughline.example", Log: slog.New(slog.NewTextHandler(o.log, nil))}
}

// run dispatches until the test's end, or until stop is called; stop returns when the dispatcher has come to its end.
func (o *office) run(d *dispatcher.Dispatcher) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	o.t.Cleanup(stop)
	return stop
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

// intake opens a referral for a caller whose every detail is a canary.
func (o *office) intake() uuid.UUID {
	o.t.Helper()
	in, err := o.desk.Intake(context.Background(), o.who, casework.IntakeInput{
		Case: casework.CaseInput{Name: "Ana Canary", Phone: "705 555 0123", SafeToCall: true, Municipality: "Peterborough"},
		Referral: casework.ReferralInput{Need: "food", Details: "canary details", ServiceIDs: []uuid.UUID{o.service},
			Consent: casework.ConsentInput{Given: true, How: "verbal"}},
	}, nil)
	require.NoError(o.t, err)
	return in.ReferralID
}

// offered is a referral whose offer waits to be mailed.
func (o *office) offered() (id, message uuid.UUID) {
	o.t.Helper()
	id = o.intake()
	step, err := o.desk.Next(context.Background(), id, time.Now())
	require.NoError(o.t, err)
	_, err = o.desk.Run(context.Background(), id, step, time.Now())
	require.NoError(o.t, err)
	return id, one[uuid.UUID](o, `SELECT id FROM messages WHERE referral_id = $1`, id)
}

// hurry makes every row due now, as if its pause or its lease had ended.
func (o *office) hurry() {
	o.t.Helper()
	o.exec(`UPDATE outbox SET available_at = now() WHERE done_at IS NULL`)
	o.Nudge()
}

// until waits for a condition.
func (o *office) until(what string, ok func() bool) {
	o.t.Helper()
	require.Eventually(o.t, ok, 20*time.Second, 5*time.Millisecond, what)
}

func (o *office) empty() bool {
	return one[int](o, `SELECT count(*) FROM outbox WHERE done_at IS NULL`) == 0
}

func (o *office) message(id uuid.UUID) string {
	return one[string](o, `SELECT state || ' ' || error_class FROM messages WHERE id = $1`, id)
}

// silent requires that the log holds nothing it must not.
func (o *office) silent() {
	o.t.Helper()
	for _, secret := range []string{"anary", "5550123", "pantry.example", "secret-key", "/r/"} {
		assert.NotContains(o.t, o.log.String(), secret)
	}
}

// conductor remembers what it was told, and fails as it is told to.
type conductor struct {
	latest int // the version that was told last
	mu     sync.Mutex
	calls  []string
	fail   func(call string) error
}

func (c *conductor) Start(_ context.Context, id uuid.UUID) error {
	return c.hear("start " + id.String())
}

func (c *conductor) Changed(_ context.Context, id uuid.UUID, version int) error {
	c.mu.Lock()
	c.latest = version
	c.mu.Unlock()
	return c.hear("changed " + id.String())
}

func (c *conductor) hear(call string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		if err := c.fail(call); err != nil {
			return err
		}
	}
	c.calls = append(c.calls, call)
	return nil
}

func (c *conductor) failWith(fail func(call string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = fail
}

// heard lists the calls that were taken.
func (c *conductor) heard() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string{}, c.calls...)
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
