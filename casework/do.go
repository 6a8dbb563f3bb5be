package casework

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// agencyWords are the commands that staff record on the word of an agency, which answers by phone.
var agencyWords = map[referral.Name]bool{referral.Accept: true, referral.Decline: true, referral.Ask: true,
	referral.Waitlist: true, referral.Contact: true, referral.Schedule: true, referral.StartService: true,
	referral.Continue: true, referral.ReportOutcome: true, referral.Fail: true}

// clientWords are the commands that are the client's word always.
var clientWords = map[referral.Name]bool{referral.Confirm: true, referral.Dispute: true}

// Do carries out a command of staff on a referral and gives the referral as it then is. Errors: invalid with the field,
// consent_required, conflict with the outcome that was first, stale, forbidden, not_found.
func (d *Desk) Do(ctx context.Context, who Actor, id uuid.UUID, in CommandInput, key *Key) (Referral, error) {
	var out Referral
	if err := who.may(CarryReferrals); err != nil {
		return out, err
	}
	if in.Do.ByClock() {
		return out, referral.Invalid("command", "is the clock's")
	}
	if err := in.speak(&who); err != nil {
		return out, err
	}
	err := d.change(ctx, who, func(ctx context.Context, tx *sqlx.Tx) error {
		return once(ctx, d, tx, who, key, d.Clock.Now(), &out, func() error {
			if err := lockBefore(ctx, tx, who, id, in); err != nil {
				return err
			}
			w, err := d.lock(ctx, tx, who, id, d.Clock.Now())
			if err != nil {
				return err
			}
			if refused, err := w.consent(ctx, in); err != nil || refused {
				return err
			}
			if err := w.command(ctx, in); err != nil {
				return err
			}
			out, err = d.readReferral(ctx, tx, who, id)
			return err
		})
	})
	if err != nil {
		return Referral{}, err
	}
	if out.ID == uuid.Nil {
		return out, errConsent
	}
	return out, nil
}

// speak settles on whose word the command is: what an agency decides needs the name of who said so.
func (in *CommandInput) speak(who *Actor) error {
	in.ToldBy, in.Note = oneLine(in.ToldBy), typed(in.Note)
	var f faults
	switch {
	case agencyWords[in.Do]:
		who.For = referral.Agency
		if in.ToldBy == "" {
			f.add(referral.Invalid("told_by", "name who at the agency said so"))
		}
	case clientWords[in.Do]:
		who.For = referral.Client
	case in.For == referral.Client:
		who.For = referral.Client
	case in.For != "":
		f.add(referral.Invalid("for", "must be client, or be left out"))
	}
	if in.Do == referral.Ask && in.Note == "" {
		f.add(referral.Invalid("note", "write what the agency asks"))
	}
	if in.Do == referral.Answer && in.Note == "" {
		f.add(referral.Invalid("note", "write the answer"))
	}
	f.add(limits(map[string]string{"told_by": in.ToldBy}, 200))
	f.add(limits(map[string]string{"note": in.Note}, maxText))
	return f.err()
}

// command turns what came in into a command of the rules, and carries it out.
func (w *work) command(ctx context.Context, in CommandInput) error {
	if in.IfVersion != 0 && in.IfVersion != w.rec.Facts.Version {
		return &referral.Error{Code: referral.CodeStale, Message: "the referral has changed since that version"}
	}
	c := referral.Command{Do: in.Do, Offer: in.OfferID, Task: in.TaskID, Reason: in.Reason, Outcome: in.Outcome,
		Unmet: in.Unmet, At: instant(in.At), Person: in.PersonID, Consent: w.said, Groups: in.Groups}
	if c.Offer == uuid.Nil && in.Do != referral.Withdraw && ofOneOffer(in.Do) {
		only, err := w.onlyOffer(in.Do)
		if err != nil {
			return err
		}
		c.Offer = only
	}
	if err := w.prepare(ctx, in, &c); err != nil {
		return err
	}
	w.note, w.toldBy = in.Note, in.ToldBy
	w.say(in, c.Offer)
	change, err := w.decide(ctx, c)
	if err != nil || !change.Repeated() {
		return err
	}
	return db.InsertAudit(ctx, w.tx, w.who.line(), w.now, "view", "referral", w.rec.Facts.ID)
}

// prepare looks up the services of new offers, and of all where agencies are told whose turn is over, and whether a case is
// within reach of who is to carry its referral on.
func (w *work) prepare(ctx context.Context, in CommandInput, c *referral.Command) error {
	switch {
	case in.Do == referral.WithdrawConsent:
		return w.reachAll(ctx)
	case in.Do == referral.Reassign:
		return w.mayTake(ctx, in.PersonID)
	case in.Do == referral.AddOffer:
		offers, err := w.newOffers(ctx, in.ServiceIDs)
		c.Offers = offers
		return err
	case in.Do == referral.MarkInError && in.Again:
		if o := find(w.rec.Facts.Offers, c.Offer); o != nil {
			offers, err := w.newOffers(ctx, []uuid.UUID{o.Service})
			c.Offers = offers
			return err
		}
	}
	return nil
}

// lockBefore locks, before the referral, what a command leans on besides it: the policy that a draft is opened under, the
// colleague who is to take over, the letters that it speaks of.
func lockBefore(ctx context.Context, tx *sqlx.Tx, who Actor, id uuid.UUID, in CommandInput) error {
	switch {
	case in.Do == referral.OpenDraft:
		return db.HoldPolicy(ctx, tx, who.Organisation)
	case in.Do == referral.Reassign:
		return colleague(ctx, tx, who, in)
	case ofLetter(in.Do):
		return db.LockLetters(ctx, tx, id)
	}
	return nil
}

// colleague checks that whoever is to take over is there, and keeps them there.
func colleague(ctx context.Context, tx *sqlx.Tx, who Actor, in CommandInput) error {
	a, err := db.StayAtWork(ctx, tx, in.PersonID)
	if err != nil && referral.CodeOf(err) != referral.CodeNotFound {
		return err
	}
	if a.OrganisationID != who.Organisation || !a.Active || !a.Role.Staff() {
		return referral.Invalid("person_id", "is not a colleague")
	}
	return nil
}

// mayTake refuses someone who could not see what they are to carry on: they must be named first, or be of that region.
func (w *work) mayTake(ctx context.Context, person uuid.UUID) error {
	a, err := db.FindAccount(ctx, w.tx, person)
	if err != nil {
		return err
	}
	if err := w.desk.goesOnSeeing(ctx, w.tx, accountOf(a).Actor(w.who.Via), w.rec.Case); err != nil {
		return referral.Invalid("person_id", "may not see this case")
	}
	return nil
}

func ofOneOffer(do referral.Name) bool {
	return ofLetter(do) || slices.ContainsFunc(referral.Transitions, func(t referral.Transition) bool { return t.Do == do })
}

// ofLetter reports a command about the letter of an offer, which moves the offer nowhere.
func ofLetter(do referral.Name) bool { return do == referral.Arrived || do == referral.Resend }

// couldMean reports an offer that a command may be about: one that the graph lets it move, or whose letter it settles.
func couldMean(do referral.Name, at referral.OfferState) bool {
	if ofLetter(do) {
		return at.Awaiting() || at.Taken()
	}
	return slices.ContainsFunc(referral.Transitions, func(t referral.Transition) bool {
		return t.Do == do && (at == t.To || slices.Contains(t.From, at))
	})
}

// onlyOffer finds the offer that a command must mean when none is named: the only one it could be about.
func (w *work) onlyOffer(do referral.Name) (uuid.UUID, error) {
	var candidates []referral.Offer
	for _, o := range w.rec.Facts.Offers {
		if couldMean(do, o.State) {
			candidates = append(candidates, o)
		}
	}
	switch len(candidates) {
	case 1:
		return candidates[0].ID, nil
	case 0:
		outcome := string(w.rec.Facts.State)
		if turn := w.rec.Facts.Turn(); turn != nil && w.rec.Facts.State != referral.Closed {
			outcome = string(turn.State)
		}
		return uuid.Nil, &referral.Error{Code: referral.CodeConflict, Outcome: outcome, Message: "no agency's turn is in a state for this"}
	}
	return uuid.Nil, referral.Invalid("offer_id", "name the offer: more than one could be meant")
}

// say keeps the words that came with a command on its offer.
func (w *work) say(in CommandInput, offer uuid.UUID) {
	var words db.OfferWords
	switch in.Do {
	case referral.Ask:
		words.Question = &in.Note
	case referral.Answer:
		words.Answer = &in.Note
	case referral.Decline, referral.Fail:
		words.ReasonNote = &in.Note
	}
	if in.ToldBy != "" {
		words.AnsweredBy = &in.ToldBy
	}
	if offer != uuid.Nil && words != (db.OfferWords{}) {
		w.words[offer] = words
	}
}

// instant keeps a moment as the record does: in UTC, whatever offset it was written with, to the microsecond.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
