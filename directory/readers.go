package directory

import (
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"throughline/referral"
)

// reader turns a cell into a value for the database, and says on the row what it had to change. Text that is missing is
// "", anything else nil.
type reader func(r *row, f field, cell string) any

func readLine(r *row, f field, cell string) any  { return r.tidied(f, cell, tidyLine) }
func readProse(r *row, f field, cell string) any { return r.tidied(f, cell, tidyProse) }

var repairs = map[string]string{
	"mojibake":           "letters of a wrong code page put right",
	"control_characters": "invisible characters removed",
	"escaped_newline":    `written-out \n turned into line breaks`,
	"marker":             "export marks turned into blank lines",
	"html":               "markup turned into text",
}

func (r *row) tidied(f field, cell string, tidy func(string) (string, []string)) string {
	text, codes := tidy(cell)
	for _, code := range codes {
		r.repaired(f.csv, code, repairs[code])
	}
	return text
}

func readURL(r *row, f field, cell string) any {
	text := r.tidied(f, cell, tidyLine)
	if text == "" {
		return ""
	}
	if u, err := url.Parse(text); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		return text
	}
	if u, err := url.Parse("http://" + text); err == nil && strings.Contains(u.Hostname(), ".") && !strings.ContainsAny(text, " @") {
		r.repaired(f.csv, "url_without_scheme", "http:// put before it")
		return "http://" + text
	}
	r.repaired(f.csv, "bad_url", "no web address; left out")
	return ""
}

// readEmail keeps a bare address with a dotted domain: a name before it or a line break in it could send mail astray.
func readEmail(r *row, f field, cell string) any {
	text := strings.TrimSpace(cell)
	if text == "" {
		return ""
	}
	a, err := mail.ParseAddress(text)
	if err == nil && a.Name == "" && a.Address == text && len(text) <= 254 && !strings.ContainsAny(text, "<>\"\r\n ") {
		if mailDomain(text[strings.LastIndexByte(text, '@')+1:]) {
			return text
		}
	}
	r.repaired(f.csv, "bad_email", "no usable e-mail address; left out")
	return ""
}

// mailDomain reports a name with a dot in it. A machine by its number, as in a@[127.0.0.1], is nobody's registered address.
func mailDomain(domain string) bool {
	_, err := netip.ParseAddr(domain)
	return err != nil && !strings.ContainsAny(domain, "[]:") && strings.Contains(strings.Trim(domain, "."), ".")
}

func readDate(r *row, f field, cell string) any {
	text := strings.TrimSpace(cell)
	if text == "" {
		return nil
	}
	if t, err := time.Parse(time.DateOnly, text[:min(len(text), 10)]); err == nil && t.Year() > 0 {
		return t.Format(time.DateOnly)
	}
	r.repaired(f.csv, "bad_date", "no date of the form 2026-11-23; left out")
	return nil
}

func readMoment(r *row, f field, cell string) any {
	text := strings.TrimSpace(cell)
	if text == "" {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 0 {
			return t
		}
	}
	r.repaired(f.csv, "bad_date", "no date and time; left out")
	return nil
}

func readNumber(r *row, f field, cell string) any {
	text := strings.TrimSpace(cell)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n < 1e9) {
		r.repaired(f.csv, "bad_number", "no number from zero up; left out")
		return nil
	}
	return n
}

func readDegrees(r *row, f field, cell string) any {
	text := strings.TrimSpace(cell)
	if text == "" {
		return nil
	}
	limit := 180.0
	if f.csv == "latitude" {
		limit = 90
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= -limit && n <= limit) {
		r.repaired(f.csv, "bad_coordinates", "no place on the globe; left out")
		return nil
	}
	return n
}

func readYesNo(r *row, f field, cell string) any {
	switch strings.ToLower(strings.TrimSpace(cell)) {
	case "", "true", "t", "yes", "y", "1", "oui":
		return true
	case "false", "f", "no", "n", "0", "non":
		return false
	}
	r.repaired(f.csv, "bad_yes_no", "neither yes nor no; taken as yes")
	return true
}

// readStatus takes a status it does not know as inactive: a service that may be gone must not be offered.
func readStatus(r *row, f field, cell string) any {
	switch s := strings.ToLower(strings.TrimSpace(cell)); s {
	case "":
		return "active"
	case "active", "inactive", "defunct", "temporarily closed":
		return s
	case "temporarily_closed":
		return "temporarily closed"
	}
	r.repaired(f.csv, "unknown_status", "no status of HSDS; taken as inactive")
	return "inactive"
}

func readAddressType(r *row, f field, cell string) any {
	switch s := strings.ToLower(strings.TrimSpace(cell)); s {
	case "", "physical", "postal", "virtual":
		return s
	}
	r.repaired(f.csv, "unknown_address_type", "no type of HSDS; taken as physical")
	return "physical"
}

func readMailLanguage(r *row, f field, cell string) any {
	switch s := strings.ToLower(strings.TrimSpace(cell)); s {
	case "":
		return "en"
	case "en", "fr":
		return s
	}
	r.repaired(f.csv, "unknown_language", "mail is written in en or fr; taken as en")
	return "en"
}

func readZone(r *row, f field, cell string) any {
	text := strings.TrimSpace(cell)
	if text == "" {
		return ""
	}
	if _, err := time.LoadLocation(text); err != nil || text == "Local" {
		r.repaired(f.csv, "unknown_time_zone", "no time zone such as America/Toronto; left out")
		return ""
	}
	return text
}

func readNeeds(r *row, f field, cell string) any {
	needs := pq.StringArray{}
	for _, word := range strings.FieldsFunc(strings.ToLower(cell), func(c rune) bool { return strings.ContainsRune(";,| \n", c) }) {
		switch {
		case !slices.Contains(referral.Needs, word):
			r.repaired(f.csv, "unknown_need", "a kind of help we do not know; left out")
		case !slices.Contains(needs, word):
			needs = append(needs, word)
		}
	}
	return needs
}

// readReference finds the row referred to. What is dangling is left out; whether the row can do without is its table's
// to say.
func readReference(r *row, f field, cell string) any {
	text, _ := tidyLine(cell)
	if id, ok := r.im.ids[f.to][text]; ok {
		return id
	}
	switch {
	case r.table.name == "services" && f.to == "agencies":
		r.repaired(f.csv, "no_agency", "the organization is not in the package; kept without one")
	case text == "" || f.must || len(r.table.owners) == 1 || f.csv == "link_id":
	case f.to == "agencies":
		r.repaired(f.csv, "unknown_organization", "the organization is not in the package; kept without one")
	default:
		r.repaired(f.csv, "unknown_reference", "what it refers to is not in the package; left out")
	}
	return nil
}

// readParent keeps the parent's id as the source gives it: the parent may stand further down the file.
func readParent(r *row, _ field, cell string) any {
	text, _ := tidyLine(cell)
	return text
}
