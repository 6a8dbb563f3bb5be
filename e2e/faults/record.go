package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/mail/mailtest"
	"throughline/referral"
)

// record is what the judge holds the outside log against: the record's tables, and the letters that the provider took.
type record struct {
	Referrals []referralRow
	Offers    []offerRow
	Timeline  []lineRow // in the order in which they were written
	Tasks     []taskRow
	Messages  []messageRow
	Events    []eventRow
	Taken     []mailtest.Received
	Said      []mailtest.Event // what the provider says of them, told or not
	Now       time.Time        // by the deployment's clocks
	Moved     bool             // some of its clocks were moved on the way
}

type referralRow struct {
	ID      uuid.UUID      `db:"id"`
	State   referral.State `db:"state"`
	Outcome string         `db:"outcome"`
	Version int            `db:"version"`
	Case    uuid.UUID      `db:"case_id"`
	Details string         `db:"details"`
	StepDo  referral.Name  `db:"step_do"`
	StepDue *time.Time     `db:"step_due"`
	db.CaseKey
}

type offerRow struct {
	ID       uuid.UUID           `db:"id"`
	Referral uuid.UUID           `db:"referral_id"`
	State    referral.OfferState `db:"state"`
	Visit    *time.Time          `db:"visit_at"`
	Zone     string              `db:"zone"` // of the service, as the directory has it
}

type lineRow struct {
	Referral uuid.UUID     `db:"referral_id"`
	Version  int           `db:"version"`
	At       time.Time     `db:"at"`
	What     referral.Name `db:"what"`
	Offer    *uuid.UUID    `db:"offer_id"`
	From     string        `db:"from_state"`
	To       string        `db:"to_state"`
	Actor    string        `db:"actor"`
	Via      string        `db:"via"`
	Note     string        `db:"note"`
	SealID   uuid.UUID     `db:"seal_id"`
}

type taskRow struct {
	ID       uuid.UUID          `db:"id"`
	Referral uuid.UUID          `db:"referral_id"`
	Offer    *uuid.UUID         `db:"offer_id"`
	Kind     referral.TaskKind  `db:"kind"`
	State    referral.TaskState `db:"state"`
}

type messageRow struct {
	ID         uuid.UUID       `db:"id"`
	Referral   uuid.UUID       `db:"referral_id"`
	Offer      uuid.UUID       `db:"offer_id"`
	Letter     referral.Letter `db:"letter"`
	StepKey    string          `db:"step_key"`
	Recipient  string          `db:"recipient"`
	Generation int             `db:"generation"`
	Reason     string          `db:"reason"`
	State      string          `db:"state"`
	Class      string          `db:"error_class"`
	Attempted  *time.Time      `db:"attempted_at"`
	Final      string          `db:"final"` // what is known of its arrival; "arrived" is a person's word
	Waits      bool            `db:"waits"` // its time has not come: further receipts go out in one letter, later
}

type eventRow struct {
	ID      string     `db:"event_id"`
	Message *uuid.UUID `db:"message_id"`
	Done    bool       `db:"done"`
}

// readRecord reads all of it in one moment.
func readRecord(ctx context.Context, databaseURL string) (r record, err error) {
	pool, err := sqlx.ConnectContext(ctx, "postgres", databaseURL)
	if err != nil {
		return r, fmt.Errorf("read the record: %w", err)
	}
	defer pool.Close()
	tx, err := pool.BeginTxx(ctx, nil)
	if err != nil {
		return r, fmt.Errorf("read the record: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	if _, err := tx.ExecContext(ctx, `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY`); err != nil {
		return r, fmt.Errorf("read the record: %w", err)
	}
	for _, q := range []struct {
		into  any
		query string
	}{
		{&r.Referrals, `SELECT r.id, r.state, r.outcome, r.version, r.case_id, r.details, r.step_do, r.step_due, k.wrapped AS case_key,
			coalesce(k.kek, '') AS case_kek FROM referrals r LEFT JOIN case_keys k ON k.case_id = r.case_id`},
		{&r.Offers, `SELECT o.id, o.referral_id, o.state, o.visit_at, coalesce(s.time_zone, '') AS zone
			FROM offers o LEFT JOIN services s ON s.id = o.service_id`},
		{&r.Timeline, `SELECT referral_id, version, at, what, offer_id, from_state, to_state, via, note, seal_id,
			concat_ws('/', actor_role, actor_for, actor_id, via) AS actor FROM timeline ORDER BY referral_id, version, id`},
		{&r.Tasks, `SELECT id, referral_id, offer_id, kind, state FROM tasks`},
		{&r.Messages, `SELECT m.id, m.referral_id, m.offer_id, m.letter, m.step_key, m.recipient, m.generation, m.reason, m.state,
			m.error_class, m.attempted_at, m.final, coalesce(o.done_at IS NULL AND o.attempts = 0 AND o.available_at > now(), false) AS waits
			FROM messages m LEFT JOIN outbox o ON o.message_id = m.id`},
		{&r.Events, `SELECT event_id, message_id, processed_at IS NOT NULL AS done FROM provider_events`},
	} {
		if err := tx.SelectContext(ctx, q.into, q.query); err != nil {
			return r, fmt.Errorf("read the record: %w", err)
		}
	}
	return r, r.open()
}
