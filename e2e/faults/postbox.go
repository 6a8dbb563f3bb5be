package faults

import (
	"context"
	"regexp"
	"sync"
	"time"

	"throughline/mail/mailtest"
)

// postbox is where the agencies read what the provider took: the links, by the short name of the referral.
type postbox struct {
	mu    sync.Mutex
	read  int
	links map[string][]string
}

var (
	linkIn      = regexp.MustCompile(`/r/([A-Za-z0-9_-]{43})`)
	shortNameIn = regexp.MustCompile(`R-[0-9A-Z]{4}-[0-9A-Z]{4}`)
)

// follow reads along until the context ends.
func (b *postbox) follow(ctx context.Context, provider *mailtest.StandIn) {
	b.links = map[string][]string{}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.take(provider)
		}
	}
}

func (b *postbox) take(provider *mailtest.StandIn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range provider.Since(b.read) {
		b.read++
		if found := linkIn.FindStringSubmatch(m.Text); found != nil {
			name := shortNameIn.FindString(m.Text)
			b.links[name] = append(b.links[name], found[1])
		}
	}
}

// of gives the tokens of a referral's letters so far, the oldest first.
func (b *postbox) of(shortName string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.links[shortName]
}
