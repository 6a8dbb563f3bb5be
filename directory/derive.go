package directory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

// derive works out what follows from the rows as a whole: kinds of help and time zones that no file gives, where places
// lie, and what each service can be found by.
func (im *importer) derive(ctx context.Context) error {
	if err := im.deriveNeeds(ctx); err != nil {
		return fmt.Errorf("derive needs: %w", err)
	}
	if err := im.deriveZones(ctx); err != nil {
		return fmt.Errorf("derive time zones: %w", err)
	}
	if err := im.refreshPlaces(ctx); err != nil {
		return fmt.Errorf("refresh places: %w", err)
	}
	if _, err := im.tx.ExecContext(ctx, `SELECT refresh_service_search(ARRAY(SELECT id FROM services WHERE source = $1))`, im.in.Source); err != nil {
		return fmt.Errorf("refresh search: %w", err)
	}
	return nil
}

func (im *importer) deriveNeeds(ctx context.Context) error {
	rows, err := im.tx.QueryContext(ctx, `
		SELECT s.id, s.needs, ARRAY[s.name, s.name_fr], coalesce(array_agg(t.code) FILTER (WHERE t.id IS NOT NULL), '{}'),
			coalesce(array_agg(t.name || ' ' || t.name_fr) FILTER (WHERE t.id IS NOT NULL), '{}')
		FROM services s
		LEFT JOIN service_terms st ON st.service_id = s.id LEFT JOIN taxonomy_terms t ON t.id = st.term_id
		WHERE s.source = $1 AND s.needs_from = 'derived' GROUP BY s.id`, im.in.Source)
	if err != nil {
		return err
	}
	defer rows.Close()
	changed := map[uuid.UUID]string{}
	for rows.Next() {
		var id uuid.UUID
		var old, names, codes, terms pq.StringArray
		if err := rows.Scan(&id, &old, &names, &codes, &terms); err != nil {
			return err
		}
		if needs := needsOf(names, codes, terms); !slices.Equal(needs, old) {
			v, err := pq.StringArray(needs).Value()
			if err != nil {
				return err
			}
			changed[id] = v.(string)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return im.update(ctx, `UPDATE services s SET needs = v.value::text[]`, changed)
}

func (im *importer) deriveZones(ctx context.Context) error {
	rows, err := im.tx.QueryContext(ctx, `
		SELECT DISTINCT ON (s.id) s.id, s.time_zone, coalesce(g.time_zone, ''), coalesce(a.state_province, ''),
			coalesce(a.postal_code, ''), l.longitude
		FROM services s
		LEFT JOIN agencies g ON g.id = s.agency_id
		LEFT JOIN services_at_location sl ON sl.service_id = s.id
		LEFT JOIN locations l ON l.id = sl.location_id
		LEFT JOIN addresses a ON a.location_id = l.id
		WHERE s.source = $1 AND s.time_zone_from = 'derived'
		ORDER BY s.id, (a.id IS NULL), a.address_type, l.id, a.id`, im.in.Source)
	if err != nil {
		return err
	}
	defer rows.Close()
	changed := map[uuid.UUID]string{}
	for rows.Next() {
		var id uuid.UUID
		var old, agency, province, postal string
		var longitude sql.NullFloat64
		if err := rows.Scan(&id, &old, &agency, &province, &postal, &longitude); err != nil {
			return err
		}
		zone := agency
		if zone == "" {
			zone = zoneOf(province, postal, longitude)
		}
		if zone != old {
			changed[id] = zone
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return im.update(ctx, `UPDATE services s SET time_zone = v.value`, changed)
}

func (im *importer) update(ctx context.Context, query string, values map[uuid.UUID]string) error {
	var ids, texts []string
	for id, text := range values {
		ids, texts = append(ids, id.String()), append(texts, text)
	}
	_, err := im.tx.ExecContext(ctx, query+` FROM unnest($1::uuid[], $2::text[]) AS v (id, value) WHERE s.id = v.id`, pq.Array(ids), pq.Array(texts))
	return err
}

// refreshPlaces takes the median, not the mean: one location with a wrong sign must not move a town.
func (im *importer) refreshPlaces(ctx context.Context) error {
	_, err := im.tx.ExecContext(ctx, `
		DELETE FROM places;
		INSERT INTO places (kind, key, latitude, longitude, locations)
		SELECT p.kind, p.key, percentile_cont(0.5) WITHIN GROUP (ORDER BY l.latitude),
			percentile_cont(0.5) WITHIN GROUP (ORDER BY l.longitude), count(DISTINCT l.id)
		FROM addresses a JOIN locations l ON l.id = a.location_id
		CROSS JOIN LATERAL (VALUES ('municipality', directory_fold(btrim(a.city))),
			('postal_area', directory_postal_area(a.postal_code))) AS p (kind, key)
		WHERE l.latitude IS NOT NULL AND a.address_type = 'physical' AND p.key <> ''
		GROUP BY p.kind, p.key`)
	return err
}
