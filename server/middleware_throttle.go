package server

import (
	"container/list"
	"context"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"throughline/internal/clock"
)

// bound is how often something may be done under one key, in a window that begins with the first time.
type bound struct {
	what string // a word that never changes: digests in the record begin with it
	most int
	in   time.Duration
}

// throttle holds uses to a bound, in all processes together: each takes uses from the book, a tenth of the bound at once,
// and gives them out by itself. While the book can't be read each process counts alone. It bounds guessing; it is no record.
type throttle struct {
	bound
	clock clock.Clock
	book  *book

	mu      sync.Mutex
	keys    map[digest]*list.Element
	order   *list.List // of *uses, the window that began first at the front
	crowded time.Time  // until then there were more keys than fit
}

// digest stands for a key: whatever a stranger sends as one takes the same room, and is not kept.
type digest [sha256.Size]byte

// uses are those of one key in its window.
type uses struct {
	key   digest
	until time.Time
	made  int  // here
	left  int  // taken from the book and not made yet
	over  bool // the book has no more
	alone bool // not in the book
}

// maxKeys bounds the memory that made-up keys can take, and the rows.
const maxKeys = 50_000

func newThrottle(c clock.Clock, b *book, what string, most int, in time.Duration) *throttle {
	return &throttle{bound: bound{what, most, in}, clock: c, book: b, keys: map[digest]*list.Element{}, order: list.New()}
}

// wait counts a use and gives 0, or counts nothing and gives how long to wait when the key has had all of its uses.
func (t *throttle) wait(ctx context.Context, key string) time.Duration {
	id := digest(sha256.Sum256([]byte(t.what + "\x00" + key)))
	if wait, settled := t.here(id); settled {
		return wait
	}
	granted, until, err := t.book.take(ctx, t.clock.Now(), id, t.bound)
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.find(id)
	if err != nil {
		return t.alone(k)
	}
	k.until, k.left, k.over = until, k.left+granted, granted == 0
	if k.left == 0 {
		return k.until.Sub(t.clock.Now())
	}
	k.left--
	k.made++
	return 0
}

// here settles a use by what this process knows, if that is enough.
func (t *throttle) here(id digest) (wait time.Duration, settled bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch k := t.find(id); {
	case k.left > 0:
		k.left--
		k.made++
		return 0, true
	case k.over:
		return k.until.Sub(t.clock.Now()), true
	case k.alone:
		return t.alone(k), true
	}
	return 0, false
}

// alone counts without the book.
func (t *throttle) alone(k *uses) time.Duration {
	if k.made >= t.most {
		return k.until.Sub(t.clock.Now())
	}
	k.made++
	return 0
}

// find gives the uses of a key, of none yet when it is new or its window is over. Of too many keys the one whose window
// began first is forgotten: a flood locks nobody out, and sets nobody free who was counted just now. What comes during a
// flood is counted here only, so that the flood does not fill the database.
func (t *throttle) find(id digest) *uses {
	now := t.clock.Now()
	for first := t.order.Front(); first != nil && !now.Before(first.Value.(*uses).until); first = t.order.Front() {
		t.drop(first)
	}
	at, known := t.keys[id]
	if known && now.Before(at.Value.(*uses).until) {
		return at.Value.(*uses)
	}
	if known { // another process began its window before this one did
		t.drop(at)
	}
	if t.order.Len() >= maxKeys {
		t.drop(t.order.Front())
		t.crowded = now.Add(t.in)
	}
	k := &uses{key: id, until: now.Add(t.in), alone: t.book == nil || now.Before(t.crowded)}
	t.keys[id] = t.order.PushBack(k)
	return k
}

func (t *throttle) drop(at *list.Element) {
	delete(t.keys, at.Value.(*uses).key)
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
