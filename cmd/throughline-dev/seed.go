package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/directory"
	"throughline/referral"
)

// story is a case of the demonstration: a call, and how far it has come. Everyone in it is invented.
type story struct {
	key     string
	caller  casework.CaseInput
	need    string
	words   string // that the navigator searched for
	details string
	urgency referral.Urgency
	near    string
	choices int
	draft   bool
	then    []casework.CommandInput
}

var stories = []story{
	{key: "shelter", need: "shelter", words: "emergency shelter adults", urgency: referral.Urgent, near: "Peterborough", choices: 2,
		caller:  casework.CaseInput{Anonymous: true, Language: "en", Municipality: "Peterborough", Notes: "Calls from the library, will call back at six."},
		details: "Needs a bed for tonight, has a small dog."},
	{key: "food", need: "food", words: "food bank", near: "Peterborough", choices: 2,
		caller: casework.CaseInput{Name: "Imani Okafor", Phone: "705-555-0142", SafeToCall: true, SafeToLeaveMessage: true, Language: "en",
			Municipality: "Peterborough", ContactTimes: "Mornings"},
		details: "Family of four, between jobs; a child with a nut allergy.",
		then:    []casework.CommandInput{{Do: referral.Accept, ToldBy: "Front desk"}}},
	{key: "counselling", need: "mental_health", words: "adult counselling", near: "Lindsay", choices: 2,
		caller: casework.CaseInput{Name: "Étienne Gagnon", Phone: "705-555-0177", SafeToCall: true, Language: "fr", Municipality: "Lindsay",
			Email: "etienne.gagnon@mail.example"},
		details: "Cherche du soutien en français après une séparation.",
		then: []casework.CommandInput{{Do: referral.Accept, ToldBy: "Intake"},
			{Do: referral.Waitlist, ToldBy: "Intake", Note: "About six weeks."}}},
	{key: "housing", need: "housing", words: "eviction rent", near: "Peterborough", choices: 2,
		caller: casework.CaseInput{Name: "Ruth Steinberg", Phone: "705-555-0118", SafeToCall: true, Language: "en",
			Municipality: "Peterborough", BirthYear: 1949},
		details: "Rent went up, afraid to lose the apartment.",
		then:    []casework.CommandInput{{Do: referral.Ask, ToldBy: "Housing worker", Note: "Does she have a written notice from the landlord?"}}},
	{key: "rides", need: "transportation", words: "volunteer drivers", near: "Peterborough", choices: 1,
		caller:  casework.CaseInput{Name: "Walter Beaudry", Phone: "705-555-0163", SafeToCall: true, Language: "en", Municipality: "Peterborough"},
		details: "Dialysis three times a week, no car.",
		then: []casework.CommandInput{{Do: referral.Accept, ToldBy: "Dispatcher"},
			{Do: referral.StartService, ToldBy: "Dispatcher"},
			{Do: referral.ReportOutcome, ToldBy: "Dispatcher", Outcome: "enrolled_continuing"}}},
	{key: "legal", need: "legal", words: "eviction tenant legal", near: "Toronto", choices: 2,
		caller:  casework.CaseInput{Name: "Mei-Ling Chau", Phone: "416-555-0131", SafeToCall: false, Language: "zh", Municipality: "Toronto"},
		details: "Eviction hearing next month; interpreter needed (Cantonese).",
		then:    []casework.CommandInput{{Do: referral.Decline, ToldBy: "Duty counsel line", Reason: "cannot_meet_language"}}},
	{key: "income", need: "income", words: "tax clinic", near: "Peterborough", choices: 1,
		caller:  casework.CaseInput{Name: "Jordan Whiteduck", Phone: "705-555-0155", SafeToCall: true, SafeToLeaveMessage: true, Language: "en", Municipality: "Peterborough"},
		details: "Help with a disability tax credit form.",
		then: []casework.CommandInput{{Do: referral.Accept, ToldBy: "Tax clinic"},
			{Do: referral.ReportOutcome, ToldBy: "Tax clinic", Outcome: "received_in_full"},
			{Do: referral.Confirm, Outcome: "received_in_full"}}},
	{key: "seniors", need: "seniors", words: "friendly visits", near: "Toronto", choices: 2, draft: true,
		caller:  casework.CaseInput{Name: "Yvette Tremblay", Phone: "416-555-0109", SafeToCall: true, Language: "fr", Municipality: "Toronto"},
		details: "Sa fille appelle; le consentement de madame reste à demander."},
}

// seed fills a first start with the fictional directory and a few cases. Each intake and command carries a key, so that
// a seeding that was cut off is finished at the next start without doing anything twice.
func seed(ctx context.Context, d *casework.Desk, c credentials, dir string, say func(part, detail string)) error {
	mark := filepath.Join(dir, "seeded")
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	say("seed", "importing the fictional directory")
	report, err := directory.ImportFS(ctx, d.DB, directory.DemoFS(), directory.ImportInput{Source: directory.DemoSource, Actor: "seed"})
	if err != nil {
		return fmt.Errorf("seed: directory: %w", err)
	}
	navigator, err := d.AccountOfKey(ctx, c.Accounts[string(referral.Navigator)].APIKey)
	if err != nil {
		return err
	}
	for _, s := range stories {
		if err := s.live(ctx, d, navigator.Actor(casework.ViaPage)); err != nil {
			return fmt.Errorf("seed: %s: %w", s.key, err)
		}
	}
	say("seed", fmt.Sprintf("%d services, %d cases", servicesIn(report), len(stories)))
	return os.WriteFile(mark, nil, 0o600)
}

// live takes the call and lets what followed happen.
func (s story) live(ctx context.Context, d *casework.Desk, who casework.Actor) error {
	services, err := s.choose(ctx, d)
	if err != nil {
		return err
	}
	in := casework.IntakeInput{Case: s.caller, Referral: casework.ReferralInput{Need: s.need, Details: s.details,
		Urgency: s.urgency, ServiceIDs: services, Draft: s.draft, Consent: casework.ConsentInput{Given: true, How: "verbal"}}}
	made, err := d.Intake(ctx, who, in, &casework.Key{Key: "seed-" + s.key})
	if err != nil {
		return err
	}
	for i, c := range s.then {
		if err := carry(ctx, d, made.ReferralID); err != nil {
			return err
		}
		if _, err := d.Do(ctx, who, made.ReferralID, c, &casework.Key{Key: fmt.Sprintf("seed-%s-%d", s.key, i)}); err != nil {
			return err
		}
	}
	return nil
}

// choose takes the best services for the need that can be written to.
func (s story) choose(ctx context.Context, d *casework.Desk) ([]uuid.UUID, error) {
	found, _, err := directory.Search(ctx, d.DB, directory.Query{Text: s.words, Need: s.need, Near: s.near, Lang: s.caller.Language, Limit: 30})
	if err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	for _, f := range found {
		full := f.Service.FullUntil != nil && f.Service.FullUntil.After(time.Now())
		if f.Service.Email != "" && f.Service.Status == "active" && f.Service.AcceptsReferrals && !full && len(ids) < s.choices {
			ids = append(ids, f.Service.ID)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no service for %s near %s", s.need, s.near)
	}
	return ids, nil
}

// carry does what is due before the worker is there to do it.
func carry(ctx context.Context, d *casework.Desk, id uuid.UUID) error {
	step, err := d.Next(ctx, id, d.Clock.Now())
	for err == nil && !step.None() && !step.Due.After(d.Clock.Now()) {
		step, err = d.Run(ctx, id, step, d.Clock.Now())
	}
	return err
}

func servicesIn(r directory.Report) int {
	for _, f := range r.Files {
		if f.Table == "services" {
			return f.Added + f.Updated + f.Unchanged
		}
	}
	return 0
}
