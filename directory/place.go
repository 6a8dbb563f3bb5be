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
	"github.com/lib/pq"

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

// Names that say what a place is besides where it is, and the province behind it.
var (
	municipalTitles = []string{"city of ", "town of ", "township of ", "municipality of ", "village of ", "ville de ", "ville d'",
		"canton de ", "municipalite de ", "village de "}
	ofProvince = regexp.MustCompile(`(\S)(\s*,\s*|\s+)(on|ont\.?|ontario)(\s*,?\s*canada)?$`)
)

// bareName is a folded municipality without its title and its province: "city of peterborough, on" is peterborough.
func bareName(name string) string {
	bare := ofProvince.ReplaceAllString(name, "$1")
	for _, title := range municipalTitles {
		if rest, ok := strings.CutPrefix(bare, title); ok && rest != "" {
			return rest
		}
	}
	return bare
}

// municipalKeys are the names under which the directory may have a municipality: its addresses have titles too.
func municipalKeys(name, bare string) []string {
	keys := []string{name, bare}
	for _, title := range municipalTitles {
		keys = append(keys, title+bare)
	}
	return keys
}

// Locate gives the first of the names of a place, a postal code or a municipality, at which the directory has a location.
// When it has one at none of them, known is false and the name the last that is not empty.
func Locate(ctx context.Context, q sqlx.QueryerContext, names ...string) (name string, known bool, err error) {
	for _, n := range names {
		p, err := findPlace(ctx, q, n)
		if err != nil {
			return "", false, err
		}
		if p == nil {
			continue
		}
		if name = n; p.latitude.Valid {
			return name, true, nil
		}
	}
	return name, false, nil
}

// findPlace gives nil for an empty name.
func findPlace(ctx context.Context, q sqlx.QueryerContext, name string) (*place, error) {
	name = strings.Join(strings.Fields(fold(dropControls(strings.ToValidUTF8(name, "")))), " ")
	if name == "" {
		return nil, nil
	}
	p := &place{}
	kind, key := "postal_area", ""
	var keys []string
	switch {
	case canadianPostal.MatchString(name):
		key = name[:3]
		keys = []string{key}
	case americanPostal.MatchString(name):
		key = name[:5]
		keys = []string{key}
	default:
		p.municipality = bareName(name)
		kind, keys = "municipality", municipalKeys(name, p.municipality)
	}
	row := q.QueryRowxContext(ctx, `SELECT latitude, longitude FROM places WHERE kind = $1 AND key = ANY($2)
		ORDER BY array_position($2, key) LIMIT 1`, kind, pq.Array(keys))
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
			FROM services_at_location sl JOIN points p ON p.id = sl.location_id
			-- least() passes over NULL, so a missing point would be at the other end of the world.
			WHERE p.latitude IS NOT NULL AND $1::double precision IS NOT NULL GROUP BY sl.service_id
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
