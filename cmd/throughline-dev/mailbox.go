package main

import (
	"context"

	"throughline/mail/mailbox"
	"throughline/server"
)

// box shows the local mailbox to the server, which does not know it.
type box struct{ kept *mailbox.Mailbox }

func (b *box) List(ctx context.Context) ([]server.Letter, error) {
	items, err := b.kept.List(ctx)
	letters := make([]server.Letter, len(items))
	for i, item := range items {
		letters[i] = letterOf(item)
	}
	return letters, err
}

func (b *box) Get(ctx context.Context, id string) (server.Letter, error) {
	item, err := b.kept.Get(ctx, id)
	return letterOf(item), err
}

func letterOf(i mailbox.Item) server.Letter {
	return server.Letter{ID: i.ID, At: i.At, To: i.To.Email, From: i.From.Email, Locale: i.Locale, Subject: i.Subject,
		Text: i.Text, HTML: i.HTML}
}
