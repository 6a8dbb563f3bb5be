package referral

import "slices"

// Code lists are closed: a reason is a code with an attribution, never free text alone.

// Attribution says whose circumstances a reason speaks of.
type Attribution string

// Attributions.
const (
	OfClient   Attribution = "client"
	OfProvider Attribution = "provider"
	OfSystem   Attribution = "system"
)

// Reason is one code of a list, with its attribution.
type Reason struct {
	Code string
	Of   Attribution
}

// DeclineReasons are why an agency says no before it has taken a referral.
var DeclineReasons = []Reason{
	{"ineligible", OfClient},
	{"outside_area", OfClient},
	{"full_waitlist_open", OfProvider},
	{"full", OfProvider},
	{"out_of_funds", OfProvider},
	{"service_not_offered", OfProvider},
	{"information_missing", OfClient},
	{"already_client", OfClient},
	{"duplicate", OfSystem},
	{"cannot_meet_language", OfProvider},
	{"cannot_meet_access", OfProvider},
	{"cannot_meet_safety", OfProvider},
	{"conflict_of_interest", OfProvider},
	{"could_not_reach_client", OfClient},
	{"client_declined", OfClient},
	{"other", OfProvider},
}

// AgencyFailReasons are why an agency says that its help will not come after all.
var AgencyFailReasons = append(slices.Clone(DeclineReasons), Reason{"no_show", OfClient})

// FailReasons are why help did not come after an agency had said yes: its own reasons, and the client's word, which is
// never the agency's, that a reported outcome did not happen.
var FailReasons = append(slices.Clone(AgencyFailReasons), Reason{"outcome_disputed", OfClient})

// WithdrawReasons are why the client or the navigator takes a referral or an offer back.
var WithdrawReasons = []Reason{
	{"consent_withdrawn", OfClient},
	{"client_declined", OfClient},
	{"met_elsewhere", OfClient},
	{"moved", OfClient},
	{"deceased", OfClient},
	{"unreachable", OfClient},
	{"duplicate", OfSystem},
	{"other", OfClient},
}

// ResendReasons are why a letter is sent again. An agency that mislaid it had it in time; with the others it had not.
var ResendReasons = []Reason{
	{"not_received", OfSystem},
	{"address_corrected", OfSystem},
	{mislaid, OfProvider},
	{WentAstray, OfSystem},
	{"other", OfSystem},
}

const (
	mislaid = "mislaid"
	// WentAstray says that someone else has the letter, or may: its links open nothing from that moment on.
	WentAstray = "went_astray"
)

// ServiceClosed is why the clock passes over a service: it takes no referrals any more when its turn comes.
var ServiceClosed = Reason{"service_closed", OfProvider}

// Outcomes are how a referral ends, or how an agency reports that its help ended.
var Outcomes = []Reason{
	{"received_in_full", OfProvider},
	{"received_in_part", OfProvider},
	{"enrolled_continuing", OfProvider},
	{"information_was_enough", OfClient},
	{"met_elsewhere", OfClient},
	{"no_show", OfClient},
	{"declined_by_client", OfClient},
	{"unreachable", OfClient},
	{"ineligible_after_intake", OfClient},
	{"moved", OfClient},
	{"deceased", OfClient},
	{"unmet", OfProvider},
}

// Unmet is the outcome that demands an unmet reason.
const Unmet = "unmet"

// UnmetReasons are why a need stayed unmet.
var UnmetReasons = []Reason{
	{"no_service_exists", OfSystem},
	{"none_nearby", OfSystem},
	{"full", OfProvider},
	{"funds_exhausted", OfProvider},
	{"ineligible", OfClient},
	{"cost", OfClient},
	{"transport", OfClient},
	{"hours", OfProvider},
	{"language_or_culture", OfProvider},
	{"accessibility", OfProvider},
	{"documents", OfClient},
	{"all_options_refused", OfClient},
	{"agencies_unresponsive", OfProvider},
	{"unreachable", OfClient},
}

// outcomeOfWithdrawal is the outcome a referral closes with when the client or the navigator takes it back.
var outcomeOfWithdrawal = map[string]string{
	"consent_withdrawn": "declined_by_client",
	"client_declined":   "declined_by_client",
	"met_elsewhere":     "met_elsewhere",
	"moved":             "moved",
	"deceased":          "deceased",
	"unreachable":       "unreachable",
	"duplicate":         "met_elsewhere",
	"other":             "declined_by_client",
}

// Needs are the kinds of help a referral can be for.
var Needs = []string{"housing", "shelter", "food", "income", "employment", "legal", "mental_health", "addiction", "health",
	"family", "seniors", "newcomers", "disability", "violence", "transportation", "utilities", "clothing", "other"}

// Known finds a code in a list.
func Known(list []Reason, code string) bool {
	return slices.ContainsFunc(list, func(r Reason) bool { return r.Code == code })
}

// AttributionOf gives the attribution of a code, and "" for a code the list does not have.
func AttributionOf(list []Reason, code string) Attribution {
	for _, r := range list {
		if r.Code == code {
			return r.Of
		}
	}
	return ""
}
