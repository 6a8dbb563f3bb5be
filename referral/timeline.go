package referral

import "slices"

// Names that stand on the timeline beside the commands.
const (
	Refer            Name = "refer"             // the referral was written down
	NewLink          Name = "new_link"          // an agency asked on its page for a new link
	ConsentWithdrawn Name = "consent_withdrawn" // the client took back a consent that was given
	Deferred         Name = "deferred"          // the agency's mail server puts a letter off
)

// EventNames lists every name that can stand on a timeline, sorted.
func EventNames() []Name {
	names := append(CommandNames(), Refer, NewLink, ConsentWithdrawn, Deferred)
	slices.Sort(names)
	return names
}
