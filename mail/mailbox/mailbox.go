// Package mailbox is the Sender of the development binary: it keeps each email as a file instead of sending it, for the
// page that shows what an agency would have received. It holds working links, so production never links it.
package mailbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"throughline/mail"
)

// Item is one email as it was handed over.
type Item struct {
	// ID is the message's id; a message handed over again is another item, "<id>.2", "<id>.3" …, so that a duplicate shows.
	ID            string
	At            time.Time // UTC
	To, From      mail.Address
	Locale        string
	Subject, Text string
	HTML          string
}

// Mailbox keeps emails in a directory, one file each. Several processes may share it.
type Mailbox struct{ dir string }

// Open makes the directory when it is missing, readable to its owner alone.
func Open(dir string) (*Mailbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open mailbox: %w", err)
	}
	return &Mailbox{dir: dir}, nil
}

// Name is "mailbox".
func (b *Mailbox) Name() string { return "mailbox" }

// Send writes the message to disk. When it returns nil the file is whole and survives a crash; when it fails, NotSent
// with class "disk" or "cancelled", nothing is kept.
func (b *Mailbox) Send(ctx context.Context, m mail.Message) (mail.Receipt, error) {
	if err := m.Check(); err != nil {
		return mail.Receipt{}, err
	}
	if err := ctx.Err(); err != nil {
		return mail.Receipt{}, &mail.Error{Outcome: mail.NotSent, Class: "cancelled", Err: err}
	}
	item := Item{
		ID: m.ID.String(), At: time.Now().UTC(), To: m.To, From: m.From,
		Locale: m.Locale, Subject: m.Subject, Text: m.Text, HTML: m.HTML,
	}
	for copies := 2; ; copies++ {
		err := b.write(item)
		if err == nil {
			return mail.Receipt{ProviderID: item.ID}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return mail.Receipt{}, &mail.Error{Outcome: mail.NotSent, Class: "disk", Err: err}
		}
		item.ID = m.ID.String() + "." + strconv.Itoa(copies)
	}
}

// write makes the file whole under another name first, then links it: linking refuses a name that is taken, so two
// sends of one message never overwrite each other.
func (b *Mailbox) write(item Item) error {
	raw, err := json.MarshalIndent(item, "", "  ")
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(b.dir, ".draft-*")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(raw)
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if err := os.Link(draft.Name(), b.path(item.ID)); err != nil {
		return err
	}
	dir, err := os.Open(b.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (b *Mailbox) path(id string) string { return filepath.Join(b.dir, id+".json") }

// List gives all items, newest first.
func (b *Mailbox) List(ctx context.Context) ([]Item, error) {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return nil, fmt.Errorf("list mailbox: %w", err)
	}
	items := make([]Item, 0, len(entries))
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), ".json")
		if !ok || !itemID.MatchString(id) {
			continue
		}
		item, err := b.Get(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("list mailbox: %w", err)
		}
		items = append(items, item)
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID))
	})
	return items, nil
}

// itemID is what Send makes; it also keeps Get inside the directory.
var itemID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[0-9]{1,6})?$`)

// Get gives one item; fs.ErrNotExist when there is none of that id.
func (b *Mailbox) Get(ctx context.Context, id string) (Item, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, err
	}
	if !itemID.MatchString(id) {
		return Item{}, fmt.Errorf("mailbox item: %w", fs.ErrNotExist)
	}
	raw, err := os.ReadFile(b.path(id))
	if err != nil {
		return Item{}, fmt.Errorf("mailbox item: %w", err)
	}
	var item Item
	if err := json.Unmarshal(raw, &item); err != nil {
		return Item{}, fmt.Errorf("mailbox item %s: %w", id, err)
	}
	return item, nil
}
