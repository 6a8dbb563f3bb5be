package server

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"throughline/casework"
	"throughline/internal/clock"
	"throughline/locale"
	"throughline/referral"
)

// wording are the functions that templates call, bound to one language and to the helpline's zone.
func wording(l *locale.Localizer, zone *time.Location, c clock.Clock) template.FuncMap {
	return template.FuncMap{
		"t":         func(key string, pairs ...any) (string, error) { return text(l, key, pairs) },
		"n":         func(key string, count int) string { return l.N(key, count) },
		"code":      func(area string, code any) string { return l.T(area + "." + fmt.Sprint(code)) },
		"has":       func(area string, code any) bool { return l.Has(area + "." + fmt.Sprint(code)) },
		"local":     func(en, fr string) string { return inLanguage(l.Lang, en, fr) },
		"when":      func(t any) template.HTML { return timeElement(l, asTime(t), zone, c.Now()) },
		"whenIn":    func(zone *time.Location, t any) template.HTML { return timeElement(l, asTime(t), zone, c.Now()) },
		"due":       func(t any) template.HTML { return dueElement(l, asTime(t), zone, c.Now()) },
		"stepDue":   func(step casework.Step) template.HTML { return stepDue(l, step, zone, c) },
		"underway":  func(step casework.Step) bool { return underway(step, c.Now()) },
		"km":        func(km *float64) int { return int(math.Round(*km)) },
		"phone":     func(raw string) string { return l.Phone(raw) },
		"dial":      dial,
		"zoneName":  func(zone *time.Location) string { return zoneName(l, zone) },
		"language":  func(tag string) string { return languageName(l, tag) },
		"languages": func(tags []string) []string { return byName(l, tags) },
		"website":   func(raw string) bool { return strings.HasPrefix(raw, "https://") || strings.HasPrefix(raw, "http://") },
		"asset":     assetURL,
		"groups":    inGroups,
		"codeWords": func(what referral.Name, code string) string { return codeWords(l, what, code) },
		"auditWho":  func(e casework.AuditEntry) string { return actorOf(l, e) },
		"auditWhat": func(e casework.AuditEntry) string { return whatOf(l, e) },
		"auditWhy":  func(e casework.AuditEntry) string { return whyOf(l, e) },
		"list":      func(items ...any) []any { return items },
		"dict":      dict,
		"add":       func(a, b int) int { return a + b },
	}
}

// text fills the placeholders of a key from name, value pairs.
func text(l *locale.Localizer, key string, pairs []any) (string, error) {
	data, err := dict(pairs...)
	if err != nil {
		return "", err
	}
	return l.T(key, data), nil
}

func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: odd number of arguments")
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is not a name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// codeLists says which list the code of a timeline entry is from.
var codeLists = map[referral.Name]string{"refer": "need", referral.Decline: "decline", referral.Fail: "fail",
	referral.Dispute: "fail", referral.Withdraw: "withdraw", referral.ReportOutcome: "outcome", referral.Confirm: "outcome",
	referral.Close: "outcome", referral.RaiseTask: "task", referral.FinishTask: "task", referral.EscalateTask: "task",
	referral.Resend: "resend", referral.Undelivered: "undelivered", referral.Delivered: "letter", referral.Deferred: "letter",
	referral.Mend: "mend"}

// codeWords says the code of a timeline entry in words; "" for one that says nothing more.
func codeWords(l *locale.Localizer, what referral.Name, code string) string {
	if key := codeLists[what] + "." + code; l.Has(key) {
		return l.T(key)
	}
	return ""
}

// inLanguage picks the French text when it is wanted and there is one.
func inLanguage(lang, en, fr string) string {
	if (lang == "fr" && fr != "") || en == "" {
		return fr
	}
	return en
}

// inGroups breaks a secret into groups of four, which people can read and type.
func inGroups(secret string) string {
	var b strings.Builder
	for i, r := range secret {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func asTime(v any) time.Time {
	switch t := v.(type) {
	case time.Time:
		return t
	case *time.Time:
		if t != nil {
			return *t
		}
	}
	return time.Time{}
}

// timeElement writes a moment as people read it, with the exact instant for machines. A zero time is nothing.
func timeElement(l *locale.Localizer, t time.Time, zone *time.Location, now time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, t.UTC().Format(time.RFC3339), // #nosec G203 -- the words are escaped
		template.HTMLEscapeString(l.Moment(t.In(zone), now.In(zone)))))
}

// dueElement is timeElement with how far off it is.
func dueElement(l *locale.Localizer, t time.Time, zone *time.Location, now time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	class := "due"
	if now.Sub(t) >= grace {
		class = "due due--over"
	}
	return template.HTML(`<span class="`+class+`">`+template.HTMLEscapeString(distance(l, t.Sub(now)))+`</span> `) + // #nosec G203 -- the words are escaped
		timeElement(l, t, zone, now)
}

// distance says how far off a moment is: "in 3 hours", "2 days overdue", and "due now" a minute before and after it.
func distance(l *locale.Localizer, d time.Duration) string {
	side := "ahead"
	if d < 0 {
		side, d = "late", -d
	}
	// Seven days from a moment ago are seven days, not six.
	if d > time.Hour {
		d = d.Round(time.Minute)
	}
	switch {
	case d < grace:
		return l.T("date.now")
	case d < time.Hour:
		return l.N("date."+side+".minutes", int(d/time.Minute))
	case d < 48*time.Hour:
		return l.N("date."+side+".hours", int(d/time.Hour))
	}
	return l.N("date."+side+".days", int(d/(24*time.Hour)))
}

// dial is the tel: address of a number, or "" when raw is not one.
func dial(raw string) template.URL {
	number, err := phonenumbers.Parse(raw, "CA")
	if err != nil || !phonenumbers.IsPossibleNumber(number) {
		return ""
	}
	return template.URL(phonenumbers.Format(number, phonenumbers.RFC3966)) // #nosec G203 -- digits
}

// zoneName is what people call a zone; its IANA name when they have no word for it.
func zoneName(l *locale.Localizer, zone *time.Location) string {
	if key := "agency.zone." + zone.String(); l.Has(key) {
		return l.T(key)
	}
	return zone.String()
}

func languageName(l *locale.Localizer, tag string) string {
	if key := "language." + tag; l.Has(key) {
		return l.T(key)
	}
	return tag
}

// byName sorts languages by what they are called, after the two official ones, which are the first of tags.
func byName(l *locale.Localizer, tags []string) []string {
	sorted := slices.Clone(tags)
	slices.SortFunc(sorted[2:], func(a, b string) int { return strings.Compare(languageName(l, a), languageName(l, b)) })
	return sorted
}
