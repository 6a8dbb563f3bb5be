package mail

import "throughline/locale"

// narrowed tells the agency that it may use less than it was shown. What that is stands on its page, not here.
func narrowed(l *locale.Localizer, d OfferMail) letter {
	return letter{
		Subject:       l.T("mail.narrowed.subject", d.names(l)),
		Heading:       l.T("mail.narrowed.heading"),
		Lead:          []string{l.T("mail.narrowed.lead", d.names(l)), l.T("mail.narrowed.stop")},
		Facts:         d.whichReferral(l),
		Button:        l.T("mail.narrowed.button"),
		Notes:         []string{l.T("mail.private"), d.questions(l)},
		OtherLanguage: l.Other().T("mail.page_in_this_language"),
	}
}
