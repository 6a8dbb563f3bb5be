package casework

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	"throughline/directory"
)

// A directory is large and a process lives long: what is no longer known to be so is not remembered for ever.
func TestTermsAreForgotten(t *testing.T) {
	t.Parallel()
	var remembered terms
	begin := time.Now()
	learn := func(n int, at time.Time) {
		services := map[uuid.UUID]directory.OfferService{}
		for range n {
			services[uuid.New()] = directory.OfferService{}
		}
		remembered.put(services, at)
	}
	learn(mostTerms, begin)
	learn(1, begin)
	assert.Len(t, remembered.known, mostTerms+1, "what is still good stays, however much it is")
	learn(1, begin.Add(termsLife))
	assert.Len(t, remembered.known, 1)
}
