-- What was written of a client can be set right, and what it said before is kept; an agency's older links end when it has
-- a newer one; and the audit keeps who was refused.

-- +goose Up
-- A correction names the version that it was made on, so that two people do not overwrite one another.
ALTER TABLE cases ADD COLUMN version int NOT NULL DEFAULT 1 CHECK (version > 0);

CREATE TABLE corrections (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	case_id uuid NOT NULL REFERENCES cases,
	version int NOT NULL CHECK (version > 1), -- that the case came to
	at timestamptz NOT NULL,
	corrected_by uuid NOT NULL REFERENCES accounts,
	fields text[] NOT NULL CHECK (cardinality(fields) > 0), -- their names
	before text NOT NULL, -- what they said, sealed; empty once the case is erased, as the reason is
	reason text NOT NULL,
	UNIQUE (case_id, version)
);
SELECT guard('corrections', '(SELECT asks_whole()) OR sees_case(case_id)');
-- What was set right stays as it was written; only an erasure empties it.
REVOKE UPDATE, DELETE ON corrections FROM throughline_app;
GRANT UPDATE (before, reason) ON corrections TO throughline_app;
INSERT INTO sealing (table_name, position, done_at) VALUES ('corrections', 10, now());

-- Who refers for another partner since may still set right what they wrote themselves.
ALTER POLICY own ON cases WITH CHECK ((SELECT asks_system()) OR (organisation_id = (SELECT asks_organisation())
	AND (SELECT asks_role()) IN ('navigator', 'coordinator', 'supervisor', 'partner')
	AND ((SELECT asks_region()) IS NULL OR region_id = (SELECT asks_region()))
	AND ((SELECT asks_role()) <> 'partner' OR created_by = (SELECT asks_account()) OR partner = (SELECT asks_partner()))));

-- When a link opens nothing any more because its agency has a newer one; none: it is good until it expires.
ALTER TABLE links ADD COLUMN ends_at timestamptz;

ALTER TABLE audit DROP CONSTRAINT audit_kind_check, ADD CONSTRAINT audit_kind_check CHECK (kind IN ('view', 'list', 'search', 'export',
	'print', 'mail', 'link', 'cli', 'change', 'refused'));

-- +goose Down
ALTER TABLE audit DROP CONSTRAINT audit_kind_check, ADD CONSTRAINT audit_kind_check CHECK (kind IN ('view', 'list', 'search', 'export',
	'print', 'mail', 'link', 'cli', 'change')) NOT VALID;
ALTER TABLE links DROP COLUMN ends_at;
ALTER POLICY own ON cases WITH CHECK ((SELECT asks_system()) OR (organisation_id = (SELECT asks_organisation())
	AND (SELECT asks_role()) IN ('navigator', 'coordinator', 'supervisor', 'partner')
	AND ((SELECT asks_region()) IS NULL OR region_id = (SELECT asks_region()))
	AND ((SELECT asks_role()) <> 'partner' OR partner = (SELECT asks_partner()))));
DELETE FROM sealing WHERE table_name = 'corrections';
DROP TABLE corrections;
ALTER TABLE cases DROP COLUMN version;
