package casework

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/token"
	"throughline/referral"
)

// errLink is the one answer for a link that is unknown, expired or revoked, so that nobody learns which.
var errLink = referral.NotFound("link")

// ErrNewerLink is the answer for a link whose agency has been sent a newer one. Whoever has it held a good link, so it gives
// nothing away, and an agency that opens an older letter must be told where to go on.
var ErrNewerLink = &referral.Error{Code: referral.CodeNotFound, Field: "link", Outcome: "newer", Message: "a newer link was sent"}

// newLinkPause is how long after one new link the next is mailed, so that a page left open can't flood an inbox.
const newLinkPause = 10 * time.Minute

// OpenLink gives what an agency's link shows and changes nothing but the audit, which keeps by which offer's link whose
// data was seen. not_found alike for a link that is unknown, expired or revoked; ErrNewerLink when another took its place, and
// that it was tried is kept.
func (d *Desk) OpenLink(ctx context.Context, raw string) (LinkPage, error) {
	var page LinkPage
	var replaced error
	err := d.read(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		link, err := d.goodLink(ctx, tx, raw)
		if replaced = newerOnly(err); replaced != nil {
			return db.Audit(ctx, tx, agencyOf(link.Organisation, link.Offer, "").line(), d.Clock.Now(),
				db.Look{Kind: db.AuditRefused, Action: "old_link", Subject: "offer", ID: link.Offer})
		}
		if err != nil {
			return err
		}
		rec, err := db.ReadRecord(ctx, tx, link.Referral)
		if err != nil {
			return err
		}
		if _, err := d.terms(ctx, tx, &rec); err != nil {
			return err
		}
		page, err = d.linkPage(ctx, tx, link, rec)
		return err
	})
	if err == nil {
		err = replaced
	}
	return page, err
}

// newerOnly is the error when it is ErrNewerLink; else nil.
func newerOnly(err error) error {
	if errors.Is(err, ErrNewerLink) {
		return err
	}
	return nil
}

// LinkLocale is the language that the agency of a link gets its mail in; not_found as for OpenLink.
func (d *Desk) LinkLocale(ctx context.Context, raw string) (string, error) {
	ctx = db.AsSystem(ctx)
	link, err := d.goodLink(ctx, d.DB, raw)
	if err != nil && newerOnly(err) == nil {
		return "", err
	}
	return db.MailLocale(ctx, d.DB, link.Offer)
}

func (d *Desk) goodLink(ctx context.Context, q sqlx.QueryerContext, raw string) (db.Link, error) {
	link, err := db.FindLink(ctx, q, token.Hash(raw))
	if referral.CodeOf(err) == referral.CodeNotFound {
		return link, errLink
	}
	now := d.Clock.Now()
	if err == nil && (link.RevokedAt != nil || !now.Before(link.ExpiresAt)) {
		return link, errLink
	}
	if err != nil || link.EndsAt == nil || now.Before(*link.EndsAt) {
		return link, err
	}
	rec, err := db.ReadRecord(ctx, q, link.Referral)
	if err != nil {
		return link, err
	}
	if o := find(rec.Facts.Offers, link.Offer); dead(*o, rec.Facts, now) {
		return link, errLink
	}
	return link, ErrNewerLink
}

// ReplyInput is what an agency posts on its page. Name is typed by a person: scanners that post forms have none.
type ReplyInput struct {
	Do                    referral.Name
	Name                  string
	Reason, Outcome, Note string
	Unmet                 string
	At                    time.Time
	// Version is the referral's when the page was made. A count that was posted twice from one page counts once.
	Version int
}

// Reply carries out what an agency posted on its page. The same decision again is answered like the first time.
// Errors: not_found for a dead link, invalid with the field, conflict with the outcome that was first.
func (d *Desk) Reply(ctx context.Context, raw string, in ReplyInput) error {
	in.Name, in.Note = oneLine(in.Name), typed(in.Note)
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		link, err := d.goodLink(ctx, tx, raw)
		if err != nil {
			return err
		}
		if err := in.validate(); err != nil {
			return err
		}
		who := agencyOf(link.Organisation, link.Offer, in.Name)
		w, err := d.lock(ctx, tx, who, link.Referral, d.Clock.Now())
		if err != nil {
			return err
		}
		// Asked again: while this waited, someone may have said that the letter went astray.
		if _, err := d.goodLink(ctx, tx, raw); err != nil {
			return err
		}
		if o := find(w.rec.Facts.Offers, link.Offer); dead(*o, w.rec.Facts, w.now) {
			return errLink
		}
		twice, err := in.postedTwice(ctx, w, link.Offer)
		if err != nil || twice {
			return err
		}
		w.note = in.Note
		w.say(CommandInput{Do: in.Do, Note: in.Note, ToldBy: in.Name}, link.Offer)
		_, err = w.decide(ctx, referral.Command{Do: in.Do, Offer: link.Offer, Reason: in.Reason, Outcome: in.Outcome,
			Unmet: in.Unmet, At: instant(in.At)})
		return err
	})
}

func (in ReplyInput) validate() error {
	if !agencyWords[in.Do] {
		return referral.Invalid("command", "is not known")
	}
	var f faults
	if in.Name == "" {
		f.add(referral.Invalid("name", "type your name"))
	}
	if in.Do == referral.Ask && in.Note == "" {
		f.add(referral.Invalid("note", "write your question"))
	}
	f.add(limits(map[string]string{"name": in.Name}, maxLine))
	f.add(limits(map[string]string{"note": in.Note}, maxText))
	return f.err()
}

// postedTwice reports a command that may be given again and again, when it has been given since the page was made: then
// it is the same form once more. What others did meanwhile, the clock's reminder say, does not make it a repeat.
func (in ReplyInput) postedTwice(ctx context.Context, w *work, offer uuid.UUID) (bool, error) {
	again := []referral.Name{referral.Contact, referral.Continue, referral.Waitlist, referral.Ask}
	if in.Version == 0 || !slices.Contains(again, in.Do) {
		return false, nil
	}
	before, err := db.PostedByLink(ctx, w.tx, offer, in.Version, in.Do)
	if err != nil || in.Do != referral.Ask {
		return len(before) > 0, err
	}
	for _, l := range before {
		w.vault.openLine(w.rec.Facts.ID, &l)
		if l.Note == in.Note {
			return true, w.vault.err
		}
	}
	return false, w.vault.err
}

// dead reports an offer whose link opens nothing: it was taken back, or should never have been, or the client does not
// agree, or no longer, that its agency knows anything.
func dead(o referral.Offer, f referral.Facts, now time.Time) bool {
	return !f.Agreed(o.Service).Stands(now) || o.State == referral.Withdrawn || o.State == referral.InError || o.State == referral.Queued
}

// linkPage reads what the agency may see now.
func (d *Desk) linkPage(ctx context.Context, tx *sqlx.Tx, link db.Link, rec db.Record) (LinkPage, error) {
	o := find(rec.Facts.Offers, link.Offer)
	now := d.Clock.Now()
	if dead(*o, rec.Facts, now) || destroyed(rec.Key) {
		return LinkPage{}, errLink
	}
	v, err := db.FindLinkView(ctx, tx, link.Offer)
	if err != nil {
		return LinkPage{}, err
	}
	if err := d.openLinkView(&v, o.ID); err != nil {
		return LinkPage{}, err
	}
	page := LinkPage{ReferralID: rec.Facts.ID, OfferID: o.ID, State: o.State, Referral: rec.Facts.State, Version: rec.Facts.Version,
		Service: v.Service, ServiceFR: v.ServiceFR, Agency: v.Agency, AgencyFR: v.AgencyFR, MailLocale: v.MailLocale,
		SentAt:  o.Sent,
		ReplyBy: referral.ReplyBy(*o, rec.Facts.Urgency, rec.Policy), Zone: o.Calendar.Zone, Helpline: v.Helpline,
		Phone: v.HelplinePhone, Reason: o.Reason, Outcome: o.Outcome, Question: v.Question,
		AnsweredBy: v.AnsweredBy, Attempts: o.Attempts,
		Disclosed: Disclosure(v.CaseRow, Asked{Need: rec.Need, Urgency: rec.Facts.Urgency, Details: v.Details, Answer: v.Answer},
			rec.Facts.Agreed(o.Service), rec.Facts.State, o.State, now)}
	if page.Zone == nil {
		page.Zone = referral.Toronto
	}
	if !o.Visit.IsZero() {
		page.VisitAt = &o.Visit
	}
	if rec.Facts.State == referral.Open {
		page.Can = referral.OfferCommands(o.State, referral.Agency)
	}
	// Even what is shown before the agency says yes is about someone: where they live, and what they need.
	return page, db.Audit(ctx, tx, agencyOf(link.Organisation, link.Offer, "").line(), now,
		db.Look{Kind: db.AuditLink, Action: "view", Subject: "offer", ID: link.Offer, Whose: []uuid.UUID{rec.Case}})
}

func (d *Desk) openLinkView(v *db.LinkView, offer uuid.UUID) error {
	in := d.vault(v.ID, v.CaseKey)
	in.open("cases", v.ID.String(), ofCase(&v.CaseRow))
	in.open("referrals", v.ReferralID.String(), map[string]*string{"details": &v.Details})
	in.open("offers", offer.String(), map[string]*string{"question": &v.Question, "answer": &v.Answer, "answered_by": &v.AnsweredBy})
	return in.err
}

// AskNewLink mails a new link to the address on file when the token was once good and its offer still waits for the
// agency. It answers nil for any token, so that nobody learns which it was; an error means the database is away.
func (d *Desk) AskNewLink(ctx context.Context, raw string) error {
	return d.change(ctx, machine, func(ctx context.Context, tx *sqlx.Tx) error {
		link, err := db.FindLink(ctx, tx, token.Hash(raw))
		if referral.CodeOf(err) == referral.CodeNotFound {
			return nil
		}
		if err != nil || link.RevokedAt != nil {
			return err
		}
		who := agencyOf(link.Organisation, link.Offer, "")
		w, err := d.lock(ctx, tx, who, link.Referral, d.Clock.Now())
		if err != nil {
			return err
		}
		now := w.now
		o := find(w.rec.Facts.Offers, link.Offer)
		alive := w.rec.Facts.State == referral.Open && (o.State.Awaiting() || o.State.Taken()) && !dead(*o, w.rec.Facts, now)
		if !alive || w.email(o) == "" {
			return nil
		}
		recent, err := db.PostedSince(ctx, tx, o.ID, referral.NewLinkLetter, now.Add(-newLinkPause))
		if err != nil || recent {
			return err
		}
		s := w.services[o.Service]
		m := db.NewMessage{ID: uuid.New(), Offer: o.ID, Letter: referral.NewLinkLetter, Recipient: s.Email,
			Locale: s.MailLocale, OfferState: o.State, State: db.MessagePending, Generation: 1}
		key := "asked " + now.Format(time.RFC3339Nano)
		entry := db.Entry{What: referral.NewLink, Offer: &o.ID}
		if err := w.write(ctx,
			db.InsertMessages(link.Organisation, link.Referral, w.rec.Facts.Version, key, now, []db.NewMessage{m}),
			w.lines(w.rec.Facts.Version, []db.Entry{entry}, db.OutboxChanged)); err != nil {
			return err
		}
		// The clock watches over this letter too: until it is out, a call about it may come next.
		o.Mail = referral.Mail{Letter: m.Letter, State: referral.MailPending, Since: now}
		_, err = w.refresh(ctx)
		return err
	})
}

// CanDo reports that the agency may give a command now.
func (p LinkPage) CanDo(do referral.Name) bool { return slices.Contains(p.Can, do) }
