//go:build linux

package faults

import (
	"strings"
	"testing"
)

// A new Go may begin time.Now otherwise; then make chaos would only find out after an hour.
func TestTheClockOfThisGoCanBeMoved(t *testing.T) {
	t.Parallel()
	flags, err := movableClock(t.Context(), t.TempDir())
	if err != nil || len(flags) != 2 || !strings.HasSuffix(flags[1], ".json") {
		t.Errorf("%q, %v", flags, err)
	}
}
