-- The directory of services, in the words of HSDS 3.0 (organization = agency here). Rows come from imports: each keeps
-- the id its source gave it (source, source_id), and its own id stays the same on every import of that source.
-- Casework names services by uuid without a foreign key: a service leaves the directory by its status, never by DELETE.

-- +goose Up

-- Lower case, no accents, no ligatures, straight apostrophes; directory.fold in Go does the same. It needs no unaccent
-- extension: it is immutable, and a database where we may not create extensions can run it. Accents go before lower(),
-- which leaves accented capitals alone in a database of locale C.
-- +goose StatementBegin
CREATE FUNCTION directory_fold(t text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN octet_length(t) = length(t) THEN lower(t) -- plain ASCII, the most part by far
    ELSE replace(replace(translate(
        lower(normalize(regexp_replace(normalize(t, NFD), U&'[\0300-\036F]', '', 'g'), NFC)),
        'ŒÆ’‘‑–—', 'œæ''''---'), 'œ', 'oe'), 'æ', 'ae') END;
-- +goose StatementEnd

CREATE TABLE imports (
    id          uuid PRIMARY KEY,
    source      text        NOT NULL CHECK (source ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    kind        text        NOT NULL CHECK (kind IN ('hsds-1.1', 'hsds-3.0')),
    actor       text        NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    counts      jsonb       NOT NULL, -- per file: rows = added + updated + unchanged + skipped + rejected
    report      text        NOT NULL  -- the same in words
);

-- What an import did to a row beyond taking it as it stood. Rows taken as they stood are in imports.counts only.
CREATE TABLE import_rows (
    import_id uuid    NOT NULL REFERENCES imports ON DELETE CASCADE,
    file      text    NOT NULL,
    row       integer NOT NULL, -- as a spreadsheet numbers it: the header is 1; 0 is about the file as a whole
    source_id text    NOT NULL,
    field     text    NOT NULL,
    action    text    NOT NULL CHECK (action IN ('added', 'updated', 'unchanged', 'repaired', 'skipped', 'rejected', 'noted')),
    code      text    NOT NULL,
    message   text    NOT NULL
);
CREATE INDEX import_rows_by_code ON import_rows (import_id, code, file, row);

CREATE TABLE agencies (
    id                uuid PRIMARY KEY,
    source            text NOT NULL,
    source_id         text NOT NULL,
    name              text NOT NULL,
    name_fr           text NOT NULL DEFAULT '',
    alternate_name    text NOT NULL DEFAULT '',
    alternate_name_fr text NOT NULL DEFAULT '',
    description       text NOT NULL DEFAULT '',
    description_fr    text NOT NULL DEFAULT '',
    email             text NOT NULL DEFAULT '',
    website           text NOT NULL DEFAULT '',
    tax_status        text NOT NULL DEFAULT '',
    tax_id            text NOT NULL DEFAULT '',
    year_incorporated text NOT NULL DEFAULT '',
    legal_status      text NOT NULL DEFAULT '',
    legal_status_fr   text NOT NULL DEFAULT '',
    uri               text NOT NULL DEFAULT '',
    parent_agency_id  uuid, -- HSDS parent_organization_id, when it is in the directory and not its own descendant
    mail_language     text NOT NULL DEFAULT 'en' CHECK (mail_language IN ('en', 'fr')),
    time_zone         text NOT NULL DEFAULT '', -- IANA name; empty is unknown
    UNIQUE (source, source_id)
);

CREATE TABLE services (
    id                          uuid PRIMARY KEY,
    source                      text    NOT NULL,
    source_id                   text    NOT NULL,
    agency_id                   uuid REFERENCES agencies, -- null: the source names none, or one it does not hold
    name                        text    NOT NULL,
    name_fr                     text    NOT NULL DEFAULT '',
    alternate_name              text    NOT NULL DEFAULT '',
    alternate_name_fr           text    NOT NULL DEFAULT '',
    description                 text    NOT NULL DEFAULT '',
    description_fr              text    NOT NULL DEFAULT '',
    url                         text    NOT NULL DEFAULT '',
    email                       text    NOT NULL DEFAULT '',
    status                      text    NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'inactive', 'defunct', 'temporarily closed')),
    interpretation_services     text    NOT NULL DEFAULT '',
    interpretation_services_fr  text    NOT NULL DEFAULT '',
    application_process         text    NOT NULL DEFAULT '',
    application_process_fr      text    NOT NULL DEFAULT '',
    fees_description            text    NOT NULL DEFAULT '',
    fees_description_fr         text    NOT NULL DEFAULT '',
    wait_time                   text    NOT NULL DEFAULT '',
    wait_time_fr                text    NOT NULL DEFAULT '',
    accreditations              text    NOT NULL DEFAULT '',
    accreditations_fr           text    NOT NULL DEFAULT '',
    eligibility_description     text    NOT NULL DEFAULT '',
    eligibility_description_fr  text    NOT NULL DEFAULT '',
    licenses                    text    NOT NULL DEFAULT '',
    alert                       text    NOT NULL DEFAULT '',
    alert_fr                    text    NOT NULL DEFAULT '',
    minimum_age                 numeric CHECK (minimum_age >= 0),
    maximum_age                 numeric CHECK (maximum_age >= 0),
    assured_date                date,
    last_modified               timestamptz,
    needs                       text[]  NOT NULL DEFAULT '{}', -- our kinds of help, referral.Needs
    needs_from                  text    NOT NULL DEFAULT 'derived' CHECK (needs_from IN ('file', 'derived', 'staff')),
    time_zone                   text    NOT NULL DEFAULT '', -- IANA name; empty is unknown
    time_zone_from              text    NOT NULL DEFAULT 'derived' CHECK (time_zone_from IN ('file', 'derived', 'staff')),
    -- Ours: an import writes these only when its file has the columns.
    accepts_referrals           boolean NOT NULL DEFAULT true,
    full_until                  date, -- no room before this day
    closed_until                date, -- reopens on this day
    search_en                   tsvector NOT NULL DEFAULT '',
    search_fr                   tsvector NOT NULL DEFAULT '',
    UNIQUE (source, source_id)
);
CREATE INDEX services_search_en ON services USING gin (search_en);
CREATE INDEX services_search_fr ON services USING gin (search_fr);
CREATE INDEX services_needs ON services USING gin (needs);
CREATE INDEX services_agency ON services (agency_id);

CREATE TABLE locations (
    id                uuid PRIMARY KEY,
    source            text NOT NULL,
    source_id         text NOT NULL,
    agency_id         uuid REFERENCES agencies,
    location_type     text NOT NULL DEFAULT '',
    name              text NOT NULL DEFAULT '',
    name_fr           text NOT NULL DEFAULT '',
    alternate_name    text NOT NULL DEFAULT '',
    alternate_name_fr text NOT NULL DEFAULT '',
    description       text NOT NULL DEFAULT '',
    description_fr    text NOT NULL DEFAULT '',
    transportation    text NOT NULL DEFAULT '',
    transportation_fr text NOT NULL DEFAULT '',
    url               text NOT NULL DEFAULT '',
    latitude          double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude         double precision CHECK (longitude BETWEEN -180 AND 180),
    external_identifier      text NOT NULL DEFAULT '',
    external_identifier_type text NOT NULL DEFAULT '',
    UNIQUE (source, source_id),
    CHECK ((latitude IS NULL) = (longitude IS NULL))
);

CREATE TABLE services_at_location (
    id             uuid PRIMARY KEY,
    source         text NOT NULL,
    source_id      text NOT NULL,
    service_id     uuid NOT NULL REFERENCES services,
    location_id    uuid NOT NULL REFERENCES locations,
    description    text NOT NULL DEFAULT '',
    description_fr text NOT NULL DEFAULT ''
);
CREATE INDEX services_at_location_service ON services_at_location (service_id);
CREATE INDEX services_at_location_location ON services_at_location (location_id);

CREATE TABLE addresses (
    id             uuid PRIMARY KEY,
    source         text NOT NULL,
    source_id      text NOT NULL,
    location_id    uuid NOT NULL REFERENCES locations,
    attention      text NOT NULL DEFAULT '',
    address_1      text NOT NULL DEFAULT '',
    address_2      text NOT NULL DEFAULT '',
    city           text NOT NULL DEFAULT '',
    region         text NOT NULL DEFAULT '',
    state_province text NOT NULL DEFAULT '',
    postal_code    text NOT NULL DEFAULT '',
    country        text NOT NULL DEFAULT '',
    address_type   text NOT NULL DEFAULT 'physical' CHECK (address_type IN ('physical', 'postal', 'virtual'))
);
CREATE INDEX addresses_location ON addresses (location_id);
CREATE INDEX addresses_city ON addresses (directory_fold(city));

CREATE TABLE contacts (
    id                     uuid PRIMARY KEY,
    source                 text NOT NULL,
    source_id              text NOT NULL,
    agency_id              uuid REFERENCES agencies,
    service_id             uuid REFERENCES services,
    service_at_location_id uuid REFERENCES services_at_location ON DELETE SET NULL,
    location_id            uuid REFERENCES locations,
    name                   text NOT NULL DEFAULT '', -- staff names are kept only when the import asks for them
    title                  text NOT NULL DEFAULT '',
    title_fr               text NOT NULL DEFAULT '',
    department             text NOT NULL DEFAULT '',
    department_fr          text NOT NULL DEFAULT '',
    email                  text NOT NULL DEFAULT '',
    phone                  text NOT NULL DEFAULT ''  -- HSDS 1.1 keeps a contact's phone in the contact
);
CREATE INDEX contacts_service ON contacts (service_id);
CREATE INDEX contacts_agency ON contacts (agency_id);

CREATE TABLE phones (
    id                     uuid PRIMARY KEY,
    source                 text NOT NULL,
    source_id              text NOT NULL,
    agency_id              uuid REFERENCES agencies,
    service_id             uuid REFERENCES services,
    service_at_location_id uuid REFERENCES services_at_location ON DELETE SET NULL,
    location_id            uuid REFERENCES locations,
    contact_id             uuid REFERENCES contacts ON DELETE SET NULL,
    number                 text NOT NULL,
    extension              text NOT NULL DEFAULT '',
    type                   text NOT NULL DEFAULT '',
    language               text NOT NULL DEFAULT '',
    description            text NOT NULL DEFAULT '',
    description_fr         text NOT NULL DEFAULT ''
);
CREATE INDEX phones_service ON phones (service_id);
CREATE INDEX phones_location ON phones (location_id);
CREATE INDEX phones_agency ON phones (agency_id);

CREATE TABLE schedules (
    id                     uuid PRIMARY KEY,
    source                 text NOT NULL,
    source_id              text NOT NULL,
    service_id             uuid REFERENCES services,
    service_at_location_id uuid REFERENCES services_at_location ON DELETE SET NULL,
    location_id            uuid REFERENCES locations,
    weekdays               smallint[] NOT NULL DEFAULT '{}', -- ISO: 1 Monday … 7 Sunday
    opens_at               time, -- null with closes_at: the hours are in words only
    closes_at              time, -- at or before opens_at: the next morning; 24:00 is midnight at the day's end
    original_text          text NOT NULL DEFAULT '',
    original_text_fr       text NOT NULL DEFAULT '',
    description            text NOT NULL DEFAULT '',
    description_fr         text NOT NULL DEFAULT '',
    notes                  text NOT NULL DEFAULT '',
    notes_fr               text NOT NULL DEFAULT '',
    valid_from             date,
    valid_to               date,
    dtstart                date,
    until                  date,
    timezone               text NOT NULL DEFAULT '', -- HSDS 3.0: an offset from UTC
    freq                   text NOT NULL DEFAULT '',
    byday                  text NOT NULL DEFAULT '', -- as given: 1MO is a month's first Monday, which weekdays can't say
    interval               text NOT NULL DEFAULT '',
    count                  text NOT NULL DEFAULT '',
    wkst                   text NOT NULL DEFAULT '',
    byweekno               text NOT NULL DEFAULT '',
    bymonthday             text NOT NULL DEFAULT '',
    byyearday              text NOT NULL DEFAULT '',
    schedule_link          text NOT NULL DEFAULT '',
    attending_type         text NOT NULL DEFAULT '',
    attending_type_fr      text NOT NULL DEFAULT '',
    CHECK ((opens_at IS NULL) = (closes_at IS NULL))
);
CREATE INDEX schedules_service ON schedules (service_id);

-- Timed hours that hold every week, today. A month's first Monday, every second week, or a past season do not.
-- +goose StatementBegin
CREATE FUNCTION weekly(x schedules) RETURNS boolean LANGUAGE sql STABLE
RETURN x.opens_at IS NOT NULL AND x.weekdays <> '{}' AND upper(x.freq) IN ('', 'WEEKLY', 'DAILY') AND x.interval IN ('', '1')
    AND current_date BETWEEN coalesce(x.valid_from, '-infinity') AND coalesce(x.valid_to, 'infinity')
    AND current_date <= coalesce(x.until, 'infinity');
-- +goose StatementEnd

CREATE TABLE languages (
    id          uuid PRIMARY KEY,
    source      text NOT NULL,
    source_id   text NOT NULL,
    service_id  uuid REFERENCES services,
    location_id uuid REFERENCES locations,
    phone_id    uuid REFERENCES phones ON DELETE SET NULL,
    name        text NOT NULL DEFAULT '',
    name_fr     text NOT NULL DEFAULT '',
    code        text NOT NULL DEFAULT '',
    note        text NOT NULL DEFAULT '',
    note_fr     text NOT NULL DEFAULT ''
);
CREATE INDEX languages_service ON languages (service_id);

CREATE TABLE eligibility (
    id             uuid PRIMARY KEY,
    source         text NOT NULL,
    source_id      text NOT NULL,
    service_id     uuid NOT NULL REFERENCES services,
    eligibility    text NOT NULL DEFAULT '',
    eligibility_fr text NOT NULL DEFAULT ''
);
CREATE INDEX eligibility_service ON eligibility (service_id);

CREATE TABLE service_areas (
    id             uuid PRIMARY KEY,
    source         text NOT NULL,
    source_id      text NOT NULL,
    service_id     uuid NOT NULL REFERENCES services,
    name           text NOT NULL DEFAULT '',
    name_fr        text NOT NULL DEFAULT '',
    description    text NOT NULL DEFAULT '',
    description_fr text NOT NULL DEFAULT '',
    extent         text NOT NULL DEFAULT '',
    extent_type    text NOT NULL DEFAULT '',
    uri            text NOT NULL DEFAULT ''
);
CREATE INDEX service_areas_service ON service_areas (service_id);

CREATE TABLE accessibility (
    id             uuid PRIMARY KEY,
    source         text NOT NULL,
    source_id      text NOT NULL,
    location_id    uuid NOT NULL REFERENCES locations,
    description    text NOT NULL DEFAULT '',
    description_fr text NOT NULL DEFAULT '',
    details        text NOT NULL DEFAULT '',
    details_fr     text NOT NULL DEFAULT '',
    url            text NOT NULL DEFAULT ''
);
CREATE INDEX accessibility_location ON accessibility (location_id);

CREATE TABLE cost_options (
    id                    uuid PRIMARY KEY,
    source                text NOT NULL,
    source_id             text NOT NULL,
    service_id            uuid NOT NULL REFERENCES services,
    valid_from            date,
    valid_to              date,
    option                text NOT NULL DEFAULT '',
    option_fr             text NOT NULL DEFAULT '',
    currency              text NOT NULL DEFAULT '',
    amount                numeric,
    amount_description    text NOT NULL DEFAULT '',
    amount_description_fr text NOT NULL DEFAULT ''
);
CREATE INDEX cost_options_service ON cost_options (service_id);

CREATE TABLE required_documents (
    id          uuid PRIMARY KEY,
    source      text NOT NULL,
    source_id   text NOT NULL,
    service_id  uuid NOT NULL REFERENCES services,
    document    text NOT NULL DEFAULT '',
    document_fr text NOT NULL DEFAULT '',
    uri         text NOT NULL DEFAULT ''
);
CREATE INDEX required_documents_service ON required_documents (service_id);

CREATE TABLE taxonomies (
    id             uuid PRIMARY KEY,
    source         text NOT NULL,
    source_id      text NOT NULL,
    name           text NOT NULL,
    name_fr        text NOT NULL DEFAULT '',
    description    text NOT NULL DEFAULT '',
    description_fr text NOT NULL DEFAULT '',
    uri            text NOT NULL DEFAULT '',
    version        text NOT NULL DEFAULT ''
);

CREATE TABLE taxonomy_terms (
    id             uuid PRIMARY KEY,
    source         text NOT NULL,
    source_id      text NOT NULL,
    taxonomy_id    uuid REFERENCES taxonomies,
    code           text NOT NULL DEFAULT '',
    name           text NOT NULL,
    name_fr        text NOT NULL DEFAULT '',
    description    text NOT NULL DEFAULT '',
    description_fr text NOT NULL DEFAULT '',
    parent_code    text NOT NULL DEFAULT '', -- the parent's source_id
    taxonomy       text NOT NULL DEFAULT '', -- the vocabulary's name, where it is not a row of taxonomies
    facet          text NOT NULL DEFAULT '',
    language       text NOT NULL DEFAULT '',
    term_uri       text NOT NULL DEFAULT ''
);

-- HSDS 3.0 attributes of services; HSDS 1.1 services_taxonomy.
CREATE TABLE service_terms (
    id         uuid PRIMARY KEY,
    source     text NOT NULL,
    source_id  text NOT NULL,
    service_id uuid NOT NULL REFERENCES services,
    term_id    uuid NOT NULL REFERENCES taxonomy_terms,
    value      text NOT NULL DEFAULT '',
    UNIQUE (service_id, term_id)
);
CREATE INDEX service_terms_term ON service_terms (term_id);

-- The text in the language asked for, or in the other one where there is none.
-- +goose StatementBegin
CREATE FUNCTION directory_say(lang text, en text, fr text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN lang = 'fr' THEN coalesce(nullif(fr, ''), en, '') ELSE coalesce(nullif(en, ''), fr, '') END;
-- +goose StatementEnd

-- Where an offer goes: the service's own mailbox and telephone, else a contact's or a location's, else the agency's.
-- Empty where there is none.
CREATE VIEW service_reach AS
SELECT s.id,
    coalesce(nullif(s.email, ''),
        (SELECT c.email FROM contacts c WHERE c.service_id = s.id AND c.email <> '' ORDER BY c.id LIMIT 1),
        nullif(g.email, ''),
        (SELECT c.email FROM contacts c WHERE c.agency_id = s.agency_id AND c.service_id IS NULL AND c.email <> ''
         ORDER BY c.id LIMIT 1), '') AS email,
    coalesce((
        SELECT p.number || CASE WHEN p.extension <> '' THEN ' x' || p.extension ELSE '' END
        FROM phones p
        WHERE (p.service_id = s.id
                OR p.service_id IS NULL AND p.location_id IN (SELECT sl.location_id FROM services_at_location sl WHERE sl.service_id = s.id)
                OR p.service_id IS NULL AND p.location_id IS NULL AND p.agency_id = s.agency_id)
            AND lower(p.type) NOT IN ('fax', 'tty', 'textphone', 'pager')
        ORDER BY p.service_id IS NULL, p.location_id IS NULL, lower(p.type) NOT IN ('', 'voice'), p.id
        LIMIT 1), '') AS phone
FROM services s
LEFT JOIN agencies g ON g.id = s.agency_id;

-- Where a municipality or the first part of a postal code lies: the median of the directory's own locations there.
CREATE TABLE places (
    kind      text             NOT NULL CHECK (kind IN ('municipality', 'postal_area')),
    key       text             NOT NULL, -- folded
    latitude  double precision NOT NULL,
    longitude double precision NOT NULL,
    locations integer          NOT NULL,
    PRIMARY KEY (kind, key)
);

-- K9H 2L7 → k9h, 33157-1234 → 33157: how near two postal codes can be said to be the same place.
-- +goose StatementBegin
CREATE FUNCTION directory_postal_area(code text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN code ~* '^\s*[a-z][0-9][a-z]' THEN lower(left(btrim(code), 3))
    WHEN code ~ '^\s*[0-9]{5}' THEN left(btrim(code), 5)
    ELSE '' END;
-- +goose StatementEnd

-- Call after changing what a service can be found by: its words, its agency's name, its terms, areas or places.
-- Rows whose vectors stay the same are not written.
-- +goose StatementBegin
CREATE FUNCTION refresh_service_search(ids uuid[]) RETURNS void LANGUAGE sql AS $$
WITH words AS MATERIALIZED (
    SELECT s.id,
        directory_fold(s.name) AS a_en,
        directory_fold(coalesce(nullif(s.name_fr, ''), s.name)) AS a_fr,
        directory_fold(concat_ws(' ', s.alternate_name, g.name, g.alternate_name, t.en)) AS b_en,
        directory_fold(concat_ws(' ', s.alternate_name_fr, coalesce(nullif(g.name_fr, ''), g.name),
            coalesce(nullif(g.alternate_name_fr, ''), g.alternate_name), t.fr)) AS b_fr,
        directory_fold(left(s.description, 100000)) AS c_en,
        directory_fold(left(s.description_fr, 100000)) AS c_fr,
        directory_fold(left(concat_ws(' ', s.eligibility_description, s.application_process, s.interpretation_services,
            e.en, v.en, a.cities, l.en), 100000)) AS d_en,
        directory_fold(left(concat_ws(' ', s.eligibility_description_fr, s.application_process_fr,
            s.interpretation_services_fr, e.fr, v.fr, a.cities, l.fr), 100000)) AS d_fr
    FROM services s
    LEFT JOIN agencies g ON g.id = s.agency_id
    LEFT JOIN LATERAL (
        SELECT string_agg(x.name, ' ' ORDER BY x.id) AS en, string_agg(x.name_fr, ' ' ORDER BY x.id) AS fr
        FROM service_terms st JOIN taxonomy_terms x ON x.id = st.term_id WHERE st.service_id = s.id) t ON true
    LEFT JOIN LATERAL (
        SELECT string_agg(x.eligibility, ' ' ORDER BY x.id) AS en, string_agg(x.eligibility_fr, ' ' ORDER BY x.id) AS fr
        FROM eligibility x WHERE x.service_id = s.id) e ON true
    LEFT JOIN LATERAL (
        SELECT string_agg(concat_ws(' ', x.name, x.description), ' ' ORDER BY x.id) AS en,
            string_agg(concat_ws(' ', x.name_fr, x.description_fr), ' ' ORDER BY x.id) AS fr
        FROM service_areas x WHERE x.service_id = s.id) v ON true
    LEFT JOIN LATERAL (
        SELECT string_agg(DISTINCT x.city, ' ') AS cities
        FROM services_at_location sl JOIN addresses x ON x.location_id = sl.location_id WHERE sl.service_id = s.id) a ON true
    LEFT JOIN LATERAL (
        SELECT string_agg(x.name, ' ' ORDER BY x.id) AS en, string_agg(x.name_fr, ' ' ORDER BY x.id) AS fr
        FROM languages x WHERE x.service_id = s.id) l ON true
    WHERE s.id = ANY (ids)
), vectors AS MATERIALIZED (
    -- The words of names are kept unstemmed as well: "housi" must find Housing while it is being typed.
    SELECT id,
        setweight(to_tsvector('english', a_en) || to_tsvector('simple', a_en), 'A')
            || setweight(to_tsvector('english', b_en) || to_tsvector('simple', b_en), 'B')
            || setweight(to_tsvector('english', c_en), 'C') || setweight(to_tsvector('english', d_en), 'D') AS en,
        setweight(to_tsvector('french', a_fr) || to_tsvector('simple', a_fr), 'A')
            || setweight(to_tsvector('french', b_fr) || to_tsvector('simple', b_fr), 'B')
            || setweight(to_tsvector('french', c_fr), 'C') || setweight(to_tsvector('french', d_fr), 'D') AS fr
    FROM words
)
UPDATE services s SET search_en = v.en, search_fr = v.fr
FROM vectors v
WHERE v.id = s.id AND (s.search_en, s.search_fr) IS DISTINCT FROM (v.en, v.fr);
$$;
-- +goose StatementEnd

-- +goose Down
DROP VIEW service_reach;
DROP FUNCTION refresh_service_search, directory_postal_area, directory_say, weekly;
DROP TABLE places, service_terms, taxonomy_terms, taxonomies, required_documents, cost_options, accessibility,
    service_areas, eligibility, languages, schedules, phones, contacts, addresses, services_at_location, locations,
    services, agencies, import_rows, imports;
DROP FUNCTION directory_fold;
