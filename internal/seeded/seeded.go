// Package seeded holds defects that are sown on purpose, to prove that what looks for defects finds them. Only a binary
// built with the tag seededbugs can have one, one at a time; in every other Is is false and the compiler leaves the
// defect out.
package seeded

// Bug is one defect, by name.
type Bug string

// The defects, each in the words of the promise that it breaks.
const (
	MarkedBeforeSent    Bug = "marked_before_sent"    // a letter counts as sent before the provider is called
	SentWithoutFence    Bug = "sent_without_fence"    // who takes a letter over does not see that another had it
	AmbiguousSentAgain  Bug = "ambiguous_sent_again"  // a letter that may have left is sent again
	SentAfterAnswer     Bug = "sent_after_answer"     // a reminder leaves though the agency has answered
	FailureUnnoticed    Bug = "failure_unnoticed"     // a letter that failed tells nobody
	BounceIgnored       Bug = "bounce_ignored"        // the provider's word that a letter came back changes nothing
	GetDecides          Bug = "get_decides"           // opening a link can decide
	TimeZoneIgnored     Bug = "time_zone_ignored"     // an agency's clock is taken for UTC
	TokenLogged         Bug = "token_logged"          // the log holds addresses instead of routes
	KeyTakenTwice       Bug = "key_taken_twice"       // the same key is carried out each time
	CommitUnchecked     Bug = "commit_unchecked"      // an answer does not wait for its commit to be good
	PromisedAfterCommit Bug = "promised_after_commit" // the outbox row comes a moment after the transaction
	NewsLost            Bug = "news_lost"             // a workflow is not told of changes
	VersionUnchecked    Bug = "version_unchecked"     // nobody locks a referral, or looks at its version
	SilenceEnds         Bug = "silence_ends"          // with nobody left to ask, the clock closes the referral
	WatchdogOff         Bug = "watchdog_off"          // who leads the watch does not look
	MovesAfterEnd       Bug = "moves_after_end"       // a closed referral takes commands as if it were open
)

// Bugs lists them all.
var Bugs = []Bug{MarkedBeforeSent, SentWithoutFence, AmbiguousSentAgain, SentAfterAnswer, FailureUnnoticed, BounceIgnored, GetDecides,
	TimeZoneIgnored,
	TokenLogged, KeyTakenTwice, CommitUnchecked, PromisedAfterCommit, NewsLost, VersionUnchecked, SilenceEnds,
	WatchdogOff, MovesAfterEnd}

// Variable names the environment variable that chooses defects, by name, with commas between them.
const Variable = "THROUGHLINE_SEEDED_BUGS"
