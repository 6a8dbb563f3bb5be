package casework

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/seal"
	"throughline/internal/seeded"
	"throughline/referral"
)

// ErrInFlight is the answer while a request with the same key is still at work: ask again in a moment.
var ErrInFlight = &referral.Error{Code: referral.CodeConflict, Field: "Idempotency-Key", Outcome: "in_flight",
	Message: "a request with this key is at work"}

// answer is what a key can be answered with. The zero value is the answer to a client who did not agree.
type answer interface {
	about() (subject string, id uuid.UUID)
	// names says what the answer is about, for who checks the record; the answer itself is sealed with the case's key.
	names() db.Answered
}

func (c Case) about() (string, uuid.UUID)     { return "case", c.ID }
func (in Intake) about() (string, uuid.UUID)  { return "case", in.CaseID }
func (r Referral) about() (string, uuid.UUID) { return "referral", r.ID }

func (c Case) names() db.Answered { return db.Answered{Case: some(c.ID)} }
func (in Intake) names() db.Answered {
	return db.Answered{Case: some(in.CaseID), Referral: some(in.ReferralID), Opened: in.CaseID != uuid.Nil}
}
func (r Referral) names() db.Answered { return db.Answered{Case: some(r.CaseID), Referral: some(r.ID)} }

// once does the work under a key, or gives the answer that the key got the first time, with an audit entry: it may hold
// personal data. The answer is kept in the same transaction as the work, so there is never one without the other.
func once[T answer](ctx context.Context, d *Desk, tx *sqlx.Tx, who Actor, key *Key, now time.Time, out *T, work func() error) error {
	if key == nil || seeded.Is(seeded.KeyTakenTwice) {
		return work()
	}
	busy, err := db.ClaimKey(ctx, tx, who.ID, key.Key)
	if err != nil {
		return err
	}
	if busy {
		return ErrInFlight
	}
	sum := sha256.Sum256(key.Body)
	before, found, err := db.FindAnswer(ctx, tx, who.Organisation, who.ID, key.Key)
	if err != nil {
		return err
	}
	if found {
		if destroyed(before.CaseKey) {
			return errErased
		}
		if !bytes.Equal(before.BodyHash, sum[:]) {
			return referral.Invalid("Idempotency-Key", "was used with another request")
		}
		if before.Case != nil {
			// What they were answered then may be out of their reach by now.
			if err := d.sees(ctx, tx, who, *before.Case); err != nil {
				return err
			}
		}
		body, err := d.openAnswer(before, answerRow(who, key))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(body, out); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		subject, id := (*out).about()
		return db.InsertAudit(ctx, tx, who.line(), now, "view", subject, id)
	}
	if err := work(); err != nil {
		return err
	}
	body, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	a := (*out).names()
	a.BodyHash = sum[:]
	if a.Body, err = d.sealAnswer(ctx, tx, a.Case, answerRow(who, key), body); err != nil {
		return err
	}
	return db.InsertAnswer(ctx, tx, who.Organisation, who.ID, key.Key, a, now)
}

func answerRow(who Actor, key *Key) string { return who.ID.String() + "/" + key.Key }

// sealAnswer seals an answer with the key of its case, which the work has just used. One that is about no case says
// nothing of anybody.
func (d *Desk) sealAnswer(ctx context.Context, tx *sqlx.Tx, caseID *uuid.UUID, row string, body []byte) ([]byte, error) {
	if caseID == nil {
		return body, nil
	}
	key, held := d.Keyring.Held(*caseID)
	if !held {
		k, err := db.FindCaseKey(ctx, tx, *caseID)
		if err != nil {
			return nil, err
		}
		if key, err = d.vault(*caseID, k).key(); err != nil {
			return nil, unreadable(err)
		}
	}
	sealed, err := key.Seal(seal.Place("idempotency", "body", row), string(body))
	return []byte(sealed), unreadable(err)
}

// errErased is the answer to a request whose first answer can't be given again, because the case was erased.
var errErased = &referral.Error{Code: referral.CodeConflict, Field: "Idempotency-Key", Outcome: "erased", Message: "what this key was answered with is erased"}

func (d *Desk) openAnswer(a db.Answered, row string) ([]byte, error) {
	if a.Case == nil {
		return a.Body, nil
	}
	key, err := d.vault(*a.Case, a.CaseKey).key()
	if err != nil {
		return nil, unreadable(err)
	}
	body, err := key.Open(seal.Place("idempotency", "body", row), string(a.Body))
	return []byte(body), unreadable(err)
}
