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

// Service is a service in one language; a text that is missing in it stands in the other. Dates are days.
type Service struct {
	ID                 uuid.UUID
	Lang               string     // of Description: the one asked for, or the other where there is none
	AgencyID           *uuid.UUID `db:"agency_id"` // nil when the directory knows none
	AgencyName         string     `db:"agency_name"`
	AgencyWebsite      string     `db:"agency_website"`
	Name               string
	AlternateName      string `db:"alternate_name"`
	Description        string
	URL                string
	Email, Phone       string // where an offer goes; "" when there is none
	Status             string // active, inactive, defunct, temporarily closed (HSDS)
	Alert              string
	ApplicationProcess string `db:"application_process"`
	Eligibility        string
	MinimumAge         *float64 `db:"minimum_age"` // years
	MaximumAge         *float64 `db:"maximum_age"`
	Fees               string
	WaitTime           string `db:"wait_time"`
	Interpretation     string
	Accreditations     string
	Licenses           string
	Needs              pq.StringArray
	TimeZone           string     `db:"time_zone"` // IANA name; "" is unknown
	AcceptsReferrals   bool       `db:"accepts_referrals"`
	FullUntil          *time.Time `db:"full_until"`
	ClosedUntil        *time.Time `db:"closed_until"`
	AssuredDate        *time.Time `db:"assured_date"`
	LastModified       *time.Time `db:"last_modified"`

	// Filled by Get only.
	Hours     []Hours
	HoursText []string // hours in words, where the source gives them
	Phones    []Phone
	Locations []Location
	Languages []string
	Areas     []string
	Documents []string // to bring
	Costs     []string
	Terms     []string // of the source's taxonomy
	Emails    []Mailbox
}

// Phone is a number of the service, of a location of it, or of its agency.
type Phone struct{ Number, Extension, Type, Description string }

// Mailbox is a role's e-mail address, such as intake.
type Mailbox struct{ Department, Email string }

// Location is where the service is given.
type Location struct {
	Name           string
	Address1       string `db:"address_1"`
	Address2       string `db:"address_2"`
	City           string
	Province       string
	PostalCode     string   `db:"postal_code"`
	Latitude       *float64 // nil when unknown
	Longitude      *float64
	Transportation string
	Accessibility  pq.StringArray
}

// Get reads one service with all that is known about it, inactive ones too. Errors: CodeNotFound.
func Get(ctx context.Context, q sqlx.QueryerContext, id uuid.UUID, lang string) (Service, error) {
	if lang != "fr" {
		lang = "en"
	}
	found, err := readServices(ctx, q, []uuid.UUID{id}, lang)
	if err != nil {
		return Service{}, err
	}
	s, ok := found[id]
	if !ok {
		return Service{}, referral.NotFound("service")
	}
	if err := s.fillLists(ctx, q, lang); err != nil {
		return Service{}, fmt.Errorf("read service: %w", db.Translate(err))
	}
	hours, err := hoursOf(ctx, q, []uuid.UUID{id})
	s.Hours = hours[id]
	return s, err
}

// readServices reads services without their lists.
func readServices(ctx context.Context, q sqlx.QueryerContext, ids []uuid.UUID, lang string) (map[uuid.UUID]Service, error) {
	var rows []Service
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT s.id, s.agency_id, directory_say($2, g.name, g.name_fr) AS agency_name, coalesce(g.website, '') AS agency_website,
			CASE WHEN $2 = 'fr' AND s.description_fr = '' THEN 'en' WHEN $2 = 'en' AND s.description = '' AND s.description_fr <> '' THEN 'fr'
				ELSE $2 END AS lang,
			directory_say($2, s.name, s.name_fr) AS name, directory_say($2, s.alternate_name, s.alternate_name_fr) AS alternate_name,
			directory_say($2, s.description, s.description_fr) AS description, s.url, reach.email, reach.phone, s.status,
			directory_say($2, s.alert, s.alert_fr) AS alert,
			directory_say($2, s.application_process, s.application_process_fr) AS application_process,
			directory_say($2, coalesce(nullif(s.eligibility_description, ''), e.en), coalesce(nullif(s.eligibility_description_fr, ''), e.fr)) AS eligibility,
			s.minimum_age, s.maximum_age, directory_say($2, s.fees_description, s.fees_description_fr) AS fees,
			directory_say($2, s.wait_time, s.wait_time_fr) AS wait_time,
			directory_say($2, s.interpretation_services, s.interpretation_services_fr) AS interpretation,
			directory_say($2, s.accreditations, s.accreditations_fr) AS accreditations, s.licenses, s.needs, s.time_zone,
			s.accepts_referrals, s.full_until, s.closed_until, s.assured_date, s.last_modified
		FROM services s JOIN service_reach reach ON reach.id = s.id LEFT JOIN agencies g ON g.id = s.agency_id
		LEFT JOIN LATERAL (
			SELECT string_agg(x.eligibility, E'\n\n' ORDER BY x.id) AS en, string_agg(nullif(x.eligibility_fr, ''), E'\n\n' ORDER BY x.id) AS fr
			FROM eligibility x WHERE x.service_id = s.id) e ON true
		WHERE s.id = ANY ($1)`, pq.Array(ids), lang)
	if err != nil {
		return nil, fmt.Errorf("read services: %w", db.Translate(err))
	}
	services := make(map[uuid.UUID]Service, len(rows))
	for _, s := range rows {
		services[s.ID] = s
	}
	return services, nil
}

// fillServices completes what Search shows.
func fillServices(ctx context.Context, q sqlx.QueryerContext, found []Found, lang string) error {
	ids := make([]uuid.UUID, len(found))
	for i := range found {
		ids[i] = found[i].Service.ID
	}
	services, err := readServices(ctx, q, ids, lang)
	if err != nil {
		return err
	}
	for i := range found {
		found[i].Service = services[found[i].Service.ID]
		found[i].AgencyName = found[i].Service.AgencyName
	}
	return nil
}

func (s *Service) fillLists(ctx context.Context, q sqlx.QueryerContext, lang string) error {
	for _, list := range []struct {
		into  any
		query string
	}{
		{&s.HoursText, `SELECT text FROM (SELECT DISTINCT coalesce(nullif(directory_say($2, original_text, original_text_fr), ''),
			nullif(directory_say($2, description, description_fr), ''), directory_say($2, notes, notes_fr)) AS text
			FROM schedules WHERE service_id = $1) x WHERE text <> '' ORDER BY text`},
		{&s.Phones, `SELECT p.number, p.extension, p.type, directory_say($2, p.description, p.description_fr) AS description
			FROM services s JOIN phones p ON p.service_id = s.id
				OR p.service_id IS NULL AND p.location_id IN (SELECT sl.location_id FROM services_at_location sl WHERE sl.service_id = s.id)
				OR p.service_id IS NULL AND p.location_id IS NULL AND p.agency_id = s.agency_id
			WHERE s.id = $1 ORDER BY p.service_id IS NULL, p.location_id IS NULL, p.type NOT IN ('', 'voice'), p.id`},
		{&s.Locations, `SELECT directory_say($2, l.name, l.name_fr) AS name, coalesce(a.address_1, '') AS address_1,
				coalesce(a.address_2, '') AS address_2, coalesce(a.city, '') AS city, coalesce(a.state_province, '') AS province,
				coalesce(a.postal_code, '') AS postal_code, l.latitude, l.longitude,
				directory_say($2, l.transportation, l.transportation_fr) AS transportation,
				ARRAY(SELECT directory_say($2, x.description, x.description_fr) FROM accessibility x WHERE x.location_id = l.id ORDER BY x.id) AS accessibility
			FROM services_at_location sl JOIN locations l ON l.id = sl.location_id
			LEFT JOIN addresses a ON a.location_id = l.id AND a.address_type <> 'postal'
			WHERE sl.service_id = $1 ORDER BY 1, l.id, a.id`},
		{&s.Languages, `SELECT directory_say($2, name, name_fr) FROM languages WHERE service_id = $1 GROUP BY 1 ORDER BY 1`},
		{&s.Areas, `SELECT directory_say($2, coalesce(nullif(name, ''), description), name_fr) FROM service_areas WHERE service_id = $1 GROUP BY 1 ORDER BY 1`},
		{&s.Documents, `SELECT directory_say($2, document, document_fr) FROM required_documents WHERE service_id = $1 ORDER BY id`},
		{&s.Costs, `SELECT concat_ws(' ', nullif(directory_say($2, option, option_fr), ''), amount, upper(nullif(currency, '')),
			nullif(directory_say($2, amount_description, amount_description_fr), '')) FROM cost_options
			WHERE service_id = $1 AND current_date <= coalesce(valid_to, 'infinity') ORDER BY id`},
		{&s.Terms, `SELECT directory_say($2, t.name, t.name_fr) FROM service_terms st JOIN taxonomy_terms t ON t.id = st.term_id
			WHERE st.service_id = $1 GROUP BY 1 ORDER BY 1`},
		{&s.Emails, `SELECT directory_say($2, department, department_fr) AS department, email FROM contacts
			WHERE service_id = $1 AND email <> '' ORDER BY id`},
	} {
		if err := sqlx.SelectContext(ctx, q, list.into, list.query, s.ID, lang); err != nil {
			return err
		}
	}
	return nil
}
