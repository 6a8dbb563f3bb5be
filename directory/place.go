package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
)

// place is where a client is: a point when the directory has locations there, and the names people give it.
type place struct {
	latitude, longitude sql.NullFloat64
	municipality        string // folded; "" when only a postal code is known
}

var (
	canadianPostal = regexp.MustCompile(`^[a-z]\d[a-z](\s*\d[a-z]\d)?$`)
	americanPostal = regexp.MustCompile(`^\d{5}(-\d{4})?$`)
)

// findPlace gives nil for an empty name.
func findPlace(ctx context.Context, q sqlx.QueryerContext, name string) (*place, error) {
	name = strings.Join(strings.Fields(fold(dropControls(strings.ToValidUTF8(name, "")))), " ")
	if name == "" {
		return nil, nil
	}
	p := &place{}
	kind, key := "municipality", name
	switch {
	case canadianPostal.MatchString(name):
		kind, key = "postal_area", name[:3]
	case americanPostal.MatchString(name):
		kind, key = "postal_area", name[:5]
	default:
		p.municipality = name
	}
	row := q.QueryRowxContext(ctx, `SELECT latitude, longitude FROM places WHERE kind = $1 AND key = $2`, kind, key)
	if err := row.Scan(&p.latitude, &p.longitude); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("find place: %w", db.Translate(err))
	}
	if kind == "postal_area" {
		row := q.QueryRowxContext(ctx, `SELECT directory_fold(btrim(city)) AS city FROM addresses
			WHERE directory_postal_area(postal_code) = $1 AND city <> '' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1`, key)
		if err := row.Scan(&p.municipality); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("find municipality: %w", db.Translate(err))
		}
	}
	return p, nil
}

// way is how a service lies to a place.
type way struct {
	distance        *float64 // km
	serves, outside bool
}

var everywhere = regexp.MustCompile(`\b(ontario|canada|province|provincial\w*|nationwide|statewide|partout)\b`)

// ways gives the way to every service; a location without coordinates lies where its postal code or its town does.
func (p *place) ways(ctx context.Context, q sqlx.QueryerContext) (map[uuid.UUID]way, error) {
	ways := map[uuid.UUID]way{}
	if p == nil {
		return ways, nil
	}
	rows, err := q.QueryxContext(ctx, `
		WITH points AS (
			SELECT l.id, coalesce(l.latitude, area.latitude, town.latitude) AS latitude,
				coalesce(l.longitude, area.longitude, town.longitude) AS longitude
			FROM locations l
			LEFT JOIN addresses a ON a.location_id = l.id AND a.address_type = 'physical'
			LEFT JOIN places area ON area.kind = 'postal_area' AND area.key = directory_postal_area(a.postal_code)
			LEFT JOIN places town ON town.kind = 'municipality' AND town.key = directory_fold(btrim(a.city))
			WHERE l.location_type <> 'virtual'
		), distances AS (
			SELECT sl.service_id, min(2 * 6371 * asin(least(1, sqrt(
				sin(radians(p.latitude - $1) / 2) ^ 2
				+ cos(radians($1)) * cos(radians(p.latitude)) * sin(radians(p.longitude - $2) / 2) ^ 2)))) AS km
			FROM services_at_location sl JOIN points p ON p.id = sl.location_id GROUP BY sl.service_id
		), areas AS (
			SELECT service_id, string_agg(directory_fold(concat_ws(' ', name, description, extent)), ' | ') AS names
			FROM service_areas GROUP BY service_id
		)
		SELECT coalesce(d.service_id, a.service_id), d.km, coalesce(a.names, '') FROM distances d FULL JOIN areas a USING (service_id)`,
		p.latitude, p.longitude)
	if err != nil {
		return nil, fmt.Errorf("measure distances: %w", db.Translate(err))
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		var km sql.NullFloat64
		var areas string
		if err := rows.Scan(&id, &km, &areas); err != nil {
			return nil, fmt.Errorf("measure distances: %w", err)
		}
		w := way{}
		if km.Valid {
			w.distance = &km.Float64
		}
		if areas != "" {
			w.serves = p.municipality != "" && strings.Contains(areas, p.municipality) || everywhere.MatchString(areas)
			// Nearer than far, the names may only differ: Lindsay is in Kawartha Lakes.
			w.outside = !w.serves && km.Valid && km.Float64 > farReason
		}
		ways[id] = w
	}
	return ways, rows.Err()
}
