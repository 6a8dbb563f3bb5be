package mail

import "throughline/locale"

// answered says that the navigator answered the agency's question. The answer itself is on the page: it may be about
// the client.
func answered(l *locale.Localizer, d OfferMail) letter {
	return letter{
		Subject:       l.T("mail.answered.subject", d.names(l)),
		Heading:       l.T("mail.answered.heading"),
		Lead:          []string{l.T("mail.answered.lead", d.names(l))},
		Facts:         d.whatIsAsked(l),
		Button:        l.T("mail.answered.button"),
		Notes:         []string{l.T("mail.private"), d.questions(l)},
		OtherLanguage: l.Other().T("mail.page_in_this_language"),
	}
}
