//go:build unix

package lifetest

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/referral"
)

// Life is one way that a referral can go, from the call to its end.
type Life struct {
	Name     string
	Agencies []int // that the client agreed to at first, by number
	Acts     []Act
	// Tells is what the timeline must tell in this order; other lines may stand between.
	Tells   []referral.Name
	Outcome string // that it closes with
}

// Act is what a person does, as soon as the record shows that it is time.
type Act struct {
	What string
	When func(referral.Facts) bool
	Do   func(context.Context, *Office, referral.Facts) error
}

// sent holds once the offer of a rank is out and its letter has arrived.
func sent(rank int) func(referral.Facts) bool {
	return func(f referral.Facts) bool {
		return stands(rank, referral.Sent)(f) && f.Offers[rank-1].Mail.State == referral.MailAccepted
	}
}

func stands(rank int, s referral.OfferState) func(referral.Facts) bool {
	return func(f referral.Facts) bool { return len(f.Offers) >= rank && f.Offers[rank-1].State == s }
}

func openTask(kind referral.TaskKind) func(referral.Facts) bool {
	return func(f referral.Facts) bool { return taskOf(f, kind) != nil }
}

func taskOf(f referral.Facts, kind referral.TaskKind) *referral.Task {
	i := slices.IndexFunc(f.Tasks, func(t referral.Task) bool { return t.Kind == kind && t.State == referral.TaskOpen })
	if i < 0 {
		return nil
	}
	return &f.Tasks[i]
}

// agency answers on its page.
func agency(rank int, in casework.ReplyInput, when func(referral.Facts) bool) Act {
	return Act{What: "agency: " + string(in.Do), When: when, Do: func(ctx context.Context, o *Office, f referral.Facts) error {
		return o.reply(ctx, f.Offers[rank-1].ID, in)
	}}
}

func accepts(rank int) Act {
	return agency(rank, casework.ReplyInput{Do: referral.Accept}, sent(rank))
}

func reports(rank int) Act {
	return agency(rank, casework.ReplyInput{Do: referral.ReportOutcome, Outcome: "received_in_full"}, stands(rank, referral.Accepted))
}

func declines(rank int) Act {
	return agency(rank, casework.ReplyInput{Do: referral.Decline, Reason: "full", Note: details}, sent(rank))
}

// navigator acts on the referral; prepare may name what it is about.
func navigator(in casework.CommandInput, when func(referral.Facts) bool, prepare func(*casework.CommandInput, *Office, referral.Facts)) Act {
	return Act{What: "navigator: " + string(in.Do), When: when, Do: func(ctx context.Context, o *Office, f referral.Facts) error {
		if prepare != nil {
			prepare(&in, o, f)
		}
		_, err := o.Do(ctx, o.Navigator, f.ID, in, nil)
		return err
	}}
}

// confirms is the client's word that help came.
func confirms(rank int) Act {
	return navigator(casework.CommandInput{Do: referral.Confirm, Outcome: "received_in_full"}, stands(rank, referral.OutcomeReported), nil)
}

// refersOn finds another agency when there is a task to do so.
func refersOn(number int) Act {
	in := casework.CommandInput{Do: referral.AddOffer, Consent: &casework.ConsentInput{Given: true, How: "verbal"}}
	return navigator(in, openTask(referral.FindAlternative), func(in *casework.CommandInput, o *Office, _ referral.Facts) {
		in.ServiceIDs = o.servicesOf([]int{number})
	})
}

// does finishes a task.
func does(kind referral.TaskKind, when func(referral.Facts) bool) Act {
	return navigator(casework.CommandInput{Do: referral.FinishTask, Note: details}, when, func(in *casework.CommandInput, _ *Office, f referral.Facts) {
		in.TaskID = taskOf(f, kind).ID
	})
}

// calledOut holds once an open task of a kind was handed to the coordinators for want of anyone doing it.
func calledOut(kind referral.TaskKind) func(referral.Facts) bool {
	return func(f referral.Facts) bool {
		t := taskOf(f, kind)
		return t != nil && t.Escalations > 0
	}
}

// Lives lists them. Each ends closed.
func Lives() []Life {
	const (
		full    = "received_in_full"
		bounced = agencies
	)
	return []Life{
		{Name: "accepted_first_time", Agencies: []int{1}, Acts: []Act{accepts(1), reports(1), confirms(1)}, Outcome: full,
			Tells: []referral.Name{"refer", referral.Send, referral.Accept, referral.ReportOutcome, referral.Confirm}},
		{Name: "declined_then_second_accepts", Agencies: []int{1, 2}, Acts: []Act{declines(1), accepts(2), reports(2), confirms(2)}, Outcome: full,
			Tells: []referral.Name{referral.Send, referral.Decline, referral.Send, referral.Accept, referral.ReportOutcome, referral.Confirm}},
		{Name: "silence_then_second_accepts", Agencies: []int{1, 2}, Acts: []Act{accepts(2), reports(2), confirms(2)}, Outcome: full,
			Tells: []referral.Name{referral.Send, referral.Remind, referral.Escalate, referral.RaiseTask, referral.Lapse, referral.Send,
				referral.Accept, referral.ReportOutcome, referral.Confirm}},
		{Name: "bounced", Agencies: []int{bounced}, Outcome: full,
			Acts: []Act{
				navigator(casework.CommandInput{Do: referral.Accept, ToldBy: atAgency}, openTask(referral.CallAgency), nil),
				navigator(casework.CommandInput{Do: referral.ReportOutcome, Outcome: full, ToldBy: atAgency}, stands(1, referral.Accepted), nil),
				confirms(1)},
			Tells: []referral.Name{referral.Send, referral.Undelivered, referral.RaiseTask, referral.Accept, referral.ReportOutcome, referral.Confirm}},
		{Name: "info_asked_and_answered", Agencies: []int{1}, Outcome: full,
			Acts: []Act{
				agency(1, casework.ReplyInput{Do: referral.Ask, Note: question}, sent(1)),
				navigator(casework.CommandInput{Do: referral.Answer, Note: answer}, openTask(referral.AnswerAgency), nil),
				accepts(1), reports(1), confirms(1)},
			Tells: []referral.Name{referral.Send, referral.Ask, referral.RaiseTask, referral.Answer, referral.Accept, referral.ReportOutcome, referral.Confirm}},
		{Name: "waitlisted_with_an_alternative", Agencies: []int{1}, Outcome: full,
			Acts: []Act{agency(1, casework.ReplyInput{Do: referral.Waitlist}, sent(1)), refersOn(2), accepts(2), reports(2), confirms(2)},
			Tells: []referral.Name{referral.Send, referral.Waitlist, referral.RaiseTask, referral.AddOffer, referral.Send, referral.Accept,
				referral.ReportOutcome, referral.Confirm}},
		{Name: "withdrawn", Agencies: []int{1, 2}, Outcome: "declined_by_client",
			Acts:  []Act{navigator(casework.CommandInput{Do: referral.Withdraw, Reason: "consent_withdrawn", For: referral.Client}, sent(1), nil)},
			Tells: []referral.Name{referral.Send, referral.Withdraw}},
		{Name: "failed_after_acceptance", Agencies: []int{1, 2}, Outcome: full,
			Acts: []Act{accepts(1), agency(1, casework.ReplyInput{Do: referral.Fail, Reason: "out_of_funds", Note: details}, stands(1, referral.Accepted)),
				does(referral.FindAlternative, openTask(referral.FindAlternative)), accepts(2), reports(2), confirms(2)},
			Tells: []referral.Name{referral.Send, referral.Accept, referral.Fail, referral.RaiseTask, referral.FinishTask, referral.Send,
				referral.Accept, referral.ReportOutcome, referral.Confirm}},
		{Name: "nobody_left", Agencies: []int{1}, Outcome: referral.Unmet,
			Acts: []Act{declines(1), navigator(casework.CommandInput{Do: referral.Close, Outcome: referral.Unmet, Unmet: "full"},
				openTask(referral.FindAlternative), nil)},
			Tells: []referral.Name{referral.Send, referral.Decline, referral.RaiseTask, referral.Close}},
		{Name: "silence_after_acceptance", Agencies: []int{1}, Outcome: full,
			Acts: []Act{accepts(1), does(referral.CallAgency, calledOut(referral.CallAgency)), reports(1), confirms(1)},
			Tells: []referral.Name{referral.Send, referral.Accept, referral.AskAgency, referral.Escalate, referral.RaiseTask,
				referral.EscalateTask, referral.FinishTask, referral.ReportOutcome, referral.Confirm}},
	}
}

// Missing gives the part of tells that a story does not tell in this order; nil when it tells all.
func Missing(tells, story []referral.Name) []referral.Name {
	for _, what := range story {
		if len(tells) > 0 && tells[0] == what {
			tells = tells[1:]
		}
	}
	return tells
}

// Person plays the acts of a life one after the other.
type Person struct {
	Office *Office
	Acts   []Act
}

// Ready gives the facts when the record shows that the next act's time has come. ok is false when it has not, or when
// all acts have been played.
func (p *Person) Ready(ctx context.Context, id uuid.UUID) (f referral.Facts, ok bool, err error) {
	if len(p.Acts) == 0 {
		return f, false, nil
	}
	f, err = p.Office.Facts(ctx, id)
	return f, err == nil && p.Acts[0].When(f), err
}

// Act plays the next act on the facts.
func (p *Person) Act(ctx context.Context, f referral.Facts) error {
	act := p.Acts[0]
	p.Acts = p.Acts[1:]
	return act.Do(ctx, p.Office, f)
}
