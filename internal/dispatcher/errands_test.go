package dispatcher_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
)

// household takes what it is told, unless it is away.
type household struct {
	mu      sync.Mutex
	away    bool
	told    []string
	asked   int
	keeping map[uuid.UUID]bool
}

func (h *household) Attend(_ context.Context, kind string, id uuid.UUID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asked++; h.away {
		return errors.New("nobody is in")
	}
	h.told = append(h.told, kind+" "+id.String())
	return nil
}

func (h *household) KeepRetention(_ context.Context, organisation uuid.UUID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away {
		return errors.New("nobody is in")
	}
	h.keeping[organisation] = true
	return nil
}

func (h *household) look(at func() bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return at()
}

// What a transaction promised is told once the other side is there, and each organisation's schedule is kept.
func TestErrandsWaitUntilTheyAreTold(t *testing.T) {
	t.Parallel()
	o := open(t)
	h := &household{away: true, keeping: map[uuid.UUID]bool{}}
	o.House = h
	subject := uuid.New()
	require.NoError(t, db.InTx(db.AsSystem(t.Context()), o.desk.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		return db.RunErrand(ctx, tx, o.who.Organisation, db.ErrandErasure, subject, o.desk.Clock.Now())
	}))
	o.run(o.Dispatcher)
	o.until("it was tried", func() bool { return h.look(func() bool { return h.asked > 0 }) })
	assert.Equal(t, 1, one[int](o, `SELECT count(*) FROM errands`), "it is not forgotten")
	h.look(func() bool { h.away = false; return true })
	o.until("it is told", func() bool {
		return h.look(func() bool { return len(h.told) > 0 && h.told[0] == "erasure "+subject.String() })
	})
	o.until("it is done with", func() bool { return one[int](o, `SELECT count(*) FROM errands`) == 0 })
	o.until("the schedule is kept", func() bool { return h.look(func() bool { return h.keeping[o.who.Organisation] }) })
}
