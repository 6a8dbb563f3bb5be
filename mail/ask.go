package mail

import "throughline/locale"

// Question is what we ask an agency after it accepted.
type Question string

const (
	AskFirstContact     Question = "first_contact"     // has the person been reached?
	AskAfterAppointment Question = "after_appointment" // did the appointment take place?
	AskInService        Question = "in_service"        // is help still going on?
	AskWaitlist         Question = "waitlist"          // is there a place by now?
)

// Questions lists them all.
var Questions = []Question{AskFirstContact, AskAfterAppointment, AskInService, AskWaitlist}

// ask asks how it is going. The question stands in the heading and not in the subject, which others may see.
func ask(l *locale.Localizer, d OfferMail) letter {
	return letter{
		Subject:       l.T("mail.ask.subject", d.names(l)),
		Heading:       l.T("mail.ask.heading." + string(d.Question)),
		Lead:          []string{l.T("mail.ask.lead", d.names(l))},
		Facts:         append(d.whichReferral(l), d.byWhen(l)...),
		Button:        l.T("mail.ask.button"),
		Notes:         []string{l.T("mail.private"), d.questions(l)},
		OtherLanguage: l.Other().T("mail.page_in_this_language"),
	}
}
