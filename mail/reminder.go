package mail

import "throughline/locale"

// reminder asks again, and says what silence will lead to.
func reminder(l *locale.Localizer, d OfferMail) letter {
	subject := "mail.reminder.subject"
	if d.Urgent {
		subject = "mail.reminder.subject_urgent"
	}
	return letter{
		Subject:       l.T(subject, d.names(l)),
		Heading:       l.T("mail.reminder.heading"),
		Lead:          []string{l.T("mail.reminder.lead", d.names(l)), l.T("mail.reminder.silence")},
		Facts:         d.whatIsAsked(l),
		Button:        l.T("mail.offer.button"),
		Notes:         []string{l.T("mail.opening_decides_nothing"), l.T("mail.private"), d.questions(l)},
		OtherLanguage: l.Other().T("mail.page_in_this_language"),
	}
}
