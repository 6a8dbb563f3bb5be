package referral

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// The evidence says who confirmed the outcome, and nobody is made to say what they did not.
func TestEvidence(t *testing.T) {
	t.Parallel()
	client, desk, onWord := Actor{Role: Client}, Actor{Role: Navigator}, Actor{Role: Navigator, For: Client}
	whole := func(reason string) Command { return Command{Do: Withdraw, Reason: reason} }
	end := func(outcome string) Command { return Command{Do: Close, Outcome: outcome} }
	confirm := func(outcome string) Command {
		return Command{Do: Confirm, Offer: service("a").ID, Outcome: outcome}
	}
	for _, c := range []struct {
		about   string
		state   OfferState
		c       Command
		who     Actor
		outcome string
		want    Evidence
	}{
		{"agency reported, client agrees", OutcomeReported, confirm("received_in_full"), client, "received_in_full", ByBoth},
		{"agency reported, client says less", OutcomeReported, confirm("received_in_part"), client, "received_in_part", ByClient},
		{"client says so before the agency", InService, confirm("received_in_full"), onWord, "received_in_full", ByClient},
		{"closed as the agency reported", OutcomeReported, end("received_in_full"), desk, "received_in_full", ByAgency},
		{"closed otherwise", OutcomeReported, end("moved"), desk, "moved", ByNobody},
		{"closed by the desk", Accepted, end("moved"), desk, "moved", ByNobody},
		{"closed on the client's word", Accepted, end("moved"), onWord, "moved", ByClient},
		{"closed as reported, on the client's word", OutcomeReported, end("received_in_full"), onWord, "received_in_full", ByBoth},
		{"consent withdrawn", Sent, whole("consent_withdrawn"), desk, "declined_by_client", ByClient},
		{"client declines", Sent, whole("client_declined"), desk, "declined_by_client", ByClient},
		{"client died", Accepted, whole("deceased"), desk, "deceased", ByNobody},
		{"client moved, as the desk heard", Accepted, whole("moved"), desk, "moved", ByNobody},
		{"client moved, as the client says", Accepted, whole("moved"), onWord, "moved", ByClient},
		{"client unreachable", Contacting, whole("unreachable"), desk, "unreachable", ByNobody},
		{"duplicate", Queued, whole("duplicate"), desk, "met_elsewhere", ByNobody},
	} {
		change, err := Decide(at(t, c.state, Routine), c.c, c.who, Standard(), monday10)
		if err != nil {
			t.Errorf("%s: %v", c.about, err)
			continue
		}
		if f := change.Facts; f.State != Closed || f.Outcome != c.outcome || f.Evidence != c.want || !f.Closed.Equal(monday10) {
			t.Errorf("%s: %s %s, evidence %s, want %s by %s", c.about, f.State, f.Outcome, f.Evidence, c.outcome, c.want)
		}
	}
}

// Consent can be withdrawn at any time; a referral that has ended keeps its outcome.
func TestConsentWithdrawnAfterTheEnd(t *testing.T) {
	t.Parallel()
	whole := Command{Do: Withdraw, Reason: "consent_withdrawn"}
	for _, c := range []struct {
		about string
		f     Facts
	}{
		{"confirmed", must(t, at(t, OutcomeReported, Routine), full(Confirm), Client, monday10)},
		{"closed with nobody left", must(t, at(t, Failed, Routine), full(Close), Navigator, monday10)},
		{"declined by the client", must(t, at(t, Sent, Routine), Command{Do: Withdraw, Reason: "client_declined"}, Navigator, monday10)},
	} {
		later := monday10.Add(time.Hour)
		change, err := Decide(c.f, whole, Actor{Role: Navigator}, Standard(), later)
		if err != nil {
			t.Errorf("%s: %v", c.about, err)
			continue
		}
		if f := change.Facts; !f.Withdrawn.Equal(later) || f.Version != c.f.Version+1 || !reflect.DeepEqual(settled(f), settled(c.f)) {
			t.Errorf("%s: %+v", c.about, f)
		}
		if len(change.Events) != 1 || change.Events[0].What != ConsentWithdrawn || len(change.Posts) > 0 {
			t.Errorf("%s: events %+v, letters %+v", c.about, change.Events, change.Posts)
		}
		twice, err := Decide(change.Facts, whole, Actor{Role: Navigator}, Standard(), later)
		if err != nil || !twice.Repeated() {
			t.Errorf("%s, twice: %v, %+v", c.about, err, twice.Events)
		}
		if _, err := Decide(c.f, whole, Actor{Role: Agency}, Standard(), later); CodeOf(err) != CodeForbidden {
			t.Errorf("%s, by an agency: %v", c.about, err)
		}
	}
}

func TestEveryWithdrawalHasAnOutcome(t *testing.T) {
	t.Parallel()
	for _, r := range WithdrawReasons {
		f := must(t, at(t, Sent, Routine, "b"), Command{Do: Withdraw, Reason: r.Code}, Navigator, monday10)
		if f.State != Closed || !Known(Outcomes, f.Outcome) || f.Outcome == Unmet {
			t.Errorf("%s: %s with %q", r.Code, f.State, f.Outcome)
		}
		for _, o := range f.Offers {
			if o.State != Withdrawn || o.Reason != r.Code {
				t.Errorf("%s: an offer is %s (%s)", r.Code, o.State, o.Reason)
			}
		}
	}
	if len(outcomeOfWithdrawal) != len(WithdrawReasons) {
		t.Errorf("%d withdrawals have an outcome, want %d", len(outcomeOfWithdrawal), len(WithdrawReasons))
	}
}

// The agencies that know of the referral are told that it has ended; one that was never asked is not.
func TestTheEndIsTold(t *testing.T) {
	t.Parallel()
	change, err := Decide(at(t, Waitlisted, Routine, "b"), Command{Do: Close, Outcome: "moved"}, Actor{Role: Navigator}, Standard(), monday10)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := letters(change, "a"), letters(change, "b"); !slices.Equal(a, []Letter{WithdrawnLetter}) || len(b) > 0 {
		t.Errorf("the agencies are written %v and %v", a, b)
	}
}

// An agency that could not be told of the end is called; the call changes nothing else.
func TestACallAfterTheEnd(t *testing.T) {
	t.Parallel()
	f := must(t, at(t, OutcomeReported, Routine), Command{Do: Close, Outcome: "moved"}, Navigator, monday10)
	lost := Command{Do: Undelivered, Offer: service("a").ID, Reason: "bounced"}
	f = must(t, f, lost, System, monday10)
	done := must(t, f, Command{Do: FinishTask, Task: f.Tasks[len(f.Tasks)-1].ID}, Navigator, monday10.Add(time.Hour))
	if !reflect.DeepEqual(settled(done), settled(f)) || done.Tasks[len(f.Tasks)-1].State != TaskDone {
		t.Errorf("%+v", done)
	}
}

func TestCodesAreDemanded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state OfferState
		c     Command
		field string
	}{
		{Sent, Command{Do: Decline}, "reason"},
		{Sent, Command{Do: Decline, Reason: "no_show"}, "reason"},
		{Accepted, Command{Do: Fail, Reason: "because"}, "reason"},
		{Sent, Command{Do: Withdraw, Reason: "full"}, "reason"},
		{InService, Command{Do: ReportOutcome}, "outcome"},
		{InService, Command{Do: ReportOutcome, Outcome: "unmet"}, "unmet_reason"},
		{InService, Command{Do: Confirm, Outcome: "unmet", Unmet: "rain"}, "unmet_reason"},
		{InService, Command{Do: Close, Outcome: "moved", Unmet: "cost"}, "unmet_reason"},
		{Accepted, Command{Do: Schedule}, "at"},
		{Accepted, Command{Do: Schedule, At: monday10.AddDate(0, 0, -3)}, "at"},
		{Accepted, Command{Do: Schedule, At: monday10.AddDate(3, 0, 0)}, "at"},
		{Sent, Command{Do: Reassign}, "person_id"},
		{Sent, Command{Do: "dance"}, "command"},
	} {
		c.c.Offer = service("a").ID
		role := Navigator
		if roles := rolesOf(c.c.Do); len(roles) > 0 {
			role = roles[0]
		}
		_, err := Decide(at(t, c.state, Routine), c.c, Actor{Role: role}, Standard(), monday10)
		if got := faults(err); CodeOf(err) != CodeInvalid || !slices.Equal(got, []string{c.field}) {
			t.Errorf("%s %+v: %v, want %s invalid", c.state, c.c, err, c.field)
		}
	}
}

// The fourth attempt does not end the navigator's task to reach the client.
func TestTheClientIsStillToBeReached(t *testing.T) {
	t.Parallel()
	f := at(t, Accepted, Routine)
	for range 3 {
		f = must(t, f, full(Contact), Agency, monday10)
	}
	f, _ = run(t, f, Standard(), monday10)
	f = must(t, f, full(Contact), Agency, monday10.Add(time.Hour))
	if len(f.Tasks) != 1 || f.Tasks[0].Kind != ReachClient || f.Tasks[0].State != TaskOpen {
		t.Fatalf("%+v", f.Tasks)
	}
	if f = must(t, f, full(StartService), Agency, monday10.Add(time.Hour)); f.Tasks[0].State != TaskOvertaken {
		t.Errorf("once help has begun the task is %s", f.Tasks[0].State)
	}
}

// An appointment put off is asked about the day after it, not while it is still ahead.
func TestAnAppointmentPutOff(t *testing.T) {
	t.Parallel()
	f := at(t, Scheduled, Routine)
	c := full(Schedule)
	c.At = monday10.AddDate(0, 0, 29) // Tuesday
	f = must(t, f, c, Agency, monday10.Add(time.Hour))
	if step := Next(handedOver(f), Standard(), monday10); step.Do != AskAgency || !step.Due.Equal(c.At.AddDate(0, 0, 1)) {
		t.Errorf("%+v", step)
	}
}

// The client is asked a week after the agency's report, and again while nobody could tell.
func TestTheClientIsAskedAgain(t *testing.T) {
	t.Parallel()
	f := at(t, OutcomeReported, Routine)
	asked := monday10.AddDate(0, 0, 7)
	f, _ = run(t, f, Standard(), asked)
	if len(f.Tasks) != 1 || f.Tasks[0].Kind != CheckOnClient || f.Tasks[0].Assignee != owner {
		t.Fatalf("%+v", f.Tasks)
	}
	f = must(t, f, Command{Do: FinishTask, Task: f.Tasks[0].ID}, Navigator, asked)
	if step := Next(f, Standard(), asked); step.TaskKind != CheckOnClient || step.Do != RaiseTask || !step.Due.Equal(asked.AddDate(0, 0, 7)) {
		t.Errorf("%+v", step)
	}
	f, _ = run(t, f, Standard(), asked.AddDate(0, 0, 7))
	f = must(t, f, full(Confirm), Client, asked.AddDate(0, 0, 8))
	if f.Tasks[1].State != TaskDone {
		t.Errorf("once the client has spoken the task is %s", f.Tasks[1].State)
	}
}

func TestACaseHandedOverTakesItsTasksAlong(t *testing.T) {
	t.Parallel()
	f := must(t, at(t, InfoRequested, Routine), Command{Do: RaiseTask, TaskKind: AnswerAgency, Offer: service("a").ID}, System, monday10)
	f = must(t, f, full(Reassign), Coordinator, monday10)
	if f.Owner != named("colleague") || f.Tasks[0].Assignee != named("colleague") {
		t.Errorf("owner %s, task %+v", f.Owner, f.Tasks[0])
	}
}
