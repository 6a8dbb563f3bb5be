package telemetry

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// However many ask at once, the record is asked once, and again only when the numbers have grown old.
func TestNumbersAreCountedOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		r := &Reading[int]{Ask: func(context.Context) (int, error) {
			time.Sleep(time.Second)
			return int(asked.Add(1)), nil
		}}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				n, err := r.Get()
				assert.NoError(t, err)
				assert.Equal(t, 1, n)
			})
		}
		all.Wait()
		// It took a second, so it is not asked for twenty.
		time.Sleep(19 * time.Second)
		n, err := r.Get()
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		time.Sleep(2 * time.Second)
		n, err = r.Get()
		require.NoError(t, err)
		assert.Equal(t, 2, n)
	})
}

// A record that heeds no deadline keeps nobody waiting, and is not asked a second time meanwhile.
func TestARecordThatSaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		answer := make(chan struct{})
		r := &Reading[int]{Ask: func(context.Context) (int, error) { asked.Add(1); <-answer; return 7, nil }}
		for range 3 {
			began := time.Now()
			_, err := r.Get()
			assert.ErrorIs(t, err, errSilent)
			assert.Equal(t, patience, time.Since(began))
		}
		assert.EqualValues(t, 1, asked.Load())
		close(answer)
		synctest.Wait()
		n, err := r.Get()
		require.NoError(t, err)
		assert.Equal(t, 7, n)
	})
}

func TestARecordThatIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		r := &Reading[int]{Ask: func(context.Context) (int, error) { return 0, away }}
		_, err := r.Get()
		require.ErrorIs(t, err, away)
		r.Ask = func(context.Context) (int, error) { return 7, nil }
		_, err = r.Get()
		require.ErrorIs(t, err, away, "it is not asked at once again")
		time.Sleep(again)
		n, err := r.Get()
		require.NoError(t, err)
		assert.Equal(t, 7, n)
	})
}
