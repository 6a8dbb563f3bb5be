//go:build !seededbugs

package seeded

// Is reports that this binary has a defect. This one has none.
func Is(Bug) bool { return false }
