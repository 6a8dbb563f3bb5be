package casework

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
)

// Tampering is one entry of the audit that is not as it was written, or one that is missing, or one too many.
type Tampering struct {
	Organisation uuid.UUID `json:"organisation_id"`
	Seq          int64     `json:"seq,omitempty"` // place in the chain; 0: none
	Entry        int64     `json:"audit_id,omitempty"`
	What         string    `json:"what"`
}

// Verified is what came of verifying the chains.
type Verified struct {
	Links      int         `json:"links"`
	Waiting    int         `json:"waiting"` // written within the last second or so, and not linked yet
	Heads      int         `json:"heads"`   // of an export that were compared
	Tamperings []Tampering `json:"tamperings"`
	// Retirements are what retention took away, by what the chain itself says; the first one first.
	Retirements []Retirement `json:"retirements"`
}

// ExportedHead is the head of a chain as it was written down outside of the database.
type ExportedHead struct {
	Organisation uuid.UUID
	Seq          int64
	Hash         []byte
	At           time.Time
}

const (
	linksAtOnce = 2000
	// mostTamperings bounds a report: whoever finds so many needs no longer list.
	mostTamperings = 1000
)

// VerifyAudit recomputes every link of the chains, of one organisation or of all, from the entries themselves, in one
// snapshot, and compares them with heads that were exported. It changes nothing.
func (d *Desk) VerifyAudit(ctx context.Context, organisation uuid.UUID, exported []ExportedHead) (Verified, error) {
	v := &verifying{now: d.Clock.Now(), Verified: Verified{Tamperings: []Tampering{}, Retirements: []Retirement{}}}
	err := db.Snapshot(db.AsSystem(ctx), d.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		organisations, err := db.Organisations(ctx, tx)
		if err != nil {
			return err
		}
		if v.strays, err = strays(ctx, tx); err != nil {
			return err
		}
		for _, o := range organisations {
			if organisation != uuid.Nil && o.ID != organisation {
				continue
			}
			if err := v.chain(ctx, tx, o.ID, exported); err != nil {
				return err
			}
		}
		return v.besides(ctx, tx, organisation)
	})
	slices.SortFunc(v.Tamperings, func(a, b Tampering) int {
		return cmp.Or(bytes.Compare(a.Organisation[:], b.Organisation[:]), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Entry, b.Entry))
	})
	return v.Verified, err
}

// verifying walks along the chains.
type verifying struct {
	Verified
	now    time.Time
	strays map[int64]db.AuditRow // entries that stand in no chain, by number
}

func (v *verifying) found(t Tampering) {
	if len(v.Tamperings) < mostTamperings {
		v.Tamperings = append(v.Tamperings, t)
	}
}

func strays(ctx context.Context, tx *sqlx.Tx) (map[int64]db.AuditRow, error) {
	list, err := db.StrayEntries(ctx, tx, 0, mostTamperings)
	found := map[int64]db.AuditRow{}
	for _, e := range list {
		found[e.ID] = e
	}
	return found, err
}

// walk is one chain under way.
type walk struct {
	organisation uuid.UUID
	seq          int64
	hash         []byte           // of the link before, as it is stored
	real         []byte           // of the link before, as its entry makes it
	retirements  []Retirement     // of entries, by retention
	broken       []db.ChainLink   // whose entry is not the one that was hashed, or is gone
	heads        map[int64][]byte // exported ones, by place
	exported     []ExportedHead   // all of them
}

// chain verifies the chain of one organisation.
func (v *verifying) chain(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID, exported []ExportedHead) error {
	w := &walk{organisation: organisation, hash: db.ChainStart, real: db.ChainStart, heads: map[int64][]byte{}}
	var last int64
	for _, h := range exported {
		if h.Organisation == organisation {
			w.heads[h.Seq], last = h.Hash, max(last, h.Seq)
			w.exported = append(w.exported, h)
		}
	}
	v.Heads += len(w.exported)
	for {
		links, err := db.AuditLinks(ctx, tx, organisation, w.seq, linksAtOnce)
		if err != nil {
			return err
		}
		if len(links) == 0 {
			break
		}
		for _, l := range links {
			v.Links++
			v.step(w, l)
		}
	}
	for w.seq < last && len(v.Tamperings) < mostTamperings {
		w.seq++
		v.found(Tampering{Organisation: organisation, Seq: w.seq, What: "missing: an exported head says that it was there"})
	}
	v.Retirements = append(v.Retirements, w.retirements...)
	v.tooSoon(w)
	v.explain(w)
	return nil
}

// step verifies one link.
func (v *verifying) step(w *walk, l db.ChainLink) {
	gap := l.Seq > w.seq+1
	for w.seq+1 < l.Seq {
		w.seq++
		v.found(Tampering{Organisation: w.organisation, Seq: w.seq, What: "missing, with its link"})
	}
	w.seq = l.Seq
	if head, ok := w.heads[l.Seq]; ok && !bytes.Equal(head, l.Hash) {
		v.found(Tampering{Organisation: w.organisation, Seq: l.Seq, Entry: l.AuditID, What: "not what the exported head says: the chain up to here was made anew"})
	}
	made := l.Hash
	switch whole := bytes.Equal(l.Prev, w.hash); {
	case l.Entry == nil:
		w.broken = append(w.broken, l)
	case fits(*l.Entry, l, l.Prev):
		if !whole && !gap && bytes.Equal(l.Prev, w.real) {
			// The link before says another hash than this one followed: it was found there.
			whole = true
		}
		if !whole && !gap {
			v.found(Tampering{Organisation: w.organisation, Seq: l.Seq, Entry: l.AuditID, What: "the link does not follow the one before it"})
		}
		w.retires(*l.Entry)
	case !whole && fits(*l.Entry, l, w.hash):
		v.found(Tampering{Organisation: w.organisation, Seq: l.Seq, Entry: l.AuditID, What: "its link was changed"})
	default:
		hash := l.Entry.Hash(l.Seq, l.Prev)
		made = hash[:]
		w.broken = append(w.broken, l)
	}
	w.hash, w.real = l.Hash, made
}

func fits(e db.AuditRow, l db.ChainLink, prev []byte) bool {
	hash := e.Hash(l.Seq, prev)
	return bytes.Equal(hash[:], l.Hash)
}

// explain says of each broken place whether its entry is gone, was changed, or stands in another's place.
func (v *verifying) explain(w *walk) {
	retired := w.retired()
	for _, l := range w.broken {
		t := Tampering{Organisation: w.organisation, Seq: l.Seq, Entry: l.AuditID}
		switch at, number := v.elsewhere(w, l); {
		case l.Entry == nil && l.Seq <= retired:
			continue
		case number != 0:
			t.What = fmt.Sprintf("its number was changed to %d", number)
			delete(v.strays, number)
		case at != 0:
			t.What = fmt.Sprintf("out of order: what was here stands at %d", at)
		case l.Entry == nil:
			t.What = "missing"
		default:
			t.What = "changed"
		}
		v.found(t)
	}
}

// mostMoved bounds the search for what was moved, which tries each broken place with each.
const mostMoved = 300

// elsewhere looks for the entry that a link was made of, at the other broken places and among the strays.
func (v *verifying) elsewhere(w *walk, l db.ChainLink) (at, number int64) {
	if len(w.broken)+len(v.strays) > mostMoved {
		return 0, 0
	}
	for _, other := range w.broken {
		if other.Entry == nil || other.Seq == l.Seq {
			continue
		}
		e := *other.Entry
		if fits(e, l, l.Prev) {
			return other.Seq, 0
		}
		if e.ID = l.AuditID; fits(e, l, l.Prev) {
			return other.Seq, 0
		}
	}
	for number, e := range v.strays {
		if e.ID = l.AuditID; fits(e, l, l.Prev) {
			return 0, number
		}
	}
	return 0, 0
}

// besides reports what stands in no chain: entries that were slipped in, and those that went before they were linked.
func (v *verifying) besides(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID) error {
	for number, e := range v.strays {
		if organisation == uuid.Nil || e.Organisation == organisation {
			v.found(Tampering{Organisation: e.Organisation, Entry: number, What: "inserted: it stands in no chain"})
		}
	}
	waiting, gone, err := db.AuditWaiting(ctx, tx)
	v.Waiting = waiting
	for _, number := range gone {
		v.found(Tampering{Entry: number, What: "missing: it went before it was linked"})
	}
	return err
}
