package mail

import "throughline/locale"

// withdrawn tells the agency to stop. It has no link: consent may be withdrawn, and then the link is dead.
func withdrawn(l *locale.Localizer, d OfferMail) letter {
	return letter{
		Subject:       l.T("mail.withdrawn.subject", d.names(l)),
		Heading:       l.T("mail.withdrawn.heading"),
		Lead:          []string{l.T("mail.withdrawn.lead", d.names(l)), l.T("mail.withdrawn.destroy"), l.T("mail.withdrawn.link_is_closed")},
		Facts:         d.whichReferral(l),
		Notes:         []string{d.questions(l)},
		OtherLanguage: l.Other().T("mail.withdrawn.in_short"),
	}
}
