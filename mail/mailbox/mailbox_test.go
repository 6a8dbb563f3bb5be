package mailbox_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/mail"
	"throughline/mail/mailbox"
)

var _ mail.Sender = (*mailbox.Mailbox)(nil)

func aMessage() mail.Message {
	return mail.Message{
		ID: uuid.New(), From: mail.Address{Name: "211", Email: "refer@helpline.example"},
		To: mail.Address{Name: "Intake", Email: "intake@agency.example"}, Locale: "fr",
		Subject: "Nouvel aiguillage", Text: "Bonjour\n", HTML: "<p>Bonjour</p>",
	}
}

func open(t *testing.T) (*mailbox.Mailbox, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data", "mailbox")
	b, err := mailbox.Open(dir)
	require.NoError(t, err)
	return b, dir
}

func TestWhatIsSentIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	b, dir := open(t)
	m := aMessage()
	receipt, err := b.Send(t.Context(), m)
	require.NoError(t, err)
	assert.Equal(t, m.ID.String(), receipt.ProviderID)

	again, err := mailbox.Open(dir)
	require.NoError(t, err)
	item, err := again.Get(t.Context(), m.ID.String())
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), item.At, time.Minute)
	item.At = time.Time{}
	assert.Equal(t, mailbox.Item{
		ID: m.ID.String(), To: m.To, From: m.From, Locale: "fr", Subject: m.Subject, Text: m.Text, HTML: m.HTML,
	}, item)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, files, 1, "no draft is left behind")
}

func TestNewestFirst(t *testing.T) {
	t.Parallel()
	b, _ := open(t)
	empty, err := b.List(t.Context())
	require.NoError(t, err)
	assert.Empty(t, empty)
	var want []string
	for range 5 {
		m := aMessage()
		_, err := b.Send(t.Context(), m)
		require.NoError(t, err)
		want = append([]string{m.ID.String()}, want...)
	}
	items, err := b.List(t.Context())
	require.NoError(t, err)
	var got []string
	for _, item := range items {
		got = append(got, item.ID)
	}
	assert.Equal(t, want, got)
}

// Twenty senders at once, over two openings of one directory, as two processes would have it.
func TestADuplicateShows(t *testing.T) {
	t.Parallel()
	b, dir := open(t)
	other, err := mailbox.Open(dir)
	require.NoError(t, err)
	m := aMessage()
	var wg sync.WaitGroup
	for i := range 20 {
		box := b
		if i%2 == 1 {
			box = other
		}
		wg.Go(func() {
			_, err := box.Send(t.Context(), m)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	items, err := b.List(t.Context())
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, item := range items {
		ids[item.ID] = true
	}
	assert.Len(t, ids, 20)
	assert.True(t, ids[m.ID.String()+".20"])
	second, err := b.Get(t.Context(), m.ID.String()+".2")
	require.NoError(t, err)
	assert.Equal(t, m.Subject, second.Subject)
}

func TestADraftLeftByACrashIsNoEmail(t *testing.T) {
	t.Parallel()
	b, dir := open(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".draft-123"), []byte(`{"ID":`), 0o600))
	items, err := b.List(t.Context())
	require.NoError(t, err)
	assert.Empty(t, items)
}

func TestOnlyItemsAreGiven(t *testing.T) {
	t.Parallel()
	b, dir := open(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "..", "secret.json"), []byte(`{}`), 0o600))
	for _, id := range []string{"", "../secret", uuid.NewString(), uuid.NewString() + ".2", "..", "%2e%2e/secret"} {
		_, err := b.Get(t.Context(), id)
		assert.ErrorIs(t, err, fs.ErrNotExist, id)
	}
}

func TestFailuresKeepNothing(t *testing.T) {
	t.Parallel()
	b, dir := open(t)
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	bad := aMessage()
	bad.Subject = "two\nlines"
	for class, send := range map[string]func() error{
		"cancelled":   func() error { _, err := b.Send(stopped, aMessage()); return err },
		"bad_address": func() error { _, err := b.Send(t.Context(), bad); return err },
	} {
		var failed *mail.Error
		require.ErrorAs(t, send(), &failed)
		assert.Equal(t, class, failed.Class)
	}
	require.NoError(t, os.RemoveAll(dir))
	_, err := b.Send(t.Context(), aMessage())
	var failed *mail.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, mail.NotSent, failed.Outcome)
	assert.Equal(t, "disk", failed.Class)
}
