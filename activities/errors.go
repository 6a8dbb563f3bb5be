package activities

import (
	"fmt"

	"go.temporal.io/sdk/temporal"

	"throughline/referral"
)

// translate says which errors Temporal should retry. What the record refuses is refused again; the rest may pass: a
// database that is away, a lost connection. Only the code travels, never the text: texts may quote what people wrote.
func translate(err error) error {
	if err == nil {
		return nil
	}
	code := referral.CodeOf(err)
	switch code {
	case referral.CodeUnavailable, referral.CodeInternal, referral.CodeConflict:
		return temporal.NewApplicationError("the record can't be changed now", string(code))
	}
	return temporal.NewNonRetryableApplicationError("the record refuses", string(code), nil)
}

func wrongVerb(verb, asked referral.Name) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf("%s was asked to %s", verb, asked), "wrong_verb", nil)
}
