package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"throughline/db"
	"throughline/referral"
)

// Hours are the hours of one day of the week, as a page shows them.
type Hours struct {
	Weekday time.Weekday
	Opens   string // "HH:MM", local time of the service
	Closes  string // "HH:MM"; "24:00" is midnight at the day's end; at or before Opens, the next morning
}

// openings are hours as a calendar counts them: those that go on after midnight become two.
func openings(hours []Hours) []referral.Hours {
	var all []referral.Hours
	for _, h := range hours {
		opens, _ := parseClock(h.Opens)
		closes, _ := parseClock(h.Closes)
		if closes > opens {
			all = append(all, referral.Hours{Day: h.Weekday, Opens: opens, Closes: closes})
			continue
		}
		all = append(all, referral.Hours{Day: h.Weekday, Opens: opens, Closes: 24 * 60})
		if closes > 0 {
			all = append(all, referral.Hours{Day: (h.Weekday + 1) % 7, Opens: 0, Closes: closes})
		}
	}
	return all
}

// hoursOf reads hours that hold every week today. The service's own go before those of the service at a location, and
// those before the location's.
func hoursOf(ctx context.Context, q sqlx.QueryerContext, ids []uuid.UUID) (map[uuid.UUID][]Hours, error) {
	rows, err := q.QueryxContext(ctx, `
		WITH timed AS (
			SELECT s.id, x.weekdays, x.opens_at, x.closes_at, 0 AS distance
			FROM services s JOIN schedules x ON x.service_id = s.id WHERE s.id = ANY ($1) AND weekly(x)
			UNION ALL
			SELECT sl.service_id, x.weekdays, x.opens_at, x.closes_at, 1
			FROM services_at_location sl JOIN schedules x ON x.service_at_location_id = sl.id
			WHERE sl.service_id = ANY ($1) AND x.service_id IS NULL AND weekly(x)
			UNION ALL
			SELECT sl.service_id, x.weekdays, x.opens_at, x.closes_at, 2
			FROM services_at_location sl JOIN schedules x ON x.location_id = sl.location_id
			WHERE sl.service_id = ANY ($1) AND x.service_id IS NULL AND x.service_at_location_id IS NULL AND weekly(x)
		)
		SELECT DISTINCT id, day % 7, left(opens_at::text, 5), left(closes_at::text, 5)
		FROM timed CROSS JOIN unnest(weekdays) AS day
		WHERE distance = (SELECT min(t.distance) FROM timed t WHERE t.id = timed.id)`, pq.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("read hours: %w", db.Translate(err))
	}
	defer rows.Close()
	hours := map[uuid.UUID][]Hours{}
	for rows.Next() {
		var id uuid.UUID
		var h Hours
		if err := rows.Scan(&id, &h.Weekday, &h.Opens, &h.Closes); err != nil {
			return nil, fmt.Errorf("read hours: %w", err)
		}
		if h.Closes == "23:59" {
			h.Closes = "24:00"
		}
		hours[id] = append(hours[id], h)
	}
	for _, h := range hours {
		slices.SortFunc(h, func(a, b Hours) int {
			return cmp.Or(cmp.Compare((a.Weekday+6)%7, (b.Weekday+6)%7), cmp.Compare(a.Opens, b.Opens), cmp.Compare(a.Closes, b.Closes))
		})
	}
	return hours, rows.Err()
}
