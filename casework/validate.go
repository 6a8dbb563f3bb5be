package casework

import (
	"errors"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"

	"throughline/referral"
)

const (
	maxLine = 200   // characters of a one-line field
	maxText = 10000 // characters of notes
)

var canadianPostalCode = regexp.MustCompile(`^[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][0-9][ABCEGHJ-NPRSTV-Z][0-9]$`)

// poste is how an extension is written in French: 514 555-0142, poste 12.
var poste = regexp.MustCompile(`(?i)[\s,]*\b(poste|p\.)\s*([0-9]{1,7})\s*$`)

// faults gathers what is wrong with the fields of a form, so that all is told at once; of each field the first thing.
type faults []error

func (f *faults) add(err error) {
	for _, e := range referral.All(err) {
		if !f.has(e.Field) {
			*f = append(*f, e)
		}
	}
}

func (f faults) has(field string) bool {
	return slices.ContainsFunc(referral.All(errors.Join(f...)), func(e *referral.Error) bool { return e.Field == field })
}

func (f faults) err() error {
	if len(f) == 1 {
		return f[0]
	}
	return errors.Join(f...)
}

// limits refuses texts that are too long or that Postgres can't hold.
func limits(fields map[string]string, longest int) error {
	var f faults
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text := fields[name]
		switch {
		case strings.ContainsRune(text, 0):
			f.add(referral.Invalid(name, "holds a NUL character"))
		case !utf8.ValidString(text):
			f.add(referral.Invalid(name, "is not valid UTF-8"))
		case utf8.RuneCountInString(text) > longest:
			f.add(referral.Invalid(name, "is longer than %d characters", longest))
		}
	}
	return f.err()
}

// Check names the fields of a caller's details that can't be right, all of them, and keeps nothing.
func (c CaseInput) Check(now time.Time) error { return c.tidy(now) }

// tidy brings a caller's details into one form, or names the fields that can't be right. Names are kept as they are
// spelled, in any script.
func (c *CaseInput) tidy(now time.Time) error {
	for _, field := range []*string{&c.Name, &c.Phone, &c.Email, &c.ContactTimes, &c.Municipality, &c.PostalCode, &c.Language} {
		*field = oneLine(*field)
	}
	c.Notes = typed(c.Notes)
	var f faults
	f.add(limits(map[string]string{"name": c.Name, "phone": c.Phone, "email": c.Email, "contact_times": c.ContactTimes,
		"municipality": c.Municipality, "postal_code": c.PostalCode, "language": c.Language}, maxLine))
	f.add(limits(map[string]string{"notes": c.Notes}, maxText))
	if c.Anonymous && c.Name != "" {
		f.add(referral.Invalid("name", "an anonymous case keeps no name"))
	}
	c.Anonymous = c.Name == ""
	f.add(c.tidyPhone())
	f.add(c.tidyEmail())
	f.add(c.tidyPostalCode())
	if c.BirthYear != 0 && (c.BirthYear < 1900 || c.BirthYear > now.Year()) {
		f.add(referral.Invalid("birth_year", "must be from 1900 to this year"))
	}
	f.add(c.tidyLanguage())
	f.add(checkKind(c.Restricted))
	return f.err()
}

func (c *CaseInput) tidyLanguage() error {
	if c.Language == "" {
		c.Language = "en"
	}
	tag, err := language.Parse(c.Language)
	if err != nil {
		return referral.Invalid("language", "is not a language tag")
	}
	c.Language = tag.String()
	// Behind a subtag of one letter anyone may write what they like; the tag stands open, and outlives an erasure.
	if slices.ContainsFunc(strings.Split(c.Language, "-"), func(subtag string) bool { return len(subtag) == 1 }) {
		return referral.Invalid("language", "must be a language, without extensions and private use")
	}
	return nil
}

func (c *CaseInput) tidyPhone() error {
	if c.Phone == "" {
		return nil
	}
	n, err := phonenumbers.Parse(poste.ReplaceAllString(c.Phone, " ext. $2"), "CA")
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return referral.Invalid("phone", "is not a telephone number")
	}
	c.Phone = phonenumbers.Format(n, phonenumbers.E164)
	if ext := n.GetExtension(); ext != "" {
		c.Phone += ";ext=" + ext
	}
	return nil
}

func (c *CaseInput) tidyEmail() error {
	if c.Email == "" {
		return nil
	}
	a, err := mail.ParseAddress(c.Email)
	if err != nil || a.Address != c.Email || !strings.Contains(c.Email[strings.LastIndex(c.Email, "@"):], ".") {
		return referral.Invalid("email", "is not an email address")
	}
	return nil
}

func (c *CaseInput) tidyPostalCode() error {
	code := strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(c.PostalCode))
	switch {
	case code == "":
	case canadianPostalCode.MatchString(code):
		c.PostalCode = code[:3] + " " + code[3:]
	default:
		return referral.Invalid("postal_code", "is not a Canadian postal code")
	}
	return nil
}

// Check names the fields of a referral that can't be right, all of them, and keeps nothing.
func (r ReferralInput) Check() error { return r.tidy() }

func (r *ReferralInput) tidy() error {
	r.Details = typed(r.Details)
	var f faults
	if !slices.Contains(referral.Needs, r.Need) {
		f.add(referral.Invalid("need", "choose a kind of help"))
	}
	f.add(limits(map[string]string{"details": r.Details}, maxText))
	if r.Urgency == "" {
		r.Urgency = referral.Routine
	}
	if !slices.Contains(referral.Urgencies, r.Urgency) {
		f.add(referral.Invalid("urgency", "must be routine or urgent"))
	}
	if len(r.ServiceIDs) == 0 {
		f.add(referral.Invalid("service_ids", "choose at least one service"))
	}
	if len(r.ServiceIDs) > referral.MaxOffers {
		f.add(referral.Invalid("service_ids", "at most %d services at once", referral.MaxOffers))
	}
	if !r.Draft {
		f.add(r.Consent.validate())
	}
	return f.err()
}

// under puts the paths of fields below a parent: "phone" of the case becomes "case.phone".
func under(parent string, err error) error {
	var f faults
	for _, e := range referral.All(err) {
		moved := *e
		moved.Field = parent + "." + e.Field
		f.add(&moved)
	}
	return f.err()
}
