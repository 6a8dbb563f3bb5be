package casework

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// ErrInFlight is the answer while a request with the same key is still at work: ask again in a moment.
var ErrInFlight = &referral.Error{Code: referral.CodeConflict, Field: "Idempotency-Key", Outcome: "in_flight",
	Message: "a request with this key is at work"}

// once does the work under a key, or gives the answer that the key got the first time. The answer is kept in the same
// transaction as the work, so there is never one without the other.
func once[T any](ctx context.Context, tx *sqlx.Tx, who Actor, key *Key, now time.Time, out *T, work func() error) error {
	if key == nil {
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
		return json.Unmarshal(before.Body, out)
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
