package dispatcher

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"go.temporal.io/api/serviceerror"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/seeded"
	"throughline/mail"
	"throughline/referral"
)

// deliver hands one letter to the provider. The attempt is on record before the call; afterwards the record says
// accepted, rejected or ambiguous, or pending again when the letter surely did not go out.
func (d *Dispatcher) deliver(ctx context.Context, id uuid.UUID) (pause time.Duration, err error) {
	out, ok, err := d.Desk.TakeLetter(ctx, id, d.Sender.Name())
	if err != nil || !ok {
		return 0, err
	}
	message, err := d.write(out)
	if err != nil {
		d.Log.Error("a letter can't be written", "message", id, "letter", out.Letter)
		return 0, d.Desk.SettleLetter(ctx, id, casework.Settled{State: db.MessageRejected, Class: "unwritable"})
	}
	if seeded.Is(seeded.MarkedBeforeSent) {
		_ = d.Desk.SettleLetter(ctx, id, casework.Settled{State: db.MessageAccepted})
	}
	receipt, err := d.Sender.Send(ctx, message)
	settled, pause := settle(receipt, err)
	mark, cancel := context.WithTimeout(context.WithoutCancel(ctx), markLimit)
	defer cancel()
	if err := d.Desk.SettleLetter(mark, id, settled); err != nil {
		return 0, err
	}
	if settled.State == db.MessagePending {
		return pause, err
	}
	if settled.State != db.MessageAccepted {
		d.Log.Error("a letter did not go out, or may not have; someone is asked to call", "message", id, "state", settled.State,
			"class", settled.Class)
	}
	return 0, nil
}

// settle says what an answer of the provider means for the letter.
func settle(r mail.Receipt, err error) (s casework.Settled, pause time.Duration) {
	if err == nil {
		return casework.Settled{State: db.MessageAccepted, ProviderID: r.ProviderID}, 0
	}
	var e *mail.Error
	if !errors.As(err, &e) {
		return casework.Settled{State: db.MessageAmbiguous, Class: "unknown"}, 0
	}
	state := map[mail.Outcome]string{mail.Rejected: db.MessageRejected, mail.Ambiguous: db.MessageAmbiguous,
		mail.NotSent: db.MessagePending}[e.Outcome]
	if seeded.Is(seeded.AmbiguousSentAgain) && state == db.MessageAmbiguous {
		state = db.MessagePending
	}
	return casework.Settled{State: state, Class: e.Class}, e.RetryAfter
}

// write puts a letter into words. It says which service is asked, what kind of help, how urgent, by when; never who.
func (d *Dispatcher) write(out casework.Outgoing) (mail.Message, error) {
	service, agency := out.Service, out.Agency
	if out.Locale == "fr" {
		service, agency = or(out.ServiceFR, service), or(out.AgencyFR, agency)
	}
	words := mail.OfferMail{Service: or(service, agency), Agency: agency, Urgent: out.Told.Urgency == referral.Urgent, ReplyBy: out.ReplyBy, Zone: out.Zone, Reference: referral.ShortName(out.Referral),
		Question: questions[out.OfferState], Answer: string(out.OfferState), HelplineName: out.HelplineName, HelplinePhone: out.HelplineTel}
	if out.Told.Need != "" {
		words.Need = "need." + out.Told.Need
	}
	if out.Token != "" {
		words.Link = d.BaseURL + "/r/" + out.Token
	}
	text, err := mail.Render(mail.Kind(out.Letter), out.Locale, words)
	if err != nil {
		return mail.Message{}, err
	}
	return mail.Message{ID: out.ID, From: d.From, To: mail.Address{Name: oneLine(agency), Email: out.Recipient}, Locale: out.Locale,
		Subject: text.Subject, Text: text.Text, HTML: text.HTML}, nil
}

// questions are what an agency is asked, by where it stands.
var questions = map[referral.OfferState]mail.Question{referral.Accepted: mail.AskFirstContact,
	referral.Contacting: mail.AskFirstContact, referral.Scheduled: mail.AskAfterAppointment,
	referral.InService: mail.AskInService, referral.Waitlisted: mail.AskWaitlist}

// oneLine makes a name fit beside an address: directories hold names with line breaks and tabs.
func oneLine(name string) string {
	return strings.Join(strings.FieldsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// failure is classOf for a span; "" when nothing failed.
func failure(err error) string {
	if err == nil {
		return ""
	}
	return classOf(err)
}

// classOf names what went wrong without a word of its text, for logs and rows.
func classOf(err error) string {
	var m *mail.Error
	var e *referral.Error
	var u *serviceerror.Unavailable
	var n *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &m):
		return "mail_" + m.Class
	case errors.As(err, &e):
		return string(e.Code)
	case errors.As(err, &u):
		return "temporal_unavailable"
	case errors.As(err, &n):
		return "temporal_namespace" // it has none such as TEMPORAL_NAMESPACE says
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "failed"
}
