package mail

import "throughline/locale"

// Answers are the states of an offer that an agency's answer can lead to, and that a receipt can confirm.
var Answers = []string{
	"info_requested", "accepted", "contacting", "scheduled", "in_service", "waitlisted", "declined",
	"outcome_reported", "failed",
}

// receipt tells the agency's registered address what was answered in its name, so that a wrong hand is noticed. It
// does not say who answered.
func receipt(l *locale.Localizer, d OfferMail) letter {
	key, facts := "mail.receipt", d.whichReferral(l)
	if d.Answer == "info_requested" { // a question is no answer
		key = "mail.question"
	} else {
		facts = append(facts, fact{l.T("mail.fact.answer"), l.T("mail.answer." + d.Answer)})
	}
	return letter{
		Subject:       l.T(key+".subject", d.names(l)),
		Heading:       l.T(key + ".heading"),
		Lead:          []string{l.T(key+".lead", d.names(l)), d.phoned(l, "mail.receipt.not_you")},
		Facts:         facts,
		Button:        l.T("mail.receipt.button"),
		Notes:         []string{l.T("mail.private")},
		OtherLanguage: l.Other().T("mail.page_in_this_language"),
	}
}
