package casework

import (
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

// limits refuses texts that are too long or that Postgres can't hold.
func limits(fields map[string]string, longest int) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text := fields[name]
		switch {
		case strings.ContainsRune(text, 0):
			return referral.Invalid(name, "holds a NUL character")
		case !utf8.ValidString(text):
			return referral.Invalid(name, "is not valid UTF-8")
		case utf8.RuneCountInString(text) > longest:
			return referral.Invalid(name, "is longer than %d characters", longest)
		}
	}
	return nil
}

// tidy brings a caller's details into one form, or names the field that can't be right. Names are kept as they are
// spelled, in any script.
func (c *CaseInput) tidy(now time.Time) error {
	for _, field := range []*string{&c.Name, &c.Phone, &c.Email, &c.ContactTimes, &c.Municipality, &c.PostalCode, &c.Language} {
		*field = oneLine(*field)
	}
	c.Notes = typed(c.Notes)
	if err := limits(map[string]string{"name": c.Name, "phone": c.Phone, "email": c.Email, "contact_times": c.ContactTimes,
		"municipality": c.Municipality, "postal_code": c.PostalCode, "language": c.Language}, maxLine); err != nil {
		return err
	}
	if err := limits(map[string]string{"notes": c.Notes}, maxText); err != nil {
		return err
	}
	if c.Anonymous && c.Name != "" {
		return referral.Invalid("name", "an anonymous case keeps no name")
	}
	c.Anonymous = c.Name == ""
	if err := c.tidyContact(); err != nil {
		return err
	}
	if c.BirthYear != 0 && (c.BirthYear < 1900 || c.BirthYear > now.Year()) {
		return referral.Invalid("birth_year", "must be from 1900 to this year")
	}
	if c.Language == "" {
		c.Language = "en"
	}
	tag, err := language.Parse(c.Language)
	if err != nil {
		return referral.Invalid("language", "is not a language tag")
	}
	c.Language = tag.String()
	return nil
}

func (c *CaseInput) tidyContact() error {
	if c.Phone != "" {
		n, err := phonenumbers.Parse(c.Phone, "CA")
		if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
			return referral.Invalid("phone", "is not a telephone number")
		}
		c.Phone = phonenumbers.Format(n, phonenumbers.E164)
		if ext := n.GetExtension(); ext != "" {
			c.Phone += ";ext=" + ext
		}
	}
	if c.Email != "" {
		a, err := mail.ParseAddress(c.Email)
		if err != nil || a.Address != c.Email || !strings.Contains(c.Email[strings.LastIndex(c.Email, "@"):], ".") {
			return referral.Invalid("email", "is not an email address")
		}
	}
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

func (r *ReferralInput) tidy() error {
	r.Details = typed(r.Details)
	if !slices.Contains(referral.Needs, r.Need) {
		return referral.Invalid("need", "choose a kind of help")
	}
	if r.Urgency == "" {
		r.Urgency = referral.Routine
	}
	if !slices.Contains(referral.Urgencies, r.Urgency) {
		return referral.Invalid("urgency", "must be routine or urgent")
	}
	if len(r.ServiceIDs) == 0 {
		return referral.Invalid("service_ids", "choose at least one service")
	}
	if len(r.ServiceIDs) > referral.MaxOffers {
		return referral.Invalid("service_ids", "at most %d services at once", referral.MaxOffers)
	}
	if err := limits(map[string]string{"details": r.Details}, maxText); err != nil {
		return err
	}
	if r.Draft {
		return nil
	}
	return r.Consent.validate()
}

// under puts a field's path below a parent: "phone" of the case becomes "case.phone".
func under(parent string, err error) error {
	e, ok := err.(*referral.Error)
	if !ok || e.Field == "" {
		return err
	}
	moved := *e
	moved.Field = parent + "." + e.Field
	return &moved
}
