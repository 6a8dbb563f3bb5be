package server

import (
	"cmp"
	"strconv"
	"strings"

	"throughline/casework"
	"throughline/locale"
)

// actorOf names who did what an entry tells of: a person, an agency, or the system.
func actorOf(l *locale.Localizer, e casework.AuditEntry) string {
	if e.Role == "agency" && e.Agency != "" {
		return inLanguage(l.Lang, e.Agency, e.AgencyFR)
	}
	if e.ActorName != "" {
		return e.ActorName
	}
	return l.T("role." + e.Role)
}

// whatOf says what was done: the words of the timeline, where it has some.
func whatOf(l *locale.Localizer, e casework.AuditEntry) string {
	for _, key := range []string{"audit.did." + e.Action, "event." + e.Action} {
		if l.Has(key) {
			return l.T(key)
		}
	}
	if e.Kind == "mail" {
		return l.T("audit.did.mail", map[string]any{"Agency": inLanguage(l.Lang, e.Agency, e.AgencyFR)})
	}
	if key := "audit.subject." + e.Subject; l.Has(key) {
		return l.T(key)
	}
	return e.Action + " " + e.Subject
}

// whyOf says what let someone in; "" for whoever is at work.
func whyOf(l *locale.Localizer, e casework.AuditEntry) string {
	if e.Why == "" {
		return ""
	}
	id := ""
	if e.WhyID != nil {
		id = e.WhyID.String()
	}
	if names, ok := strings.CutPrefix(e.Why, casework.FieldsChanged); ok {
		return l.T("audit.why.fields", map[string]any{"Fields": fieldNames(l, names)})
	}
	if p, ok := strings.CutPrefix(e.Why, "permission:"); ok {
		return l.T("audit.why.permission", map[string]any{"Permission": p})
	}
	if key := "audit.why." + e.Why; l.Has(key) {
		return l.T(key, map[string]any{"ID": id, "Name": cmp.Or(e.WhyName, id)})
	}
	return e.Why + " " + id
}

// fieldNames says in words which fields of a case an entry names.
func fieldNames(l *locale.Localizer, names string) string {
	list := strings.Split(names, ",")
	for i, name := range list {
		list[i] = l.T("correct.field." + name)
	}
	return strings.Join(list, ", ")
}

func numberOf(id int64) string { return strconv.FormatInt(id, 10) }
