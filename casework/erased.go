package casework

import (
	"throughline/db"
	"throughline/referral"
)

// ErasedOutcome is the outcome of a conflict with an erasure: the case is there, and nothing that people said of it.
const ErasedOutcome = "erased"

// errErasedCase is the answer to whoever would write more of a case that was erased.
var errErasedCase = &referral.Error{Code: referral.CodeConflict, Field: "case", Outcome: ErasedOutcome, Message: "the case was erased"}

// destroyed reports a key that there was and that is no more, and with it all that it sealed.
func destroyed(k db.CaseKey) bool { return k.KEK != "" && k.Wrapped == nil }
