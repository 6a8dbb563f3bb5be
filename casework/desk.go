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
	// SecondFactorFor are the roles that must have a second factor, unless they come by single sign-on.
	SecondFactorFor []referral.Role

	known  terms
	blinds blinds
}

// New makes a desk on a migrated database.
func New(db *sqlx.DB, c clock.Clock, keys *seal.Keyring, nudge func()) *Desk {
	if nudge == nil {
		nudge = func() {}
	}
	return &Desk{DB: db, Clock: c, Keyring: keys, Nudge: nudge, SecondFactorFor: SecondFactorRoles}
}

// Actor is who asks, and on what way the request came.
type Actor struct {
	referral.Actor
	Organisation uuid.UUID
	Region       uuid.UUID // whose cases alone are seen; nil UUID: all of the organisation's
	Partner      string    // the organisation that a partner refers for
	Name         string    // shown on the timeline; for an agency's link the name that was typed
	Via          Via
	Because      Because // the audit keeps it
}

// Because is what lets someone in who is not at work on a case: a code, and the id of what it speaks of. The zero value
// is whoever is at work.
type Because struct {
	Code string
	ID   uuid.UUID
}

// because says what an entry of the audit speaks of.
func (a Actor) because(code string, id uuid.UUID) Actor {
	a.Because = Because{Code: code, ID: id}
	return a
}

// agencyOf is the agency of an offer, which has no account: it is let in by what was mailed to it.
func agencyOf(organisation, offer uuid.UUID, name string) Actor {
	return Actor{Actor: referral.Actor{Role: referral.Agency}, Organisation: organisation, Name: name, Via: ViaLink,
		Because: Because{Code: "link", ID: offer}}
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
	return system(organisation, ViaClock)
}

// watchdog acts in the clock's place. The clock is told of what it did.
func watchdog(organisation uuid.UUID) Actor {
	return system(organisation, ViaWatchdog)
}

// system acts by itself, for nobody.
func system(organisation uuid.UUID, via Via) Actor {
	return Actor{Actor: referral.Actor{Role: referral.System}, Organisation: organisation, Via: via}
}
