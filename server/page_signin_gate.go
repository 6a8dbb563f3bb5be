package server

import "context"

// Bounds of signing in. How often someone may be wrong is in the record, so that it survives a restart.
const (
	signInsAtOnce = 4   // each takes 19 MiB and a processor for a while: a crowd waits its turn
	maxEmail      = 254 // RFC 5321, 4.5.3.1.3, without the angle brackets
	maxPassword   = 4_000
)

// gate keeps checks of passwords from taking all of the machine.
type gate struct{ room chan struct{} }

func newGate() gate { return gate{room: make(chan struct{}, signInsAtOnce)} }

// enter does a check in its turn. Errors: the end of the request, when it comes first; and those of the check.
func (g gate) enter(ctx context.Context, check func(context.Context) error) error {
	select {
	case g.room <- struct{}{}:
		defer func() { <-g.room }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return check(ctx)
}
