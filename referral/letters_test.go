package referral

import (
	"slices"
	"testing"
	"time"
)

// doubtful is a referral whose first letter is in this state, and for which the clock has raised the call.
func doubtful(t *testing.T, state OfferState, mail MailState) (Facts, time.Time) {
	t.Helper()
	f := at(t, state, Routine)
	f.Offers[0].Mail = Mail{Letter: OfferLetter, State: mail, Since: monday10, Out: monday10}
	if state.Taken() {
		f.Offers[0].Mail.Letter = AskLetter
	}
	step := Next(f, Standard(), monday10)
	if step.TaskKind != CallAgency || step.Cause != "mail_"+string(mail) {
		t.Fatalf("mail %s while %s: %+v", mail, state, step)
	}
	return must(t, f, step.CommandOf(), System, step.Due), step.Due
}

var troubles = []MailState{MailFailed, MailUnknown, MailDeferred, MailUnheard}

func TestAPersonSaysThatALetterArrived(t *testing.T) {
	t.Parallel()
	for _, mail := range troubles {
		f, now := doubtful(t, Sent, mail)
		sent := f.Offers[0].Sent
		f = must(t, f, Command{Do: Arrived, Offer: f.Offers[0].ID}, Navigator, now)
		if o := f.Offers[0]; o.Mail.State != MailDelivered || !o.Sent.Equal(sent) || f.Tasks[0].State != TaskDone {
			t.Errorf("mail %s: %+v, the call is %s", mail, o, f.Tasks[0].State)
		}
		if step := Next(f, Standard(), now); step.TaskKind == CallAgency {
			t.Errorf("mail %s: a call about it comes next: %+v", mail, step)
		}
		change, err := Decide(f, Command{Do: Arrived, Offer: f.Offers[0].ID}, Actor{Role: Coordinator}, Standard(), now)
		if err != nil || !change.Repeated() {
			t.Errorf("said twice: %v, %v", change.Events, err)
		}
	}
}

func TestTheProvidersWordEndsTheCallsAboutALetter(t *testing.T) {
	t.Parallel()
	f, now := doubtful(t, Sent, MailUnknown)
	f = must(t, f, Command{Do: Delivered, Offer: f.Offers[0].ID}, System, now)
	if f.Tasks[0].State != TaskOvertaken {
		t.Errorf("the call is %s", f.Tasks[0].State)
	}
	// Once a coordinator calls because the agency is silent, the same task is about more than the letter.
	f, now = doubtful(t, Sent, MailUnknown)
	f = must(t, f, Command{Do: Escalate, Offer: f.Offers[0].ID}, System, now)
	f = must(t, f, Command{Do: Delivered, Offer: f.Offers[0].ID}, System, now)
	if len(f.Tasks) != 1 || f.Tasks[0].State != TaskOpen {
		t.Errorf("the coordinator's call: %+v", f.Tasks)
	}
	// A call about a notice waits for no answer and is ended by nobody but who makes it.
	f = must(t, at(t, Declined, Routine), Command{Do: Undelivered, Offer: service("a").ID, Reason: "bounce"}, System, monday10)
	f = must(t, f, Command{Do: Delivered, Offer: service("a").ID}, System, monday10)
	if f.Tasks[len(f.Tasks)-1].State != TaskOpen {
		t.Errorf("the call about a notice: %+v", f.Tasks)
	}
}

func TestALetterIsSentAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state  OfferState
		had    Letter
		letter Letter
	}{
		{Sent, OfferLetter, OfferLetter}, {Sent, ReminderLetter, OfferLetter}, {Sent, NewLinkLetter, OfferLetter}, {Sent, AnsweredLetter, AnsweredLetter},
		{InfoRequested, OfferLetter, NewLinkLetter},
		{Accepted, OfferLetter, NewLinkLetter}, {Accepted, AskLetter, AskLetter}, {Waitlisted, AskLetter, AskLetter}, {InService, NewLinkLetter, NewLinkLetter},
	} {
		for _, r := range ResendReasons {
			for _, mail := range append(troubles, MailAccepted, MailDelivered) {
				f := at(t, c.state, Routine)
				o := &f.Offers[0]
				o.Mail = Mail{Letter: c.had, State: mail, Since: monday10}
				was, later := *o, monday10.AddDate(0, 0, 2)
				change, err := Decide(f, Command{Do: Resend, Offer: o.ID, Reason: r.Code}, Actor{Role: Navigator}, Standard(), later)
				if err != nil {
					t.Fatalf("%s, mail %s, %s: %v", c.state, mail, r.Code, err)
				}
				want := []Post{{Offer: o.ID, Letter: c.letter, Again: r.Code}}
				after := change.Facts.Offers[0]
				if !slices.Equal(change.Posts, want) || after.Mail != (Mail{Letter: c.letter, State: MailPending, Since: later}) {
					t.Errorf("%s, %s, %s: %v, %+v", c.state, c.had, r.Code, change.Posts, after.Mail)
				}
				begins := was.Sent
				if c.state == Sent && r.Code != "mislaid" {
					begins = later
				}
				if !after.Sent.Equal(begins) {
					t.Errorf("%s, %s: its clock begins %s, want %s", c.state, r.Code, after.Sent, begins)
				}
			}
		}
	}
}

func TestSendingAgainEndsTheCallAndBeginsTheChaseAnew(t *testing.T) {
	t.Parallel()
	f, now := doubtful(t, Sent, MailFailed)
	f = must(t, f, Command{Do: Remind, Offer: f.Offers[0].ID}, System, now)
	f.Offers[0].Mail.State = MailFailed
	now = now.AddDate(0, 0, 1)
	f = must(t, f, Command{Do: Resend, Offer: f.Offers[0].ID, Reason: "address_corrected"}, Coordinator, now)
	if f.Tasks[0].State != TaskDone {
		t.Errorf("the call is %s", f.Tasks[0].State)
	}
	if step := Next(handedOver(f), Standard(), now); step.Do != Remind || !step.Due.Equal(now.AddDate(0, 0, 1)) {
		t.Errorf("next is %s at %s", step.Do, step.Due)
	}
	// It fails again: that is another call.
	f.Offers[0].Mail = Mail{Letter: OfferLetter, State: MailFailed, Since: now.Add(time.Minute)}
	if step := Next(f, Standard(), now.Add(time.Minute)); step.Cause != "mail_failed" {
		t.Errorf("next is %+v", step)
	}
}

func TestLettersAreStaffsToSettle(t *testing.T) {
	t.Parallel()
	for _, do := range []Name{Arrived, Resend} {
		for _, who := range everyone {
			f, now := doubtful(t, Sent, MailUnknown)
			_, err := Decide(f, Command{Do: do, Offer: f.Offers[0].ID, Reason: "not_received"}, who, Standard(), now)
			if allowed := spoken(who).Staff(); allowed != (err == nil) || (!allowed && CodeOf(err) != CodeForbidden) {
				t.Errorf("%s by %v: %v", do, who, err)
			}
		}
		for _, state := range OfferStates {
			f := at(t, state, Routine)
			for _, mail := range []MailState{MailNone, MailPending, MailUnknown} {
				f.Offers[0].Mail.State = mail
				_, err := Decide(f, Command{Do: do, Offer: f.Offers[0].ID, Reason: "not_received"}, Actor{Role: Navigator}, Standard(), monday10)
				can := slices.Contains(MailCommands(f.State, state, mail), do)
				if can != (err == nil) || (!can && CodeOf(err) != CodeConflict) {
					t.Errorf("%s while %s and mail %q: %v, offered %v", do, state, mail, err, can)
				}
				if can != (mail == MailUnknown && (state.Awaiting() || state.Taken())) {
					t.Errorf("%s while %s and mail %q: offered %v", do, state, mail, can)
				}
			}
		}
		f, now := doubtful(t, Sent, MailUnknown)
		c := Command{Do: do, Offer: named("stranger"), Reason: "other"}
		if _, err := Decide(f, c, Actor{Role: Navigator}, Standard(), now); CodeOf(err) != CodeNotFound {
			t.Errorf("%s: %v", do, err)
		}
	}
	f, now := doubtful(t, Sent, MailUnknown)
	for _, reason := range []string{"", "because"} {
		if _, err := Decide(f, Command{Do: Resend, Offer: f.Offers[0].ID, Reason: reason}, Actor{Role: Navigator}, Standard(), now); CodeOf(err) != CodeInvalid {
			t.Errorf("without a reason (%q): %v", reason, err)
		}
	}
}

func TestAnAgencyWithoutAnAddressIsNotWrittenToAgain(t *testing.T) {
	t.Parallel()
	f, now := doubtful(t, Sent, MailFailed)
	now = now.Add(time.Hour)
	f = must(t, f, Command{Do: Resend, Offer: f.Offers[0].ID, Reason: "not_received", NoAddress: true}, Navigator, now)
	if step := Next(f, Standard(), now); step.Cause != "mail_failed" || !step.Due.Equal(now) {
		t.Errorf("next is %+v", step)
	}
}
