package referral

import (
	"crypto/sha256"
	"fmt"

	"github.com/google/uuid"
)

// ShortName is the name of one referral that letters to agencies carry and people can say on the phone: "R-7Q2M-K4TX".
// It is not the case's reference: two agencies with the same client must not be able to tell.
func ShortName(id uuid.UUID) string {
	// Crockford's base 32 has no look-alikes.
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	sum := sha256.Sum256(id[:])
	var b [8]byte
	for i := range b {
		b[i] = alphabet[sum[i]%32]
	}
	return fmt.Sprintf("R-%s-%s", b[:4], b[4:])
}
