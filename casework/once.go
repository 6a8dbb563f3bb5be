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
	"throughline/internal/seeded"
	"throughline/referral"
)

// ErrInFlight is the answer while a request with the same key is still at work: ask again in a moment.
var ErrInFlight = &referral.Error{Code: referral.CodeConflict, Field: "Idempotency-Key", Outcome: "in_flight",
	Message: "a request with this key is at work"}

// answer is what a key can be answered with. The zero value is the answer to a client who did not agree.
type answer interface {
	about() (subject string, id uuid.UUID)
}

func (c Case) about() (string, uuid.UUID)     { return "case", c.ID }
func (in Intake) about() (string, uuid.UUID)  { return "case", in.CaseID }
func (r Referral) about() (string, uuid.UUID) { return "referral", r.ID }

// once does the work under a key, or gives the answer that the key got the first time, with an audit entry: it may hold
// personal data. The answer is kept in the same transaction as the work, so there is never one without the other.
func once[T answer](ctx context.Context, tx *sqlx.Tx, who Actor, key *Key, now time.Time, out *T, work func() error) error {
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
		if !bytes.Equal(before.BodyHash, sum[:]) {
			return referral.Invalid("Idempotency-Key", "was used with another request")
		}
		if err := json.Unmarshal(before.Body, out); err != nil {
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
	return db.InsertAnswer(ctx, tx, who.Organisation, who.ID, key.Key, db.Answered{BodyHash: sum[:], Body: body}, now)
}
