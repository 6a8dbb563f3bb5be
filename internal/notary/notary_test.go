package notary_test

import (
	"context"
	"crypto/ed25519"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
	"throughline/internal/notary"
)

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return key
}

// helpline makes an organisation with entries in its audit.
func helpline(t *testing.T, d *sqlx.DB, entries int) uuid.UUID {
	t.Helper()
	o := db.Organisation{ID: uuid.New(), Name: "211", TimeZone: "America/Toronto", CreatedAt: time.Now()}
	require.NoError(t, db.InsertOrganisation(t.Context(), d, o))
	for range entries {
		look(t, d, o.ID)
	}
	return o.ID
}

func look(t *testing.T, d *sqlx.DB, organisation uuid.UUID) {
	t.Helper()
	require.NoError(t, db.InsertAudit(t.Context(), d, db.Who{Organisation: organisation, Role: "navigator", Via: "page"}, time.Now(), "view", "case", uuid.New()))
}

func link(t *testing.T, d *sqlx.DB) {
	t.Helper()
	_, err := db.LinkAudit(t.Context(), d, 1000)
	require.NoError(t, err)
}

func exported(t *testing.T, target notary.Target) []notary.SignedHead {
	t.Helper()
	lines, err := target.Lines(t.Context())
	require.NoError(t, err)
	defer lines.Close()
	heads, err := notary.Read(lines)
	require.NoError(t, err)
	return heads
}

// targets are a file and a store that answers over HTTP.
func targets(t *testing.T) map[string]notary.Target {
	t.Helper()
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket("audit"))
	store := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(store.Close)
	found := map[string]notary.Target{}
	for name, s := range map[string]notary.Settings{
		"file":  {Target: "file://" + filepath.Join(t.TempDir(), "folder", "heads.jsonl")},
		"store": {Target: "s3://audit/heads/here", Endpoint: store.URL, Region: "ca-central-1", Access: "access", Secret: "secret"},
	} {
		target, err := notary.Open(s)
		require.NoError(t, err)
		found[name] = target
	}
	return found
}

func TestHeadsAreSignedAndWrittenDown(t *testing.T) {
	t.Parallel()
	for name, target := range targets(t) {
		d, key, now := dbtest.New(t), newKey(t), time.Now()
		n := &notary.Notary{DB: d, Log: slog.New(slog.DiscardHandler), Key: key, Target: target, Now: func() time.Time { return now }}
		first, second := helpline(t, d, 3), helpline(t, d, 1)
		link(t, d)
		written, err := n.Export(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 2, written, name)
		look(t, d, first)
		link(t, d)
		written, err = n.Export(t.Context())
		require.NoError(t, err)
		assert.Zero(t, written, "five minutes have not passed")
		now = now.Add(6 * time.Minute)
		written, err = n.Export(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, written, "the other's chain has not grown")
		now = now.Add(25 * time.Hour)
		written, err = n.Export(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 2, written, "once a day it says that it is still here")

		heads := exported(t, target)
		require.Len(t, heads, 5)
		seqs := map[uuid.UUID][]int64{}
		for _, h := range heads {
			seqs[h.Organisation] = append(seqs[h.Organisation], h.Seq)
			assert.True(t, h.By(key.Public().(ed25519.PublicKey)))
			assert.False(t, h.By(newKey(t).Public().(ed25519.PublicKey)), "another key")
			forged := h
			forged.Seq++
			assert.False(t, forged.By(key.Public().(ed25519.PublicKey)))
		}
		assert.Equal(t, []int64{3, 4, 4}, seqs[first], name)
		assert.Equal(t, []int64{1, 1}, seqs[second], name)
	}
}

// failing refuses until it is told not to.
type failing struct {
	notary.Target
	broken atomic.Bool
}

func (f *failing) Append(ctx context.Context, lines []byte) error {
	if f.broken.Load() {
		return &notary.StoreError{Code: "slowdown"}
	}
	return f.Target.Append(ctx, lines)
}

func TestAFailedExportIsCountedAndTriedAgain(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	helpline(t, d, 1)
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	var failures atomic.Int64
	target := &failing{Target: notary.File(filepath.Join(t.TempDir(), "heads"))}
	target.broken.Store(true)
	n := &notary.Notary{DB: d, Log: slog.New(slog.DiscardHandler), Key: newKey(t), Target: target,
		Now: func() time.Time { return time.Unix(0, now.Load()) }, Count: func(kind string) {
			assert.Equal(t, notary.ExportFailed, kind)
			failures.Add(1)
		}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { n.Run(ctx); close(ended) }()
	require.Eventually(t, func() bool { return failures.Load() > 0 }, 20*time.Second, 10*time.Millisecond)
	standing, err := db.ReadStanding(t.Context(), d, time.Now())
	require.NoError(t, err)
	assert.Equal(t, 1, standing.Exports.Count, "it is behind")
	assert.False(t, standing.Exports.Oldest.IsZero())
	assert.Zero(t, standing.Unlinked.Count)

	target.broken.Store(false)
	now.Add(int64(time.Minute))
	require.Eventually(t, func() bool {
		s, err := db.ReadStanding(t.Context(), d, time.Now())
		return err == nil && s.Exports.Count == 0
	}, 20*time.Second, 10*time.Millisecond)
	assert.Len(t, exported(t, target), 1)
	stop()
	<-ended
}

// A store that can't be reached says so by a code, and by nothing that it was told.
func TestAStoreThatRefuses(t *testing.T) {
	t.Parallel()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<Error><Code>AccessDenied</Code><Message>key hunter2 of bucket</Message></Error>`))
	}))
	defer refuses.Close()
	target, err := notary.Open(notary.Settings{Target: "s3://audit/x", Endpoint: refuses.URL, Region: "r", Access: "a", Secret: "hunter2hunter2"})
	require.NoError(t, err)
	err = target.Append(t.Context(), []byte("{}\n"))
	require.EqualError(t, err, "the store refuses: accessdenied")
	_, err = target.Lines(t.Context())
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
}

// One process at a time exports: the lock is another's.
func TestOneExportsAtATime(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	helpline(t, d, 1)
	link(t, d)
	n := &notary.Notary{DB: d, Log: slog.New(slog.DiscardHandler), Key: newKey(t), Target: notary.File(filepath.Join(t.TempDir(), "heads")), Now: time.Now}
	require.NoError(t, db.Alone(t.Context(), d, db.ExportLock, func(context.Context, *sqlx.Conn) error {
		written, err := n.Export(t.Context())
		assert.Zero(t, written)
		return err
	}))
	written, err := n.Export(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, written)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"heads.jsonl", "file://heads.jsonl", "file:///folder/", "https://example.org", "s3:///x", "s3://bucket"} {
		_, err := notary.Open(notary.Settings{Target: target, Secret: "hunter2"})
		require.Error(t, err, target)
		assert.NotContains(t, err.Error(), "hunter2")
	}
	key := newKey(t)
	public, err := notary.ParsePublic(notary.PublicText(key.Public().(ed25519.PublicKey)))
	require.NoError(t, err)
	assert.Equal(t, key.Public(), public)
}

// What is no head is refused by its line, unseen.
func TestALineThatIsNoHead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "heads")
	require.NoError(t, os.WriteFile(path, []byte("\n{\"seq\":1}\nhunter2\n"), 0o600))
	lines, err := notary.File(path).Lines(t.Context())
	require.NoError(t, err)
	defer lines.Close()
	_, err = notary.Read(io.Reader(lines))
	require.EqualError(t, err, "line 3 is not the head of a chain")
}
