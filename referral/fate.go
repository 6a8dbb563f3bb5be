package referral

import "time"

// MailWord is a mail provider's word about a letter, as SendGrid's Event Webhook puts it.
type MailWord string

// The provider's words that change what we know of a letter, and a person's.
const (
	WordProcessed        MailWord = "processed" // taken, on its way
	WordDeferred         MailWord = "deferred"  // put off by the other side; tried again for up to three days
	WordDelivered        MailWord = "delivered" // taken by the other side's mail server
	WordBounce           MailWord = "bounce"    // refused by it for good
	WordBlocked          MailWord = "blocked"   // refused by it for the moment, and not tried again
	WordDropped          MailWord = "dropped"   // not even tried: the address has bounced or complained before
	WordSpamReport       MailWord = "spamreport"
	WordUnsubscribe      MailWord = "unsubscribe"
	WordGroupUnsubscribe MailWord = "group_unsubscribe"
	WordArrived          MailWord = "arrived" // a person at the agency says that it is there
)

// MailHints are words that a provider may say and that change nothing: a machine opens and clicks too.
var MailHints = []MailWord{"open", "click", "group_resubscribe"}

// MailWords lists the provider's words that count.
var MailWords = []MailWord{WordProcessed, WordDeferred, WordDelivered, WordBounce, WordBlocked, WordDropped, WordSpamReport,
	WordUnsubscribe, WordGroupUnsubscribe}

// Hard reports that the letter did not arrive, or that the address takes no more of them: a person must call.
func (w MailWord) Hard() bool {
	switch w {
	case WordBounce, WordBlocked, WordDropped, WordSpamReport, WordUnsubscribe, WordGroupUnsubscribe:
		return true
	}
	return false
}

// Fate is what is known of a letter after it was handed over. The zero value: nothing yet.
type Fate struct {
	Deferred time.Time // when it was first put off; zero: never
	Final    MailWord  // delivered, arrived or a hard failure; "": not known
	At       time.Time // when that happened
}

// Hear adds a word to a letter's fate. Words come late, more than once and in any order; the fate is the same in
// whichever order they are heard:
//
//   - A hard failure stands over delivered, whichever happened first: a mail server may take a letter and send it back
//     after, complaints follow delivery by nature, and a needless call costs less than a letter that nobody got.
//   - Of several failures the one that happened first stands.
//   - Delivered stands over deferred: being put off before says nothing any more.
//   - A person's word that it arrived stands over all that happened before it, and falls to a failure after it.
func (f Fate) Hear(w MailWord, at time.Time) Fate {
	switch {
	case w == WordDeferred:
		if f.Deferred.IsZero() || at.Before(f.Deferred) {
			f.Deferred = at
		}
	case w == WordArrived:
		f.Final, f.At = w, at
	case w.Hard() && (f.Final == WordArrived && !at.After(f.At)):
	case w.Hard() && (!f.Final.Hard() || f.before(w, at)), w == WordDelivered && (f.Final == "" || (f.Final == w && at.Before(f.At))):
		f.Final, f.At = w, at
	}
	return f
}

// before reports that a failure happened before the one that is known; of two in one second the name decides, so that
// the order of hearing does not.
func (f Fate) before(w MailWord, at time.Time) bool {
	return at.Before(f.At) || (at.Equal(f.At) && w < f.Final)
}
