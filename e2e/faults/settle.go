//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"throughline/referral"
)

// Staff are the helpline's accounts, by role.
type Staff map[referral.Role]Account

// Account is one of them, and its key for the API.
type Account struct {
	ID  uuid.UUID
	Key string
}

// Settle makes the people, the directory and the policy by the commands that an operator types.
func (d *Deployment) Settle(ctx context.Context, root string, p referral.Policy) (Staff, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	staff := Staff{}
	for _, role := range referral.StaffRoles {
		email := string(role) + "@test.example"
		printed, err := d.Command(ctx, "correct horse battery\n", "user", "add", "--organisation", "Test 211", "--phone", "705-555-0100",
			"--email", email, "--name", "Test "+string(role), "--role", string(role))
		if err != nil {
			return nil, err
		}
		id, err := uuid.Parse(strings.TrimSpace(printed))
		if err != nil {
			return nil, fmt.Errorf("user add does not print an id: %w", err)
		}
		out, err := d.Command(ctx, "", "apikey", "add", "--email", email, "--name", "faults")
		if err != nil {
			return nil, err
		}
		_, key, ok := strings.Cut(strings.TrimSpace(out), "\t")
		if !ok {
			return nil, fmt.Errorf("apikey add does not give a key")
		}
		staff[role] = Account{ID: id, Key: key}
	}
	if _, err := d.Command(ctx, string(raw), "policy", "set", "-"); err != nil {
		return nil, err
	}
	_, err = d.Command(ctx, "", "import", "--source", "demo", filepath.Join(root, "directory", "demo"))
	return staff, err
}

// Brisk is a policy in which days last seconds, so that a life ends within the run.
func Brisk() referral.Policy {
	p, _ := referral.Named("demo")
	p.Name = "brisk"
	p.Routine = brisk("30s", "12s", "3s", "5s", "8s")
	p.Urgent = brisk("15s", "10s", "2s", "3s", "5s")
	return p
}

// Calmer is a policy under which agencies and people have several times as long, and are asked again every half hour at
// most; letters that nothing was heard of are looked after as before. Silence ends nothing, so each life leaves a referral
// that goes on asking. Two cores carry some forty steps a second when every process has just been
// started anew, and of ten thousand lives a third are open: when each asks every half minute, as under Brisk's policy, the
// clock falls behind for good.
func Calmer(p referral.Policy, times int) referral.Policy {
	for _, pace := range []*referral.Pace{&p.Routine, &p.Urgent} {
		for _, wait := range []*referral.Wait{&pace.FinishDraft, &pace.Remind, &pace.Escalate, &pace.Lapse, &pace.AnswerAgency, &pace.PauseCap,
			&pace.FirstContact, &pace.Contacting, &pace.AfterVisit, &pace.InServiceFirst, &pace.WaitlistRecheck, &pace.AskClient, &pace.TaskDue} {
			wait.N *= times
		}
		pace.EscalateAgain = referral.Wait{N: 30, Unit: "m"}
		pace.InServiceThen = pace.EscalateAgain
	}
	return p
}

func brisk(draft, unsent, remind, escalate, lapse string) referral.Pace {
	w := func(text string) referral.Wait {
		wait, err := referral.ParseWait(text)
		if err != nil {
			panic(err)
		}
		return wait
	}
	return referral.Pace{FinishDraft: w(draft), Unsent: w(unsent), Remind: w(remind), Escalate: w(escalate), Lapse: w(lapse),
		AnswerAgency: w("6s"), PauseCap: w("8s"), FirstContact: w("4s"), Contacting: w("5s"), ContactAttempts: 2,
		AfterVisit: w("3s"), InServiceFirst: w("4s"), InServiceThen: w("12s"), WaitlistRecheck: w("8s"),
		Deferred: w("4s"), Unheard: w("15s"), AskGrace: w("4s"), AskClient: w("3s"), TaskDue: w("10s"), EscalateAgain: w("20s")}
}
