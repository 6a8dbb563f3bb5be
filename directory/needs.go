package directory

import (
	"regexp"
	"slices"
	"strings"

	"throughline/referral"
)

// needCodes are the beginnings of term codes of the taxonomy that most 211s use, longest first where one holds another.
// An empty need means: no kind of help by itself.
var needCodes = []struct{ prefix, need string }{
	{"BH-1800", "shelter"}, {"BD", "food"}, {"BH", "housing"}, {"BT", "transportation"}, {"BV", "utilities"},
	{"BM-6500.1500", "clothing"}, {"DM", "income"}, {"DT", "income"}, {"FL", ""}, {"FF", ""}, {"FN", ""}, {"F", "legal"},
	{"ND", "employment"}, {"NL", "income"}, {"NS", "income"}, {"NT", "income"}, {"LR", "disability"}, {"L", "health"},
	{"RX", "addiction"}, {"R", "mental_health"}, {"PH", "family"}, {"YE", "newcomers"},
}

// needWords find kinds of help in folded names of terms and services, English and French.
var needWords = []struct {
	need  string
	words *regexp.Regexp
}{
	{"housing", words(`housing|rental|rent|tenants?|evictions?|logements?|loyer|locataires?`)},
	{"shelter", words(`shelters?|refuges?|hebergement d'urgence|maison d'hebergement`)},
	{"food", words(`food|meals?|pantry|pantries|nutrition|aliments?|alimentaires?|repas|popote`)},
	{"income", words(`financial assistance|income support|welfare|tax clinics?|aide financiere|impots`)},
	{"employment", words(`employment|jobs?|job search|emploi|emplois`)},
	{"legal", words(`legal|juridiques?|tribunal`)},
	{"mental_health", words(`mental health|suicide|sante mentale|detresse`)},
	{"addiction", words(`addictions?|substance use|substance abuse|alcohol|detox\w*|dependances?|toxicomanies?`)},
	{"health", words(`clinics?|clinique|medical|nursing|dental|dentaires?`)},
	{"family", words(`parenting|child care|family support|garde d'enfants|parentales?|parents`)},
	{"seniors", words(`seniors?|older adults?|elderly|aines|personnes agees`)},
	{"newcomers", words(`newcomers?|immigrants?|immigration|refugees?|citizenship|nouveaux arrivants|refugies|immigrantes?`)},
	{"disability", words(`disabilit\w+|disabled|handicap\w*|incapacites?`)},
	{"violence", words(`domestic violence|violence|sexual assault|abused|spouse abuse|agression sexuelle|femmes victimes`)},
	{"transportation", words(`transportation|transit|rides?|transport`)},
	{"utilities", words(`utility|utilities|hydro|electric service|energy assistance|services publics|chauffage`)},
	{"clothing", words(`clothing|clothes|vetements?|friperie`)},
}

func words(alternatives string) *regexp.Regexp {
	return regexp.MustCompile(`\b(?:` + alternatives + `)\b`)
}

// needsOf gives the kinds of help of a service in the order of referral.Needs, from the codes and names of its terms and
// its own names; "other" when nothing tells. Terms that say for whom a service is (Y) count by their code alone, but for
// older adults.
func needsOf(names, codes, terms []string) []string {
	found := map[string]bool{}
	for i, code := range codes {
		for _, c := range needCodes {
			if strings.HasPrefix(code, c.prefix) {
				found[c.need] = true
				break
			}
		}
		term := fold(terms[i])
		if !strings.HasPrefix(code, "Y") || !strings.Contains(code, "-") {
			findWords(term, found)
		} else if strings.Contains(term, "older adults") {
			found["seniors"] = true
		}
	}
	for _, n := range names {
		findWords(fold(n), found)
	}
	needs := []string{}
	for _, n := range referral.Needs {
		if found[n] {
			needs = append(needs, n)
		}
	}
	if len(needs) == 0 {
		return []string{"other"}
	}
	return slices.Clip(needs)
}

func findWords(text string, found map[string]bool) {
	if strings.Contains(text, "animal") || strings.Contains(text, "volunteer opportunities") || strings.Contains(text, "donation") {
		return
	}
	for _, w := range needWords {
		if w.words.MatchString(text) {
			found[w.need] = true
		}
	}
}
