package server

import (
	"net/http"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"throughline/referral"
)

func TestNoMenuLeadsToARefusal(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	for _, role := range referral.AccountRoles {
		email := string(role) + "@menu.example"
		_, err := v.desk.AddAccount(t.Context(), v.account.OrganisationID, email, "Ada", role, "en", password)
		v.must(err)
		v.signInAs(email)
		v.get("/").is(http.StatusOK)
		v.get("/account").is(http.StatusOK).Find(".tl-nav a").Each(func(_ int, a *goquery.Selection) {
			v.get(a.AttrOr("href", "")).is(http.StatusOK)
		})
	}
}
