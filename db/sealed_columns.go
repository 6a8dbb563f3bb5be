package db

import "strings"

// SealedColumn is a column in which people's words stand sealed.
type SealedColumn struct{ Table, Column string }

// SealedColumns lists them all. Every other column of text is in PlainColumns; a test holds both to the schema.
var SealedColumns = []SealedColumn{
	{"cases", "name"}, {"cases", "phone"}, {"cases", "email"}, {"cases", "contact_times"}, {"cases", "municipality"},
	{"cases", "postal_code"}, {"cases", "birth_year"}, {"cases", "notes"},
	{"referrals", "details"},
	{"offers", "reason_note"}, {"offers", "question"}, {"offers", "answer"}, {"offers", "answered_by"},
	{"tasks", "result"},
	{"consents", "substitute"},
	{"corrections", "before"}, {"corrections", "reason"},
	{"glass", "reason"}, {"glass", "remark"},
	{"legal_holds", "reason"}, {"erasures", "reason"}, {"case_exports", "body"},
	{"timeline", "note"}, {"timeline", "told_by"},
	{"timeline", "actor_name"},                                   // where an agency typed it; a colleague's name stands open, as in accounts
	{"second_factors", "secret"}, {"second_factors", "proposed"}, // with a key of the organisation
	{"idempotency", "body"}, // whole answers; one that is about no case stands open, and says nothing
}

// PlainColumns are the columns that may hold any text, or any bytes, and never a client's: with the reason, by table. "*"
// is for all columns of a table.
var PlainColumns = map[string]map[string]string{
	"organisations":     {"*": "the helpline's own"},
	"accounts":          {"*": "who works at the helpline: signing in and lists need it"},
	"api_keys":          {"*": "names of programs, and digests"},
	"sessions":          {"*": "who is signed in, and their time zone"},
	"policies":          {"*": "how long steps take"},
	"case_keys":         {"kek": "the name of a key", "wrapped": "sealed itself", "found_by": "marks, which tell nothing without their key"},
	"organisation_keys": {"*": "the name of a key, and a key that is sealed itself"},
	"key_checks":        {"*": "the name of a key, and fixed words under it"},
	"sealing":           {"*": "names of tables, and ids"},
	"cases": {"reference": "drawn by lot", "language": "a language tag, without what anyone may make up", "partner": "the name of an organisation, as in accounts",
		"erased_why": "of a list"},
	"corrections":  {"fields": "names of fields"},
	"retention":    {"*": "of a list"},
	"erasures":     {"cause": "of a list", "outcome": "of a list"},
	"case_exports": {"locale": "of a list"},
	"errands":      {"*": "of a list"},
	"uses":         {"*": "digests"},
	"regions":      {"*": "names of the parts that a helpline serves"},
	"restrictions": {"*": "of a list"},
	"glass":        {"decision": "of a list"},
	"referrals": {"need": "of a list", "urgency": "of a list", "state": "of a list", "outcome": "of a list", "unmet_reason": "of a list",
		"evidence": "of a list", "step": "codes, ids and times", "step_do": "of a list", "step_role": "of a list"},
	"consents": {"how": "of a list", "script": "of a list", "capacity": "of a list", "agreed": "ids and codes"},
	"offers":   {"state": "of a list", "reason": "of a list", "outcome": "of a list"},
	"tasks":    {"kind": "of a list", "cause": "of a list", "state": "of a list", "role": "of a list"},
	"messages": {"*": "codes, and the agency's address"},
	"links":    {"*": "digests"},
	"timeline": {"what": "of a list", "from_state": "of a list", "to_state": "of a list", "code": "of a list", "attribution": "of a list",
		"actor_role": "of a list", "actor_for": "of a list", "via": "of a list"},
	"audit":           {"*": "codes and ids"},
	"audit_chain":     {"*": "digests"},
	"visits":          {"*": "how a colleague came in, and by which kind of browser"},
	"recovery_codes":  {"*": "digests"},
	"identities":      {"*": "who a colleague is at the provider of single sign-on"},
	"invitations":     {"*": "codes, and digests"},
	"sign_in_tries":   {"*": "digests"},
	"known_devices":   {"*": "digests"},
	"outbox":          {"*": "codes and ids"},
	"idempotency":     {"key": "drawn by the program that asks", "body_hash": "a digest"},
	"provider_events": {"*": "what the mail provider says of a letter; it may hold the agency's address"},
}

// findUnsealed lists rows in which something stands open that must be sealed, and cases without a key.
func findUnsealed() string {
	open := map[string][]string{}
	var tables []string
	for _, c := range SealedColumns {
		if open[c.Table] == nil {
			tables = append(tables, c.Table)
		}
		column := c.Column
		condition := column + " <> '' AND " + column + " NOT LIKE 's1.%'"
		switch c {
		case SealedColumn{"timeline", "actor_name"}:
			condition += " AND via = 'link'"
		case SealedColumn{"idempotency", "body"}:
			condition = "case_id IS NOT NULL AND body <> '' AND substr(body, 1, 3) <> 's1.'::bytea"
		}
		open[c.Table] = append(open[c.Table], "("+condition+")")
	}
	of := map[string]string{"cases": "'case' AS of, id", "referrals": "'referral' AS of, id", "offers": "'offer' AS of, id",
		"tasks": "'referral' AS of, referral_id AS id", "consents": "'consent' AS of, id", "glass": "'case' AS of, case_id AS id",
		"corrections": "'case' AS of, case_id AS id",
		"legal_holds": "'case' AS of, case_id AS id", "erasures": "'case' AS of, case_id AS id", "case_exports": "'case' AS of, case_id AS id",
		OfAccounts: "'account' AS of, account_id AS id", "timeline": "'referral' AS of, referral_id AS id", "idempotency": "'case' AS of, case_id AS id"}
	queries := []string{`SELECT 'case' AS of, id, 'it has no key' AS what FROM cases c WHERE NOT EXISTS (SELECT FROM case_keys k WHERE k.case_id = c.id)`}
	for _, t := range tables {
		queries = append(queries, `SELECT DISTINCT `+of[t]+`, 'something in `+t+` stands open' AS what FROM `+t+` WHERE `+strings.Join(open[t], " OR "))
	}
	return strings.Join(queries, "\nUNION ALL ")
}
