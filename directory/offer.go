package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"throughline/db"
	"throughline/referral"
)

// OfferService is what casework needs to know about a service to offer it a referral.
type OfferService struct {
	ID               uuid.UUID
	Name, NameFR     string           // NameFR is "" when there is none
	AgencyName       string           // "" when the directory knows none
	AgencyNameFR     string           // "" when there is none
	AgencyID         *uuid.UUID       // nil when the directory knows none
	Email            string           // where an offer goes: the service's, a contact's or the agency's; "" when there is none
	Phone            string           // "" when there is none
	MailLocale       string           // "en" or "fr"
	Zone             string           // IANA name; "" is unknown
	Hours            []referral.Hours // in the order of the week; empty is unknown
	Status           string           // active, inactive, defunct, temporarily closed (HSDS)
	AcceptsReferrals bool
	FullUntil        *time.Time // a day; nil when it has room, as far as is known
	ClosedUntil      *time.Time // a day; nil when it is open, as far as is known
}

// ForOffer reads services by id, inside casework's transaction. An id that is not in the directory is not in the answer;
// one that is inactive is.
func ForOffer(ctx context.Context, q sqlx.QueryerContext, ids []uuid.UUID) (map[uuid.UUID]OfferService, error) {
	services := make(map[uuid.UUID]OfferService, len(ids))
	if len(ids) == 0 {
		return services, nil
	}
	rows, err := q.QueryxContext(ctx, `
		SELECT s.id, s.name, s.name_fr, coalesce(g.name, ''), coalesce(g.name_fr, ''), s.agency_id, reach.email, reach.phone,
			coalesce(g.mail_language, 'en'), s.time_zone, s.status, s.accepts_referrals, s.full_until, s.closed_until
		FROM services s JOIN service_reach reach ON reach.id = s.id LEFT JOIN agencies g ON g.id = s.agency_id
		WHERE s.id = ANY ($1)`, pq.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("read services: %w", db.Translate(err))
	}
	defer rows.Close()
	for rows.Next() {
		var s OfferService
		if err := rows.Scan(&s.ID, &s.Name, &s.NameFR, &s.AgencyName, &s.AgencyNameFR, &s.AgencyID, &s.Email, &s.Phone,
			&s.MailLocale, &s.Zone, &s.Status, &s.AcceptsReferrals, &s.FullUntil, &s.ClosedUntil); err != nil {
			return nil, fmt.Errorf("read services: %w", err)
		}
		services[s.ID] = s
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read services: %w", db.Translate(err))
	}
	hours, err := hoursOf(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	for id, s := range services {
		s.Hours = openings(hours[id])
		services[id] = s
	}
	return services, nil
}
