// Package casework changes the record. One method is one transaction: it locks the referral, asks package referral
// whether the command is legal, and writes the new state, the timeline, the audit entry and the outbox together.
// Nothing here touches the network but Postgres.
package casework

import (
	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/internal/clock"
	"throughline/internal/seal"
	"throughline/referral"
)

// Desk is where cases are worked on.
type Desk struct {
	DB    *sqlx.DB
	Clock clock.Clock
	// Keyring seals and opens what people wrote; nil for work that has nothing to do with it.
	Keyring *seal.Keyring
	// Nudge, when set, is called after a commit that left something in the outbox, so that it goes out at once.
	Nudge func()
	// NudgeEvents, when set, is called after a commit that left events of the mail provider to be applied.
	NudgeEvents func()
	// Reports names the mail provider that reports to us what becomes of its letters; "" when none does. Nothing final is
	// expected of any other.
	Reports string

	known  terms
	blinds blinds
}

// New makes a desk on a migrated database.
func New(db *sqlx.DB, c clock.Clock, keys *seal.Keyring, nudge func()) *Desk {
	if nudge == nil {
		nudge = func() {}
	}
	return &Desk{DB: db, Clock: c, Keyring: keys, Nudge: nudge}
}

// Actor is who asks, and on what way the request came.
type Actor struct {
	referral.Actor
	Organisation uuid.UUID
	Name         string // shown on the timeline; for an agency's link the name that was typed
	Via          Via
}

// Via is the way a request came.
type Via string

// Ways in.
const (
	ViaPage  Via = "page"
	ViaAPI   Via = "api"
	ViaLink  Via = "link"
	ViaClock Via = "clock"
	ViaMail  Via = "mail"
	ViaCLI   Via = "cli"

	ViaWatchdog Via = "watchdog"
)

// ClockActor is the clock acting for an organisation.
func ClockActor(organisation uuid.UUID) Actor {
	return Actor{Actor: referral.Actor{Role: referral.System}, Organisation: organisation, Via: ViaClock}
}

// watchdog acts in the clock's place. The clock is told of what it did.
func watchdog(organisation uuid.UUID) Actor {
	return Actor{Actor: referral.Actor{Role: referral.System}, Organisation: organisation, Via: ViaWatchdog}
}

// staffOnly refuses anyone without an account of the organisation.
func (a Actor) staffOnly() error {
	if a.Role.Staff() && a.ID != uuid.Nil {
		return nil
	}
	return &referral.Error{Code: referral.CodeForbidden, Message: "this is for staff of the helpline"}
}
