package casework

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/directory"
	"throughline/referral"
)

// termsLife is how long an agency's hours and zone, and whether it takes referrals, are taken as known. Addresses are never: a corrected one must be
// used by the next letter.
const termsLife = time.Minute

// mostTerms is how many services are remembered before those whose time is over are forgotten.
const mostTerms = 10_000

// terms remembers what the directory says of services, since every step asks for the same few.
type terms struct {
	mu    sync.Mutex
	known map[uuid.UUID]known
}

type known struct {
	service directory.OfferService
	until   time.Time
}

// get gives what is known of the ids, and those that must be read.
func (t *terms) get(ids []uuid.UUID, now time.Time) (found map[uuid.UUID]directory.OfferService, missing []uuid.UUID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found = make(map[uuid.UUID]directory.OfferService, len(ids))
	for _, id := range ids {
		if k, ok := t.known[id]; ok && now.Before(k.until) {
			found[id] = k.service
			continue
		}
		missing = append(missing, id)
	}
	return found, missing
}

func (t *terms) put(services map[uuid.UUID]directory.OfferService, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[uuid.UUID]known{}
	}
	if len(t.known) > mostTerms {
		maps.DeleteFunc(t.known, func(_ uuid.UUID, k known) bool { return !now.Before(k.until) })
	}
	for id, s := range services {
		t.known[id] = known{service: s, until: now.Add(termsLife)}
	}
}

// terms reads what the directory knows of the agencies still concerned, and gives each offer its calendar.
func (d *Desk) terms(ctx context.Context, q sqlx.QueryerContext, rec *db.Record) (map[uuid.UUID]directory.OfferService, error) {
	var ids []uuid.UUID
	for _, o := range rec.Facts.Offers {
		if !o.State.Ended() {
			ids = append(ids, o.Service)
		}
	}
	now := time.Now()
	found, missing := d.known.get(ids, now)
	if len(missing) > 0 {
		read, err := directory.ForOffer(ctx, q, missing)
		if err != nil {
			return nil, err
		}
		d.known.put(read, now)
		for id, s := range read {
			found[id] = s
		}
	}
	for i, o := range rec.Facts.Offers {
		s, ok := found[o.Service]
		if !ok {
			continue
		}
		rec.Facts.Offers[i].Calendar = calendarOf(s)
		if reach, ok := rec.Reach[o.ID]; ok {
			s.Email, s.MailLocale = reach.Email, reach.Locale
			found[o.Service] = s
		}
	}
	return found, nil
}

func calendarOf(s directory.OfferService) referral.Calendar {
	zone, err := referral.ZoneNamed(s.Zone)
	if err != nil {
		zone = referral.Toronto
	}
	return referral.Calendar{Zone: zone, Hours: s.Hours}
}
