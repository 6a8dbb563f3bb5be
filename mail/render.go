package mail

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"throughline/locale"
)

// Kind names one of the messages that an agency may receive.
type Kind string

// The messages, each written in the file of its name.
const (
	KindOffer     Kind = "offer"
	KindReminder  Kind = "reminder"
	KindAsk       Kind = "ask"
	KindAnswered  Kind = "answered"
	KindReceipt   Kind = "receipt"
	KindWithdrawn Kind = "withdrawn"
	KindNarrowed  Kind = "narrowed"
	KindLink      Kind = "link"
)

// Kinds lists them all.
var Kinds = []Kind{KindOffer, KindReminder, KindAsk, KindAnswered, KindReceipt, KindWithdrawn, KindNarrowed, KindLink}

var writers = map[Kind]func(*locale.Localizer, OfferMail) letter{
	KindOffer: offer, KindReminder: reminder, KindAsk: ask, KindAnswered: answered,
	KindReceipt: receipt, KindWithdrawn: withdrawn, KindNarrowed: narrowed, KindLink: link,
}

// OfferMail is all that a message can say: which service is asked, what kind of help, how urgent, by when, one link.
// There is no field for anything about the client, and none may be added.
type OfferMail struct {
	Service, Agency string
	Need            string // locale key of the kind of help; "" leaves the line out
	Urgent          bool
	ReplyBy         time.Time      // zero leaves the line out
	Zone            *time.Location // the agency's; nil for the zone ReplyBy is in
	Link            string         // the agency's link, http or https; not used by KindWithdrawn
	Reference       string         // opaque short code of the referral; may be ""
	Question        Question       // KindAsk only
	Answer          string         // KindReceipt only: the state of the offer that the answer led to, one of Answers
	HelplineName    string
	HelplinePhone   string // may be ""
}

// Rendered is a message in words: Subject is one line, Text and HTML say the same.
type Rendered struct{ Subject, Text, HTML string }

// Render writes a message of kind in lang ("en" or "fr"). An error means that the caller gave data no message can be
// made of: unknown kind, language, need, question or answer; no service, helpline or usable link.
func Render(kind Kind, lang string, d OfferMail) (Rendered, error) {
	write, ok := writers[kind]
	if !ok {
		return Rendered{}, fmt.Errorf("render mail: unknown kind %q", kind)
	}
	if !slices.Contains(locale.Languages, lang) {
		return Rendered{}, fmt.Errorf("render %s mail: unknown language %q", kind, lang)
	}
	l := locale.For(lang)
	d = d.tidied()
	if err := d.check(l, kind); err != nil {
		return Rendered{}, fmt.Errorf("render %s mail: %w", kind, err)
	}
	r, err := write(l, d).layOut(l, d)
	if err != nil {
		return Rendered{}, fmt.Errorf("render %s mail: %w", kind, err)
	}
	return r, nil
}

// tidied has names on one line each: directories hold names with line breaks and tabs, and a subject must not.
func (d OfferMail) tidied() OfferMail {
	for _, s := range []*string{&d.Service, &d.Agency, &d.Reference, &d.HelplineName, &d.HelplinePhone} {
		*s = oneLine(*s)
	}
	return d
}

func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r): // direction overrides and other invisible marks
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

func (d OfferMail) check(l *locale.Localizer, kind Kind) error {
	if d.Service == "" || d.HelplineName == "" {
		return fmt.Errorf("no service or no helpline name")
	}
	if d.Need != "" && !l.Has(d.Need) {
		return fmt.Errorf("unknown need %q", d.Need)
	}
	if kind == KindAsk && !slices.Contains(Questions, d.Question) {
		return fmt.Errorf("unknown question %q", d.Question)
	}
	if kind == KindReceipt && !slices.Contains(Answers, d.Answer) {
		return fmt.Errorf("unknown answer %q", d.Answer)
	}
	if kind == KindWithdrawn {
		return nil
	}
	// The link itself stays out of the error: it holds the token.
	u, err := url.Parse(d.Link)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || oneLine(d.Link) != d.Link {
		return fmt.Errorf("the link is not an http(s) address")
	}
	return nil
}
