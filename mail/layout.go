package mail

import (
	"bytes"
	"embed"
	htmltemplate "html/template"
	texttemplate "text/template"
	"unicode/utf8"

	"throughline/locale"
)

//go:embed templates/message.html templates/message.txt
var templates embed.FS

var (
	htmlLayout = htmltemplate.Must(htmltemplate.ParseFS(templates, "templates/message.html"))
	textLayout = texttemplate.Must(texttemplate.ParseFS(templates, "templates/message.txt"))
)

// maxSubject keeps a long service name from filling the agency's inbox line. Runes.
const maxSubject = 150

// letter is what one message says, before layout.
type letter struct {
	Subject, Heading string
	Lead             []string // paragraphs before the facts
	Facts            []fact
	Button           string   // the words on the link; "" for a message without a link
	Notes            []string // paragraphs after the link
	OtherLanguage    string   // one line in the other official language
}

type fact struct{ Label, Value string }

// layOut sets the letter as text and as HTML. The agency's link stands once in each as something to click.
func (m letter) layOut(l *locale.Localizer, d OfferMail) (Rendered, error) {
	if utf8.RuneCountInString(m.Subject) > maxSubject {
		m.Subject = string([]rune(m.Subject)[:maxSubject-1]) + "…"
	}
	if d.Reference != "" {
		m.Subject += " [" + d.Reference + "]"
	}
	page := struct {
		letter
		Lang, OtherLang, Link, CopyLink string
		FactLines                       []string
	}{letter: m, Lang: l.Lang, OtherLang: l.Other().Lang, Link: d.Link, CopyLink: l.T("mail.copy_link")}
	for _, f := range m.Facts {
		page.FactLines = append(page.FactLines, l.T("mail.fact_line", map[string]any{"Label": f.Label, "Value": f.Value}))
	}
	var text, html bytes.Buffer
	if err := textLayout.Execute(&text, page); err != nil {
		return Rendered{}, err
	}
	if err := htmlLayout.Execute(&html, page); err != nil {
		return Rendered{}, err
	}
	return Rendered{Subject: m.Subject, Text: text.String(), HTML: html.String()}, nil
}

// names fills the placeholders that any text may use.
func (d OfferMail) names(l *locale.Localizer) map[string]any {
	return map[string]any{
		"Service": d.Service, "Helpline": d.HelplineName, "Phone": l.Phone(d.HelplinePhone),
	}
}

// whichReferral are the facts that let the agency tell one referral from another.
func (d OfferMail) whichReferral(l *locale.Localizer) []fact {
	facts := []fact{{l.T("mail.fact.service"), d.Service}}
	if d.Agency != "" {
		facts = append(facts, fact{l.T("mail.fact.agency"), d.Agency})
	}
	if d.Reference != "" {
		facts = append(facts, fact{l.T("mail.fact.reference"), d.Reference})
	}
	return facts
}

// whatIsAsked are the facts a decision needs: what kind of help, how urgent, by when.
func (d OfferMail) whatIsAsked(l *locale.Localizer) []fact {
	facts := d.whichReferral(l)
	if d.Need != "" {
		facts = append(facts, fact{l.T("mail.fact.need"), l.T(d.Need)})
	}
	urgency := "mail.urgency.routine"
	if d.Urgent {
		urgency = "mail.urgency.urgent"
	}
	facts = append(facts, fact{l.T("mail.fact.urgency"), l.T(urgency)})
	return append(facts, d.byWhen(l)...)
}

// byWhen is nothing when no time is set.
func (d OfferMail) byWhen(l *locale.Localizer) []fact {
	if d.ReplyBy.IsZero() {
		return nil
	}
	by := d.ReplyBy
	if d.Zone != nil {
		by = by.In(d.Zone)
	}
	return []fact{{l.T("mail.fact.reply_by"), l.When(by)}}
}

// phoned picks the text of key that gives the helpline's number, or the one that does without.
func (d OfferMail) phoned(l *locale.Localizer, key string) string {
	if d.HelplinePhone == "" {
		key += "_no_phone"
	}
	return l.T(key, d.names(l))
}

func (d OfferMail) questions(l *locale.Localizer) string { return d.phoned(l, "mail.questions") }
