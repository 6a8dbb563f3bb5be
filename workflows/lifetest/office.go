//go:build unix

// Package lifetest leads referrals through whole lives, for tests of the clock. It holds a helpline with a record of its
// own (Office), and the lives themselves (Lives): what people do, and what must come of it.
package lifetest

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/casework"
	"throughline/db"
	"throughline/db/dbtest"
	"throughline/directory"
	"throughline/internal/clock"
	"throughline/internal/seal/sealtest"
	"throughline/mail"
	"throughline/referral"
)

// Monday is a Monday morning at ten in Toronto, far from a holiday.
var Monday = time.Date(2026, time.November, 23, 15, 0, 0, 0, time.UTC)

// What must never leave the record: the client, and what people wrote about them.
const (
	clientName  = "Zyta Canarova"
	clientPhone = "+1 705-555-0177"
	details     = "canary: she sleeps in her car behind the arena"
	question    = "canary: does she have a dog?"
	answer      = "canary: a small one"
	atAgency    = "Quetzal at the front desk"
	sources     = "pantry-intake"
)

// Canaries lists pieces of personal data, and of the agencies' addresses, that a history must not hold.
var Canaries = []string{"Zyta", "Canarova", "5550177", "555-0177", "canary", "Quetzal", sources, "Noor", "Farah", "helpline.example"}

// The agencies of an office by number, in no particular order but for the last, whose address refuses every letter.
const (
	agencies = 4
	bouncing = sources + "-4@agency.example"
)

// Office is a helpline with a record of its own: two people, and agencies that can be emailed.
type Office struct {
	*casework.Desk
	URL                    string   // of its database, for the application; holds the password
	Record                 *sqlx.DB // the owner's, to look and to prepare
	Navigator, Coordinator casework.Actor

	services []uuid.UUID // by the agency's number, less one
	mu       sync.Mutex
	tokens   map[uuid.UUID]string // of the links, by message
}

// Open makes an office that works at the pace of a policy. A nil nudge is fine.
func Open(t testing.TB, c clock.Clock, p referral.Policy) *Office {
	t.Helper()
	url := dbtest.URL(t)
	o := &Office{URL: dbtest.AppURL(t, url), Record: dbtest.Open(t, url), tokens: map[uuid.UUID]string{}}
	o.Desk = casework.New(dbtest.Open(t, o.URL), c, sealtest.Keyring(), nil)
	if err := o.furnish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *Office) furnish(ctx context.Context, p referral.Policy) error {
	organisation, err := o.AddOrganisation(ctx, "Kawartha 211", "705-555-0100", "")
	if err != nil {
		return err
	}
	for _, person := range []struct {
		name string
		role referral.Role
		as   *casework.Actor
	}{{"Noor", referral.Navigator, &o.Navigator}, {"Farah", referral.Coordinator, &o.Coordinator}} {
		a, err := o.AddAccount(ctx, organisation, person.name+"@helpline.example", person.name, person.role, "en", "correct horse battery")
		if err != nil {
			return err
		}
		*person.as = a.Actor(casework.ViaPage)
	}
	if err := o.SetPolicy(ctx, o.Coordinator, p); err != nil {
		return err
	}
	return o.list(ctx)
}

// list puts the agencies into the directory.
func (o *Office) list(ctx context.Context) error {
	names, offered := "id,name,email\n", "id,organization_id,name,email,status,needs\n"
	for n := 1; n <= agencies; n++ {
		id := uuid.NewSHA1(uuid.NameSpaceURL, fmt.Append(nil, "agency", n))
		names += fmt.Sprintf("%s,Pantry %d,\n", id, n)
		offered += fmt.Sprintf("%s,%s,Food boxes %d,%s-%d@agency.example,active,food\n", uuid.NewSHA1(id, []byte("food")), id, n, sources, n)
	}
	files := fstest.MapFS{"organizations.csv": {Data: []byte(names)}, "services.csv": {Data: []byte(offered)}}
	if _, err := directory.ImportFS(ctx, o.DB, files, directory.ImportInput{Source: "lifetest", Actor: "test"}); err != nil {
		return err
	}
	return o.Record.SelectContext(ctx, &o.services, `SELECT id FROM services ORDER BY name`)
}

// Refer takes a call and refers the client to agencies, by number, in the order in which they are to be asked.
func (o *Office) Refer(ctx context.Context, numbers ...int) (uuid.UUID, error) {
	in, err := o.Intake(ctx, o.Navigator, casework.IntakeInput{
		Case: casework.CaseInput{Name: clientName, Phone: clientPhone, SafeToCall: true, Municipality: "Peterborough"},
		Referral: casework.ReferralInput{Need: "food", Details: details, ServiceIDs: o.servicesOf(numbers),
			Consent: casework.ConsentInput{Given: true, How: "verbal"}},
	}, nil)
	return in.ReferralID, err
}

func (o *Office) servicesOf(numbers []int) []uuid.UUID {
	ids := make([]uuid.UUID, len(numbers))
	for i, n := range numbers {
		ids[i] = o.services[n-1]
	}
	return ids
}

// Facts reads a referral as the rules see it.
func (o *Office) Facts(ctx context.Context, id uuid.UUID) (referral.Facts, error) {
	rec, err := db.ReadRecord(ctx, o.Record, id)
	return rec.Facts, err
}

// Story reads what happened to a referral, oldest first.
func (o *Office) Story(ctx context.Context, id uuid.UUID) ([]referral.Name, error) {
	lines, err := o.Timeline(ctx, o.Navigator, id)
	var story []referral.Name
	for _, l := range lines {
		story = append(story, l.What)
	}
	return story, err
}

func (o *Office) keep(message uuid.UUID, token string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tokens[message] = token
}

// Name is the provider's.
func (o *Office) Name() string { return "lifetest" }

var link = regexp.MustCompile(`/r/([A-Za-z0-9_-]+)`)

// Send takes letters as a mail provider does, for a dispatcher.
func (o *Office) Send(_ context.Context, m mail.Message) (mail.Receipt, error) {
	if m.To.Email == bouncing {
		return mail.Receipt{}, &mail.Error{Outcome: mail.Rejected, Class: "bounced_5xx", Status: 550}
	}
	if found := link.FindStringSubmatch(m.Text); found != nil {
		o.keep(m.ID, found[1])
	}
	return mail.Receipt{ProviderID: "lifetest"}, nil
}

// reply answers as an agency does, with the link of the newest letter about the offer.
func (o *Office) reply(ctx context.Context, offer uuid.UUID, in casework.ReplyInput) error {
	var letters []uuid.UUID
	if err := o.Record.SelectContext(ctx, &letters, `SELECT id FROM messages WHERE offer_id = $1 AND state = 'accepted'
		AND letter <> 'withdrawn' ORDER BY created_at DESC`, offer); err != nil {
		return err
	}
	if len(letters) == 0 {
		return fmt.Errorf("no letter about offer %s has arrived", offer)
	}
	o.mu.Lock()
	token := o.tokens[letters[0]]
	o.mu.Unlock()
	in.Name = atAgency
	return o.Reply(ctx, token, in)
}
