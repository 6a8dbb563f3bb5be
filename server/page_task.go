package server

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// taskView is one piece of work with all that is needed to do it.
type taskView struct {
	Task     casework.Task
	Referral casework.Referral
	Client   casework.Case
	Offer    *casework.Offer // nil: about the referral as a whole
	Commands []link          // that would do the task, or record what came of it
	Finish   string          // what it means to finish it without a command; "" when only a command does
	Key      string
	Note     string
}

// link is a command and its page.
type link struct {
	Do  referral.Name
	URL string
}

// commandsOf are what usually comes of a task of each kind, as far as the offer allows it now.
var commandsOf = map[referral.TaskKind][]referral.Name{
	referral.CallAgency: {referral.Accept, referral.Decline, referral.Ask, referral.Waitlist, referral.Contact,
		referral.Schedule, referral.StartService, referral.Continue, referral.ReportOutcome, referral.Fail, referral.Withdraw},
	referral.AnswerAgency:    {referral.Answer, referral.Withdraw},
	referral.ReachClient:     {referral.Contact, referral.Schedule, referral.Withdraw},
	referral.FindAlternative: {referral.AddOffer, referral.Close},
	referral.AskConsent:      {referral.Agree, referral.WithdrawConsent, referral.Close},
	referral.CheckOnClient:   {referral.Confirm, referral.Dispute, referral.Close},
	referral.TakeOver:        {referral.AddOffer, referral.Close},
}

// readTask finds the task of the address in its referral.
func (s *Server) readTask(c echo.Context) (taskView, error) {
	id, err := idParam(c, "id")
	if err != nil {
		return taskView{}, err
	}
	ctx := c.Request().Context()
	v := taskView{}
	if v.Task, err = s.desk.Task(ctx, staff(c), id); err != nil {
		return v, err
	}
	if v.Referral, err = s.desk.Referral(ctx, staff(c), v.Task.ReferralID); err != nil {
		return v, err
	}
	if v.Client, _, err = s.desk.Case(ctx, staff(c), v.Task.CaseID); err != nil {
		return v, err
	}
	v.findOffer()
	v.Finish = finishing(v.Task, v.Referral.Offers)
	return v, nil
}

// finishing says what it means to finish a task without a command: that it is "done" or, of the search for another
// service, that the person will "wait" for a place or that the "next" one of those agreed to is asked. It is "" where
// the rules let only a command end the task.
func finishing(t casework.Task, offers []casework.Offer) string {
	in := func(has func(referral.OfferState) bool) bool {
		return slices.ContainsFunc(offers, func(o casework.Offer) bool { return has(o.State) })
	}
	switch {
	case t.State != referral.TaskOpen || t.Kind == referral.AnswerAgency, t.Cause == "consent_expired":
		return ""
	case t.Kind != referral.FindAlternative:
		return "done"
	case in(func(s referral.OfferState) bool { return s == referral.Waitlisted }):
		return "wait"
	case in(func(s referral.OfferState) bool { return s == referral.Queued }):
		return "next"
	case in(func(s referral.OfferState) bool { return !s.Ended() }):
		return "done"
	}
	return ""
}

func (v *taskView) findOffer() {
	base := "/referrals/" + v.Referral.ID.String() + "/"
	var can []referral.Name
	if v.Task.OfferID != nil {
		i := slices.IndexFunc(v.Referral.Offers, func(o casework.Offer) bool { return o.ID == *v.Task.OfferID })
		if i >= 0 {
			v.Offer = &v.Referral.Offers[i]
			can = v.Offer.Can
		}
	}
	for _, do := range commandsOf[v.Task.Kind] {
		switch {
		case (commandForms[do].Whole || do == referral.WithdrawConsent) && v.Referral.State != referral.Closed:
			v.Commands = append(v.Commands, link{do, base + string(do)})
		case slices.Contains(can, do):
			v.Commands = append(v.Commands, link{do, base + string(do) + "?offer=" + v.Offer.ID.String()})
		}
	}
}

func (s *Server) taskPage(c echo.Context) error {
	v, err := s.readTask(c)
	if err != nil {
		return err
	}
	v.Key = uuid.NewString()
	return s.showTask(c, v, nil)
}

func (s *Server) showTask(c echo.Context, v taskView, wrongs []wrong) error {
	return s.formPage(c, "task", s.locale(c).T("task."+string(v.Task.Kind)), wrongs, v)
}

// finishTask records that a task was done and what came of it.
func (s *Server) finishTask(c echo.Context) error {
	v, err := s.readTask(c)
	if err != nil {
		return err
	}
	v.Key, v.Note = typedIn(c, "key"), typedIn(c, "note")
	if again, err := s.formAgain(c); again || err != nil {
		return orShow(err, func() error { return s.showTask(c, v, nil) })
	}
	_, err = patiently(c, func(ctx context.Context) (casework.Referral, error) {
		in := casework.CommandInput{Do: referral.FinishTask, TaskID: v.Task.ID, Note: v.Note}
		return s.desk.Do(ctx, staff(c), v.Referral.ID, in, keyOf(c, v.Key))
	})
	if wrongs := s.wrongs(c, err); wrongs != nil {
		v.Key = nextKey(err, v.Key)
		return s.showTask(c, v, wrongs)
	}
	if err != nil {
		c.Set(backKey, placeOf(v.Referral))
		return err
	}
	return s.seeOther(c, "/tasks", string(referral.FinishTask))
}
