package server

import (
	"cmp"
	"slices"
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
	if text, ok := changeOf(l, e); ok {
		return text
	}
	if p, ok := strings.CutPrefix(e.Why, "permission:"); ok {
		return l.T("audit.why.permission", map[string]any{"Permission": p})
	}
	if key := "audit.why." + e.Why; l.Has(key) {
		return l.T(key, map[string]any{"ID": id, "Name": cmp.Or(e.WhyName, id)})
	}
	return e.Why + " " + id
}

// changeOf says what a change was of: the codes that follow a word and a colon.
func changeOf(l *locale.Localizer, e casework.AuditEntry) (string, bool) {
	kind, codes, _ := strings.Cut(e.Why, ":")
	list := strings.Split(codes, ",")
	switch {
	case kind+":" == casework.FieldsChanged:
		return l.T("audit.why.fields", map[string]any{"Fields": fieldNames(l, codes)}), true
	case kind+":" == casework.RoleChanged && len(list) == 2 && list[0] == "":
		return l.T("audit.why.as_role", map[string]any{"Role": l.T("role." + list[1])}), true
	case kind+":" == casework.RoleChanged && len(list) == 2:
		return l.T("audit.why.role", map[string]any{"From": l.T("role." + list[0]), "To": l.T("role." + list[1])}), true
	case kind+":" == casework.DaysChanged && len(list) == 3:
		return l.T("audit.why.days", map[string]any{"Kind": l.T("kept." + list[0]), "From": list[1], "To": list[2]}), true
	case kind+":" == casework.CameBy:
		return l.T("audit.why.by", map[string]any{"Method": l.T("account.by." + codes)}), true
	case kind+":" == casework.PlaceChanged:
		return whereNow(l, e, list), true
	}
	return "", false
}

// whereNow says where someone works since a change. The name of a partner is not in the audit.
func whereNow(l *locale.Localizer, e casework.AuditEntry, changed []string) string {
	var said []string
	if slices.Contains(changed, "region") {
		said = append(said, l.T("audit.why.region", map[string]any{"Region": cmp.Or(e.WhyName, l.T("people.region.whole"))}))
	}
	if slices.Contains(changed, "partner") {
		said = append(said, l.T("audit.why.partner"))
	}
	return strings.Join(said, "; ")
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
