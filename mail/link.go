package mail

import "throughline/locale"

// link brings the new link that someone asked for on the page of an unknown or expired one.
func link(l *locale.Localizer, d OfferMail) letter {
	return letter{
		Subject:       l.T("mail.link.subject", d.names(l)),
		Heading:       l.T("mail.link.heading"),
		Lead:          []string{l.T("mail.link.lead", d.names(l)), l.T("mail.link.not_you")},
		Facts:         append(d.whichReferral(l), d.byWhen(l)...),
		Button:        l.T("mail.link.button"),
		Notes:         []string{l.T("mail.opening_decides_nothing"), l.T("mail.private"), d.questions(l)},
		OtherLanguage: l.Other().T("mail.page_in_this_language"),
	}
}
