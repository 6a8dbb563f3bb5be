package referral

import "slices"

// Names that stand on the timeline beside the commands.
const (
	Refer            Name = "refer"             // the referral was written down
	NewLink          Name = "new_link"          // an agency asked on its page for a new link
	ConsentWithdrawn Name = "consent_withdrawn" // the client took back a consent that was given
	Deferred         Name = "deferred"          // the agency's mail server puts a letter off
	Mend             Name = "mend"              // the watchdog found something left undone and saw to it
)

// Left says what the watchdog found undone; the code of a mend.
type Left string

// What can be left undone.
const (
	WorkflowMissing Left = "workflow_missing" // an open referral without a workflow: it was started
	WorkflowFailing Left = "workflow_failing" // its workflow can't go on: what is due is done in its place
	StepOverdue     Left = "step_overdue"     // the clock did not do what was due: it was done in its place
	StepStuck       Left = "step_stuck"       // nor could the watchdog: a coordinator takes over
	LetterSilent    Left = "letter_silent"    // an attempt to mail never came to an end: someone calls
	LetterLeft      Left = "letter_left"      // a failed letter without anyone to see to it: someone calls
	LetterLost      Left = "letter_lost"      // a letter that nothing would have sent: it goes out
	LetterHeld      Left = "letter_held"      // a letter that may have gone out after a backup was made: someone calls
)

// Lefts lists them.
var Lefts = []Left{WorkflowMissing, WorkflowFailing, StepOverdue, StepStuck, LetterSilent, LetterLeft, LetterLost,
	LetterHeld}

// EventNames lists every name that can stand on a timeline, sorted.
func EventNames() []Name {
	names := append(CommandNames(), Refer, NewLink, ConsentWithdrawn, Deferred, Mend)
	slices.Sort(names)
	return names
}
