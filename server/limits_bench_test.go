package server

import (
	"log/slog"
	"testing"
	"time"

	"throughline/db/dbtest"
	"throughline/internal/clock"
)

// What a limit costs a request: from memory, with a tenth of the bound taken at once, and with a statement each time.
func BenchmarkLimits(b *testing.B) {
	shared := &book{db: dbtest.App(b, dbtest.New(b)), log: slog.New(slog.DiscardHandler)}
	for name, t := range map[string]*throttle{
		"memory":    newThrottle(clock.System{}, nil, "memory", 1<<30, time.Hour),
		"tenths":    newThrottle(clock.System{}, shared, "tenths", 60, time.Hour),
		"statement": newThrottle(clock.System{}, shared, "statement", 9, time.Hour),
	} {
		b.Run(name, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				if n%t.most == 0 {
					t.what += "." // another key, once this one has had its fill
				}
				if wait := t.wait(b.Context(), "canary"); wait != 0 {
					b.Fatal(wait)
				}
			}
		})
	}
}
