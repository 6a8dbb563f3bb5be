package mail

import "throughline/locale"

// offer asks an agency whether one of its services can take a new referral.
func offer(l *locale.Localizer, d OfferMail) letter {
	subject := "mail.offer.subject"
	if d.Urgent {
		subject = "mail.offer.subject_urgent"
	}
	return letter{
		Subject:       l.T(subject, d.names(l)),
		Heading:       l.T("mail.offer.heading"),
		Lead:          []string{l.T("mail.offer.lead", d.names(l)), l.T("mail.offer.cannot_help")},
		Facts:         d.whatIsAsked(l),
		Button:        l.T("mail.offer.button"),
		Notes:         []string{l.T("mail.opening_decides_nothing"), l.T("mail.private"), d.questions(l)},
		OtherLanguage: l.Other().T("mail.page_in_this_language"),
	}
}
