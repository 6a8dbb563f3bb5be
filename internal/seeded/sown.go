//go:build seededbugs

package seeded

import (
	"os"
	"slices"
	"strings"
)

var sown = strings.Split(os.Getenv(Variable), ",")

// Is reports that this binary has a defect.
func Is(b Bug) bool { return slices.Contains(sown, string(b)) }
