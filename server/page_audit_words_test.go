package server

import (
	"strings"
	"testing"

	"throughline/casework"
	"throughline/referral"
)

// The auditor's page says in words what an administrator changed, and with which key a program came, in both languages.
func TestTheAuditSaysWhatChanged(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	ctx := t.Context()
	admin, err := v.desk.AddAccount(ctx, v.account.OrganisationID, "ada@kawartha.example", "Ada", referral.Admin, "en", password)
	v.must(err)
	boss := admin.Actor(casework.ViaPage)
	v.must(v.desk.ChangeRole(ctx, boss, v.account.ID, referral.Supervisor))
	v.must(v.desk.ChangePlace(ctx, boss, v.account.ID, casework.Belongs{Region: "North"}))
	v.must(v.desk.ChangePlace(ctx, boss, v.account.ID, casework.Belongs{}))
	v.must(v.desk.SetRetention(ctx, boss, map[string]int{casework.KindVisits: 14}))
	_, err = v.desk.Invite(ctx, boss, casework.NewColleague{Email: "bea@kawartha.example", Name: "Bea", Role: referral.Partner, Belongs: casework.Belongs{Partner: "Canary"}})
	v.must(err)
	_, key, err := v.desk.AddKey(ctx, "ada@kawartha.example", "the phones")
	v.must(err)
	v.ask("GET", "/retention", key, "").is(200)
	v.ask("GET", "/queue", key, "").is(403)
	v.oversees(referral.Auditor)
	for lang, says := range map[string][]string{
		"en": {"The role of an account was changed role: Supervisor, Navigator before", "region: North", "region: The whole helpline",
			"The retention schedule was changed Sessions of accounts: 14 days, 30 before", "Someone was invited role: Partner"},
		"fr": {"Le rôle d’un compte a été changé rôle : Supervision, auparavant Navigation", "région : North",
			"Sessions des comptes : 14 jours, auparavant 30", "Une personne a été invitée rôle : Partenaire"},
	} {
		page := v.get("/audit/people/" + admin.ID.String() + "?lang=" + lang).is(200).says("tbody")
		for _, text := range says {
			if !strings.Contains(page, text) {
				t.Errorf("%s: the page does not say %q: %s", lang, text, page)
			}
		}
		if strings.Contains(page, "Canary") {
			t.Errorf("%s: what was typed is in the audit: %s", lang, page)
		}
	}
	if got := v.get("/audit/people/" + v.lead.ID.String() + "?lang=en").is(200).says("tbody"); !strings.Contains(got, "Signed in with: password") {
		t.Errorf("how the auditor signed in: %s", got)
	}
}
