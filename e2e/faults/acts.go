package faults

import (
	"context"

	"github.com/google/uuid"

	"throughline/referral"
)

// choice is something that may happen next, as likely as its weight.
type choice struct {
	weight int
	do     func(context.Context) error
}

// act does one thing that can happen to the referral as it stands.
func (l *life) act(ctx context.Context, v seen) error {
	choices := []choice{{2, func(ctx context.Context) error { return l.wait(ctx, v, silence) }}}
	add := func(weight int, do func(context.Context) error) { choices = append(choices, choice{weight, do}) }
	for _, o := range v.Offers {
		l.offerActs(v, o, add)
	}
	for _, t := range v.Tasks {
		if t.State == referral.TaskOpen {
			l.taskActs(t, add)
		}
	}
	if v.State == referral.Open {
		add(1, l.withdrawAll)
		add(1, l.reassign)
		add(1, func(ctx context.Context) error { return l.stale(ctx, v) })
	}
	all := 0
	for _, c := range choices {
		all += c.weight
	}
	at := l.dice.IntN(all)
	for _, c := range choices {
		if at -= c.weight; at < 0 {
			return c.do(ctx)
		}
	}
	return nil
}

// offerActs are what can happen to one agency's turn.
func (l *life) offerActs(v seen, o seenOffer, add func(int, func(context.Context) error)) {
	if o.State.Awaiting() || o.State.Taken() {
		add(10, func(ctx context.Context) error { return l.byLink(ctx, v) })
		add(4, func(ctx context.Context) error { return l.byPhone(ctx, o) })
		add(2, func(ctx context.Context) error { return l.race(ctx, v, o) })
		add(1, func(ctx context.Context) error { return l.scan(ctx, v) })
		add(1, func(ctx context.Context) error { return l.withdraw(ctx, o) })
		add(1, func(ctx context.Context) error { return l.markInError(ctx, o) })
	}
	switch o.Mail {
	case referral.MailUnknown, referral.MailFailed, referral.MailUnheard, referral.MailDeferred:
		add(1, func(ctx context.Context) error {
			_, err := l.command(ctx, referral.Arrived, map[string]any{"offer_id": o.ID})
			return err
		})
		add(2, func(ctx context.Context) error {
			_, err := l.command(ctx, referral.Resend, map[string]any{"offer_id": o.ID, "reason": code(l.dice, referral.ResendReasons)})
			return err
		})
	}
	switch o.State {
	case referral.InfoRequested:
		add(6, func(ctx context.Context) error {
			_, err := l.command(ctx, referral.Answer, map[string]any{"offer_id": o.ID})
			return err
		})
	case referral.OutcomeReported:
		add(8, func(ctx context.Context) error { return l.confirm(ctx, o) })
		add(2, l.close)
		add(2, func(ctx context.Context) error {
			_, err := l.command(ctx, referral.Dispute, map[string]any{"offer_id": o.ID})
			return err
		})
	case referral.Declined, referral.Lapsed, referral.Failed:
		// An agency that answers too late, or again.
		add(1, func(ctx context.Context) error { return l.byLink(ctx, v) })
	}
	if o.State.Taken() && o.State != referral.Waitlisted {
		add(1, func(ctx context.Context) error { return l.confirm(ctx, o) })
	}
}

// taskActs are what a person does about a task.
func (l *life) taskActs(t seenTask, add func(int, func(context.Context) error)) {
	switch t.Kind {
	case referral.FindAlternative:
		add(6, l.addOffer)
		add(2, l.close)
	case referral.CallAgency, referral.ReachClient, referral.CheckOnClient:
		add(2, func(ctx context.Context) error {
			_, err := l.command(ctx, referral.FinishTask, map[string]any{"task_id": t.ID})
			return err
		})
	}
}

// byPhone records on an agency's word one of the things that it may say now.
func (l *life) byPhone(ctx context.Context, o seenOffer) error {
	do := l.agencyWord(referral.OfferCommands(o.State, referral.Agency))
	if do == "" {
		return nil
	}
	in := map[string]any{"offer_id": o.ID, "told_by": "Sam"}
	for name, value := range l.fields(do) {
		in[name] = value
	}
	_, err := l.command(ctx, do, in)
	return err
}

// likely is how often an agency says what, when it may.
var likely = map[referral.Name]int{referral.Accept: 7, referral.Decline: 3, referral.Ask: 2, referral.Waitlist: 1, referral.Contact: 3,
	referral.Schedule: 3, referral.StartService: 3, referral.Continue: 1, referral.ReportOutcome: 4, referral.Fail: 1}

// agencyWord picks one of the commands; "" when there is none.
func (l *life) agencyWord(may []referral.Name) referral.Name {
	all := 0
	for _, do := range may {
		all += likely[do]
	}
	if all == 0 {
		return ""
	}
	at := l.dice.IntN(all)
	for _, do := range may {
		if at -= likely[do]; at < 0 {
			return do
		}
	}
	return ""
}

// fields are what a command of an agency needs besides.
func (l *life) fields(do referral.Name) map[string]any {
	switch do {
	case referral.Decline:
		return map[string]any{"reason": code(l.dice, referral.DeclineReasons)}
	case referral.Fail:
		return map[string]any{"reason": code(l.dice, referral.AgencyFailReasons)}
	case referral.Schedule:
		return map[string]any{"at": pick(l.dice, l.soon())}
	case referral.ReportOutcome:
		return l.outcome()
	}
	return nil
}

func (l *life) outcome() map[string]any {
	outcome := code(l.dice, referral.Outcomes)
	if outcome == referral.Unmet {
		return map[string]any{"outcome": outcome, "unmet_reason": code(l.dice, referral.UnmetReasons)}
	}
	return map[string]any{"outcome": outcome}
}

// confirm is the client's word: mostly what the agency reported.
func (l *life) confirm(ctx context.Context, o seenOffer) error {
	in := l.outcome()
	if o.Outcome != "" && o.Outcome != referral.Unmet && l.dice.IntN(4) > 0 {
		in = map[string]any{"outcome": o.Outcome}
	}
	in["offer_id"] = o.ID
	_, err := l.command(ctx, referral.Confirm, in)
	return err
}

func (l *life) withdraw(ctx context.Context, o seenOffer) error {
	_, err := l.command(ctx, referral.Withdraw, map[string]any{"offer_id": o.ID, "reason": code(l.dice, referral.WithdrawReasons)})
	return err
}

func (l *life) withdrawAll(ctx context.Context) error {
	_, err := l.command(ctx, referral.Withdraw, map[string]any{"reason": code(l.dice, referral.WithdrawReasons), "for": "client"})
	return err
}

func (l *life) markInError(ctx context.Context, o seenOffer) error {
	_, err := l.command(ctx, referral.MarkInError, map[string]any{"offer_id": o.ID, "again": l.dice.IntN(2) == 0})
	return err
}

func (l *life) reassign(ctx context.Context) error {
	_, err := l.command(ctx, referral.Reassign, map[string]any{"person_id": l.staff[pick(l.dice, referral.StaffRoles)].ID})
	return err
}

func (l *life) close(ctx context.Context) error {
	_, err := l.command(ctx, referral.Close, l.outcome())
	return err
}

// addOffer asks another agency, after the client has agreed to it.
func (l *life) addOffer(ctx context.Context) error {
	_, err := l.command(ctx, referral.AddOffer, map[string]any{"service_ids": []uuid.UUID{pick(l.dice, l.mailable)},
		"consent": map[string]any{"given": true, "how": "verbal"}})
	return err
}

// knock tries to go on with a referral that may be closed.
func (l *life) knock(ctx context.Context) error {
	v, err := l.look(ctx)
	if err != nil {
		return err
	}
	o := pick(l.dice, v.Offers)
	switch l.dice.IntN(4) {
	case 0:
		return l.confirm(ctx, o)
	case 1:
		_, err := l.command(ctx, referral.Dispute, map[string]any{"offer_id": o.ID})
		return err
	case 2:
		return l.addOffer(ctx)
	}
	_, err = l.command(ctx, referral.Accept, map[string]any{"offer_id": o.ID, "told_by": "Sam"})
	return err
}
