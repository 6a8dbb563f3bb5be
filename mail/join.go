package mail

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"throughline/locale"
)

// The messages to the helpline's own people.
const (
	KindInvitation    Kind = "invitation"
	KindPasswordReset Kind = "password_reset"
)

// JoinMail is all that a message to one of the helpline's own people can say: whose it is, one link, and until when it
// holds. There is no field for the person's name, and none may be added: a letter can go astray.
type JoinMail struct {
	HelplineName  string
	HelplinePhone string // may be ""
	Link          string // http or https
	Until         time.Time
	Zone          *time.Location // the helpline's; nil for the zone Until is in
}

// RenderJoin writes a message of kind in lang ("en" or "fr"), as Render does.
func RenderJoin(kind Kind, lang string, d JoinMail) (Rendered, error) {
	if (kind != KindInvitation && kind != KindPasswordReset) || !slices.Contains(locale.Languages, lang) {
		return Rendered{}, fmt.Errorf("render %s mail: unknown kind or language", kind)
	}
	l, words := locale.For(lang), OfferMail{HelplineName: oneLine(d.HelplineName), HelplinePhone: oneLine(d.HelplinePhone), Link: d.Link}
	u, err := url.Parse(d.Link)
	if words.HelplineName == "" || err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || oneLine(d.Link) != d.Link {
		return Rendered{}, fmt.Errorf("render %s mail: no helpline, or the link is not an http(s) address", kind)
	}
	until := d.Until
	if d.Zone != nil {
		until = until.In(d.Zone)
	}
	key := "mail." + string(kind)
	return letter{
		Subject:       l.T(key+".subject", words.names(l)),
		Heading:       l.T(key + ".heading"),
		Lead:          []string{l.T(key+".lead", words.names(l)), l.T(key + ".not_you")},
		Facts:         []fact{{l.T("mail.fact.until"), l.When(until)}},
		Button:        l.T(key + ".button"),
		Notes:         []string{l.T("mail.join.once"), words.questions(l)},
		OtherLanguage: l.Other().T("mail.page_in_this_language"),
	}.layOut(l, words)
}
