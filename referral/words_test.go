package referral_test

import (
	"slices"
	"testing"

	"throughline/locale"
	"throughline/referral"
)

// keysOfTheRules are the texts that a page needs for every code that the rules can put on it.
func keysOfTheRules() []string {
	var keys []string
	add := func(prefix string, codes ...string) {
		for _, c := range codes {
			keys = append(keys, prefix+c)
		}
	}
	add("referral_state.", texts(referral.States)...)
	for _, w := range referral.MailWords {
		if w.Hard() {
			add("undelivered.", string(w))
		}
	}
	add("undelivered.", "unheard")
	add("letter.", texts([]referral.Letter{referral.OfferLetter, referral.ReminderLetter, referral.AskLetter, referral.AnsweredLetter,
		referral.ReceiptLetter, referral.WithdrawnLetter, referral.NarrowedLetter, referral.NewLinkLetter})...)
	for _, s := range referral.OfferStates {
		add("offer_state.", string(s), string(s)+".hint")
	}
	for prefix, list := range map[string][]referral.Reason{
		"decline.": referral.DeclineReasons, "fail.": referral.FailReasons, "resend.": referral.ResendReasons, "withdraw.": append(slices.Clone(referral.WithdrawReasons), referral.ServiceClosed),
		"outcome.": referral.Outcomes, "unmet.": referral.UnmetReasons,
	} {
		for _, r := range list {
			add(prefix, r.Code)
			add("attribution.", string(r.Of))
		}
	}
	add("need.", referral.Needs...)
	add("group.", texts(referral.Groups)...)
	add("group_short.", texts(referral.Groups)...)
	add("capacity.", referral.Capacities...)
	add("urgency.", texts(referral.Urgencies)...)
	add("evidence.", texts([]referral.Evidence{referral.ByNobody, referral.ByAgency, referral.ByClient, referral.ByBoth})...)
	add("role.", texts(append([]referral.Role{referral.System, referral.Agency, referral.Client}, referral.AccountRoles...))...)
	for _, k := range referral.TaskKinds {
		add("task.", string(k), string(k)+".do")
	}
	add("task_state.", texts([]referral.TaskState{referral.TaskOpen, referral.TaskDone, referral.TaskOvertaken})...)
	add("cause.", "mail_failed", "mail_pending", "mail_unknown", "mail_deferred", "mail_unheard", "mail_undelivered", "no_address", "asked", "contact_attempts",
		"outcome_reported", "consent_expires", "consent_expired", "consent_withdrawn", "nobody_left", "waitlisted", "failed", "silence", string(referral.StepStuck))
	add("mend.", texts(referral.Lefts)...)
	add("step.", string(referral.FinishDraft))
	add("event.", texts(referral.EventNames())...)
	for _, n := range referral.CommandNames() {
		add("command.", string(n))
		if n.ByClock() && n != referral.Undelivered && n != referral.Delivered && n != referral.PassOver {
			add("step.", string(n))
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(keys)))
}

func texts[T ~string](list []T) []string {
	var out []string
	for _, v := range list {
		out = append(out, string(v))
	}
	return out
}

func TestEveryCodeHasItsWordsInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, lang := range locale.Languages {
		l := locale.For(lang)
		known, err := locale.Keys(lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keysOfTheRules() {
			if !slices.Contains(known, key) || l.T(key) == "["+key+"]" {
				t.Errorf("%s has no text for %s", lang, key)
			}
		}
	}
}
