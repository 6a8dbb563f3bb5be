// Package faults drives thousands of referrals through random lives against the built binaries, while processes die,
// networks fail and the mail provider misbehaves by a plan that a seed decides. An outside log keeps what was
// acknowledged; when all is healed, the record, the provider's letters and the invariants are held against it.
package faults
