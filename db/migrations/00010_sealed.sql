-- What people told us is sealed in the columns where it always stood: each case has a data key, and the key that wraps it
-- is not in this database. Rows of before are sealed by `throughline migrate`, right after this.

-- +goose Up
CREATE TABLE case_keys (
	case_id uuid PRIMARY KEY REFERENCES cases,
	organisation_id uuid NOT NULL REFERENCES organisations,
	wrapped bytea,     -- none once it is destroyed: then nothing of the case can be read again
	kek text NOT NULL, -- names the key that wrapped it
	-- What the case is found by: marks of its name, telephone number and address that tell nothing without their key.
	found_by bytea[] NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL,
	destroyed_at timestamptz,
	CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL)),
	CHECK (destroyed_at IS NULL OR found_by = '{}')
);
CREATE INDEX case_keys_kek ON case_keys (kek, case_id) WHERE wrapped IS NOT NULL;
-- Who does not see a case has not its key either.
SELECT guard('case_keys', '(SELECT asks_whole()) OR sees_case(case_id)');

-- The key that an organisation's marks are made with, and that the secrets of its accounts are sealed with.
CREATE TABLE organisation_keys (
	organisation_id uuid PRIMARY KEY REFERENCES organisations,
	wrapped bytea NOT NULL,
	kek text NOT NULL,
	created_at timestamptz NOT NULL
);
SELECT guard('organisation_keys');

-- A value that only the right key opens, for each key in use: a process with another one must not start.
CREATE TABLE key_checks (
	kek text PRIMARY KEY,
	value bytea NOT NULL,
	created_at timestamptz NOT NULL
);

-- How far the rows of before are sealed, by table.
CREATE TABLE sealing (
	table_name text PRIMARY KEY,
	position int NOT NULL,
	after text NOT NULL DEFAULT '', -- the last row that was looked at
	done_at timestamptz
);
INSERT INTO sealing (table_name, position, done_at) VALUES
	('cases', 1, CASE WHEN NOT EXISTS (SELECT FROM cases) THEN now() END),
	('referrals', 2, CASE WHEN NOT EXISTS (SELECT FROM referrals) THEN now() END),
	('offers', 3, CASE WHEN NOT EXISTS (SELECT FROM offers) THEN now() END),
	('tasks', 4, CASE WHEN NOT EXISTS (SELECT FROM tasks) THEN now() END),
	('timeline', 5, CASE WHEN NOT EXISTS (SELECT FROM timeline) THEN now() END),
	('idempotency', 6, CASE WHEN NOT EXISTS (SELECT FROM idempotency) THEN now() END),
	('consents', 7, CASE WHEN NOT EXISTS (SELECT FROM consents) THEN now() END),
	('glass', 8, CASE WHEN NOT EXISTS (SELECT FROM glass) THEN now() END),
	('second_factors', 9, CASE WHEN NOT EXISTS (SELECT FROM second_factors) THEN now() END);

-- The application makes keys, wraps them anew and destroys them; none of their rows is ever taken away.
REVOKE DELETE ON case_keys, organisation_keys FROM throughline_app;
REVOKE INSERT, DELETE ON sealing FROM throughline_app;

-- Who said no for a client of whom nothing is kept is not kept by name either: there is no key to seal it with.
UPDATE consents SET substitute = '' WHERE case_id IS NULL;

-- A year of birth is sealed as any text is.
ALTER TABLE cases DROP CONSTRAINT cases_birth_year_check;
ALTER TABLE cases ALTER COLUMN birth_year TYPE text USING coalesce(birth_year::text, ''),
	ALTER COLUMN birth_year SET DEFAULT '', ALTER COLUMN birth_year SET NOT NULL;

-- What is sealed in a line is bound to this name of it: its id is not known before it is written.
ALTER TABLE timeline ADD COLUMN seal_id uuid NOT NULL DEFAULT gen_random_uuid();

-- What an answer names stood in its body, which is sealed from now on.
ALTER TABLE idempotency ADD COLUMN case_id uuid, ADD COLUMN referral_id uuid, ADD COLUMN opened boolean NOT NULL DEFAULT false;
WITH heads AS (SELECT ctid AS row, encode(substr(body, 1, 101), 'escape') AS head FROM idempotency),
	named AS (SELECT row, head LIKE '{"case_id":"%' AS opened,
		CASE WHEN head LIKE '{"case_id":"%","referral_id":"%' THEN substr(head, 66, 36)
			WHEN head LIKE '{"id":"%","short_name":%' THEN substr(head, 8, 36) END AS referral,
		CASE WHEN head LIKE '{"case_id":"%' THEN substr(head, 13, 36)
			WHEN head LIKE '{"id":"%","reference":%' THEN substr(head, 8, 36) END AS case_id
		FROM heads WHERE head NOT LIKE '%"00000000-0000-0000-0000-000000000000"%')
UPDATE idempotency i SET referral_id = n.referral::uuid, opened = n.opened,
	case_id = coalesce(n.case_id::uuid, (SELECT r.case_id FROM referrals r WHERE r.id::text = n.referral))
FROM named n WHERE i.ctid = n.row;
CREATE INDEX idempotency_case ON idempotency (case_id);

-- +goose Down
-- There is no way back: who could open what is sealed is not this database.
SELECT 1 / 0;
