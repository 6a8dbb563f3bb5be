package e2e

import "testing"

// In French from the first page to the last. The first agency is full; the second, which gets its mail in English, reads
// its page in French.
func TestSecondAgencyInFrench(t *testing.T) {
	t.Parallel()
	d := startDev(t, fresh(t), anyPort...)
	navigatrice := d.atDesk(t, "fr", "french")
	navigatrice.picture("sign-in")
	d.signIn(navigatrice, "navigator")
	navigatrice.picture("my-work")
	navigatrice.refer(call{name: "Solange Lacroix-Bélanger", phone: "705-555-0127", municipality: "Peterborough", need: "food",
		details: "Vit seule; l’épicerie est trop loin à pied.", services: []string{"Le Panier partagé", "Banque alimentaire Little Lake"}})
	navigatrice.picture("case-made")

	first := navigatrice.another()
	first.openLetterInMail("Le Panier partagé")
	first.doesNotRead("Solange", "Lacroix", "0127", "épicerie")
	first.picture("agency-asked")
	first.answers("decline", "Mireille", func() { first.click(`label[for="decline-reason-full"]`) })
	first.doesNotRead("Solange", "Lacroix", "0127", "épicerie")

	second := navigatrice.another()
	second.taken = 70
	second.openLetter("Little Lake Food Bank")
	second.follow(named("button", "Français"))
	second.reads(second.say("agency.decide.title"))
	second.picture("second-agency-asked")
	second.answers("accept", "Jean-Guy")
	second.reads("Solange Lacroix-Bélanger")
	second.answers("start_service", "Jean-Guy")
	second.answers("report_outcome", "Jean-Guy", func() { second.click(`label[for="report_outcome-outcome-received_in_part"]`) })

	navigatrice.confirm("Solange Lacroix-Bélanger", "received_in_part")
	navigatrice.reads(navigatrice.say("evidence.both"))
	navigatrice.click("details.tl-timeline > summary")
	navigatrice.reads(navigatrice.say("event.decline"))
	navigatrice.picture("case-history")
	navigatrice.lookAround()
}
