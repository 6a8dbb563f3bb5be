package referral

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// What DESIGN's table of states promises for a state that stays as it is, from Monday 2026-11-23 at ten.
func TestNextByState(t *testing.T) {
	t.Parallel()
	visit := full(Schedule).At // Wednesday 2026-12-02 at ten
	for _, c := range []struct {
		state           OfferState
		do              Name
		routine, urgent string
		role            Role
	}{
		{Queued, Send, "2026-11-23 10:00", "2026-11-23 10:00", Navigator},
		{Sent, Remind, "2026-11-24 10:00", "2026-11-23 11:00", Navigator},
		{InfoRequested, RaiseTask, "2026-11-23 10:00", "2026-11-23 10:00", Navigator},
		{Accepted, AskAgency, "2026-11-26 10:00", "2026-11-23 14:00", Navigator},
		{Contacting, AskAgency, "2026-11-30 10:00", "2026-11-24 10:00", Navigator},
		{Scheduled, AskAgency, visit.AddDate(0, 0, 1).Format("2006-01-02 15:04"), visit.AddDate(0, 0, 1).Format("2006-01-02 15:04"), Navigator},
		{InService, AskAgency, "2026-11-30 10:00", "2026-11-30 10:00", Navigator},
		{Waitlisted, RaiseTask, "2026-11-23 10:00", "2026-11-23 10:00", Navigator},
		{Declined, RaiseTask, "2026-11-23 10:00", "2026-11-23 10:00", Navigator},
		{Lapsed, RaiseTask, "2026-11-23 10:00", "2026-11-23 10:00", Navigator},
		{Withdrawn, RaiseTask, "2026-11-23 10:00", "2026-11-23 10:00", Navigator},
		{OutcomeReported, RaiseTask, "2026-11-30 10:00", "2026-11-25 10:00", Navigator},
		{Failed, RaiseTask, "2026-11-23 10:00", "2026-11-23 10:00", Navigator},
		{InError, RaiseTask, "2026-11-23 10:00", "2026-11-23 10:00", Navigator},
	} {
		for u, due := range map[Urgency]string{Routine: c.routine, Urgent: c.urgent} {
			step := Next(handedOver(at(t, c.state, u)), Standard(), monday10)
			want := local(t, Toronto, due)
			if step.Do != c.do || !step.Due.Equal(want) || step.Role != c.role || step.Person != owner {
				t.Errorf("%s, %s: %s at %s by %s, want %s at %s by %s", c.state, u, step.Do, step.Due, step.Role, c.do, want, c.role)
			}
		}
	}
	if step := Next(at(t, Confirmed, Routine), Standard(), monday10); !step.None() {
		t.Errorf("a closed referral has the step %+v", step)
	}
}

// handedOver says that the provider has taken every letter.
func handedOver(f Facts) Facts {
	f = f.clone()
	for i := range f.Offers {
		if o := &f.Offers[i]; o.Mail.State != MailNone {
			o.Mail.State = MailAccepted
		}
	}
	return f
}

func TestADraftIsTheNavigatorsToFinish(t *testing.T) {
	t.Parallel()
	for u, due := range map[Urgency]string{Routine: "2026-11-24 10:00", Urgent: "2026-11-23 11:00"} {
		f, err := Begin(Facts{ID: named("referral"), Urgency: u, Owner: owner, Created: monday10}, []NewOffer{service("a")}, false)
		if err != nil {
			t.Fatal(err)
		}
		step := Next(f, Standard(), monday10)
		if step.Do != FinishDraft || !step.Due.Equal(local(t, Toronto, due)) || step.Role != Navigator || step.Person != owner {
			t.Errorf("%s: %+v", u, step)
		}
	}
}

// A silent agency is reminded, a coordinator calls, the offer lapses and the next agency is asked at once, each when
// the policy says.
func TestSilenceMovesOn(t *testing.T) {
	t.Parallel()
	type stop struct {
		do Name
		at string
	}
	for u, want := range map[Urgency][]stop{
		Routine: {{Send, "2026-11-23 10:00"}, {Remind, "2026-11-24 10:00"}, {Escalate, "2026-11-25 10:00"},
			{EscalateTask, "2026-11-26 10:00"}, {Lapse, "2026-11-27 10:00"}, {Send, "2026-11-27 10:00"}, {Remind, "2026-11-30 10:00"}},
		Urgent: {{Send, "2026-11-23 10:00"}, {Remind, "2026-11-23 11:00"}, {Escalate, "2026-11-23 12:00"},
			{EscalateTask, "2026-11-23 13:00"}, {Lapse, "2026-11-23 14:00"}, {Send, "2026-11-23 14:00"}, {Remind, "2026-11-23 15:00"}},
	} {
		f, now := opened(t, u, "a", "b"), monday10
		for i, w := range want {
			step := Next(handedOver(f), Standard(), now)
			now = later(now, step.Due)
			if at := local(t, Toronto, w.at); step.Do != w.do || !now.Equal(at) {
				t.Fatalf("%s, step %d: %s at %s, want %s at %s", u, i, step.Do, now, w.do, at)
			}
			f = must(t, f, step.CommandOf(), System, now)
		}
		if f.Offers[0].State != Lapsed || f.Offers[1].State != Sent {
			t.Errorf("%s: the offers are %s and %s", u, f.Offers[0].State, f.Offers[1].State)
		}
	}
}

func TestMailThatDidNotGoOutBecomesAPhoneCall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state MailState
		wait  time.Duration
	}{{MailFailed, 0}, {MailPending, 15 * time.Minute}, {MailUnknown, 15 * time.Minute}, {MailDeferred, 4 * time.Hour}, {MailUnheard, 24 * time.Hour}} {
		for _, s := range []OfferState{Sent, Accepted, Contacting, Scheduled, InService} {
			f := at(t, s, Routine)
			f.Offers[0].Mail = Mail{State: c.state, Since: monday10, Out: monday10}
			step := Next(f, Standard(), monday10)
			if step.Do != RaiseTask || step.TaskKind != CallAgency || step.Cause != "mail_"+string(c.state) || !step.Due.Equal(monday10.Add(c.wait)) {
				t.Errorf("mail %s while %s: %+v", c.state, s, step)
			}
			f = must(t, f, step.CommandOf(), System, step.Due)
			f = must(t, f, Command{Do: FinishTask, Task: f.Tasks[0].ID}, Navigator, step.Due)
			if again := Next(f, Standard(), step.Due); again.TaskKind == CallAgency {
				t.Errorf("mail %s while %s: the call that was made is asked for again: %+v", c.state, s, again)
			}
		}
	}
}

// A deferral that we hear of late does not put off the call about a letter that goes unheard.
func TestALateDeferralPutsNoCallOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ since, out, due time.Duration }{{0, 0, 4}, {20, 0, 24}, {23, 0, 24}, {23, 22, 27}} {
		f := at(t, InService, Routine)
		f.Offers[0].Mail = Mail{Letter: AskLetter, State: MailDeferred, Since: monday10.Add(c.since * time.Hour), Out: monday10.Add(c.out * time.Hour)}
		if step := Next(f, Standard(), monday10); step.Cause != "mail_deferred" || !step.Due.Equal(monday10.Add(c.due*time.Hour)) {
			t.Errorf("deferred after %d h: %s at %s", c.since, step.Cause, step.Due)
		}
	}
}

// Of letters that all go unheard the first counts; with nothing expected, or someone asked to call, none does.
func TestWhatGoesUnheard(t *testing.T) {
	t.Parallel()
	f := at(t, InService, Routine)
	f.Offers[0].Mail = Mail{Letter: AskLetter, State: MailUnheard, Since: monday10.Add(20 * time.Hour), Out: monday10}
	if step := Next(f, Standard(), monday10); step.Cause != "mail_unheard" || !step.Due.Equal(monday10.Add(24*time.Hour)) {
		t.Errorf("%+v", step)
	}
	f.Offers[0].Mail.Out = time.Time{}
	if step := Next(f, Standard(), monday10); step.TaskKind == CallAgency {
		t.Errorf("%+v", step)
	}
}

func TestAnAgencyWithoutAnAddressIsCalledAtOnce(t *testing.T) {
	t.Parallel()
	c := full(Send)
	c.NoAddress = true
	f := must(t, opened(t, Routine, "a"), c, System, monday10)
	if step := Next(f, Standard(), monday10); step.TaskKind != CallAgency || !step.Due.Equal(monday10) {
		t.Errorf("%+v", step)
	}
}

// The agency's clock stands still while its question waits for us, no longer than the cap, and it is not chased.
func TestAQuestionStopsTheAgencysClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ answered, remind, lapse string }{
		{"2026-11-23 16:00", "2026-11-24 16:00", "2026-11-27 15:00"}, // five hours after it was asked
		{"2026-11-24 13:00", "2026-11-25 13:00", "2026-11-30 12:00"}, // ten open hours after
		{"2026-11-30 11:00", "2026-12-01 11:00", "2026-12-01 11:00"}, // capped at two business days, and a fair while
	} {
		f := must(t, opened(t, Routine, "a"), full(Send), System, monday10)
		f = must(t, f, full(Ask), Agency, local(t, Toronto, "2026-11-23 11:00"))
		f = must(t, f, full(Answer), Navigator, local(t, Toronto, c.answered))
		if step := Next(handedOver(f), Standard(), monday10); step.Do != Remind || !step.Due.Equal(local(t, Toronto, c.remind)) {
			t.Errorf("answered %s: %s at %s, want %s", c.answered, step.Do, step.Due, c.remind)
		}
		if got := ReplyBy(f.Offers[0], Routine, Standard()); !got.Equal(local(t, Toronto, c.lapse)) {
			t.Errorf("answered %s: it lapses at %s, want %s", c.answered, got, c.lapse)
		}
	}
}

// A second question leaves the first to be answered: the navigator's time for it runs on.
func TestAFurtherQuestionKeepsTheTask(t *testing.T) {
	t.Parallel()
	f, _ := run(t, at(t, InfoRequested, Routine), Standard(), monday10)
	due := f.Tasks[0].Due
	f = must(t, f, full(Ask), Agency, monday10.Add(time.Hour))
	if k := f.Tasks[0]; len(f.Tasks) != 1 || k.Kind != AnswerAgency || k.State != TaskOpen || !k.Due.Equal(due) {
		t.Errorf("%+v", f.Tasks)
	}
}

// An agency that had to be called before it said yes is called again when it then goes silent.
func TestAnAgencyIsEscalatedAnewAfterItsWord(t *testing.T) {
	t.Parallel()
	f := must(t, at(t, Sent, Routine), full(Escalate), System, monday10)
	f = must(t, f, full(Accept), Agency, monday10)
	f = must(t, f, full(AskAgency), System, monday10)
	if step := Next(handedOver(f), Standard(), monday10); step.Do != Escalate {
		t.Errorf("%+v", step)
	}
}

// Only what is due first is named; the task that an answer made needless is gone.
func TestAnAnswerEndsTheChase(t *testing.T) {
	t.Parallel()
	f, _ := run(t, opened(t, Urgent, "a"), Standard(), monday10)
	for now := monday10; len(f.Tasks) == 0; now = now.Add(time.Hour) {
		f, _ = run(t, f, Standard(), now)
	}
	f = must(t, f, full(Accept), Agency, monday10.Add(3*time.Hour))
	for _, k := range f.Tasks {
		if k.State != TaskOvertaken || k.Done.IsZero() {
			t.Errorf("the task %s is %s", k.Kind, k.State)
		}
	}
	if step := Next(handedOver(f), Standard(), monday10); step.Do != AskAgency || step.Task != uuid.Nil {
		t.Errorf("%+v", step)
	}
}
