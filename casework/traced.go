package casework

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"throughline/internal/trace"
	"throughline/referral"
)

// traceable are the commands that a trace may name: a command comes from outside, and may be any text until the rules
// have refused it.
var traceable = append(referral.CommandNames(), referral.Refer)

// traced begins the span of a command: its name and whose referral it is about. done ends it with what came of it.
func traced(ctx context.Context, do referral.Name, organisation uuid.UUID) (_ context.Context, done func(error)) {
	if !slices.Contains(traceable, do) {
		do = "other"
	}
	ctx, span := trace.Start(ctx, "casework."+string(do), trace.Command(string(do)), trace.Organisation(organisation))
	return ctx, func(err error) { span.End(codeOf(err)) }
}

// codeOf is the code that an error stands for; "" for none.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return string(referral.CodeOf(err))
}
