package server

import (
	"container/list"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"throughline/internal/clock"
)

// throttle counts events per key in a window, in this process. It bounds guessing; it is no record.
type throttle struct {
	clock  clock.Clock
	limit  int
	window time.Duration

	mu    sync.Mutex
	tries map[digest]*list.Element
	order *list.List // of *tries, the window that began first at the front
}

// digest stands for a key: whatever a stranger sends as one takes the same room, and is not kept.
type digest [sha256.Size]byte

type tries struct {
	key   digest
	count int
	until time.Time
}

// maxKeys bounds the memory that made-up keys can take.
const maxKeys = 50_000

func newThrottle(c clock.Clock, limit int, window time.Duration) *throttle {
	return &throttle{clock: c, limit: limit, window: window, tries: map[digest]*list.Element{}, order: list.New()}
}

// allow counts an event and reports whether the key is still within its limit. Of too many keys the one whose window
// began first is forgotten: a flood locks nobody out, and sets nobody free who was counted just now.
func (t *throttle) allow(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	for first := t.order.Front(); first != nil && !now.Before(first.Value.(*tries).until); first = t.order.Front() {
		t.drop(first)
	}
	id := digest(sha256.Sum256([]byte(key)))
	at, known := t.tries[id]
	if !known {
		if t.order.Len() >= maxKeys {
			t.drop(t.order.Front())
		}
		at = t.order.PushBack(&tries{key: id, until: now.Add(t.window)})
		t.tries[id] = at
	}
	k := at.Value.(*tries)
	k.count++
	return k.count <= t.limit
}

// forget clears a key that has proved itself.
func (t *throttle) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, known := t.tries[sha256.Sum256([]byte(key))]; known {
		t.drop(at)
	}
}

func (t *throttle) drop(at *list.Element) {
	delete(t.tries, at.Value.(*tries).key)
	t.order.Remove(at)
}

// neighbourhood is the address that a caller is counted by: the whole of an IPv4 address, and of an IPv6 address the
// network, since one subscriber has all of it.
func neighbourhood(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return network.String()
}
