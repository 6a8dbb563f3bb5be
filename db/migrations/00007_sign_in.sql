-- Who may come in, and what they came in with: visits, second factors, single sign-on, invitations, the pace of guessing,
-- and what an API key is for. Secrets are kept as digests, but for the secret of a second factor, which must be read.

-- +goose Up
ALTER TABLE accounts DROP CONSTRAINT accounts_role_check, ADD CONSTRAINT accounts_role_check
	CHECK (role IN ('navigator', 'coordinator', 'supervisor', 'data_editor', 'partner', 'auditor', 'admin'));

-- A visit is the time from signing in to signing out, in one browser. The browser's session names it; ending the visit
-- ends the session.
CREATE TABLE visits (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	account_id uuid NOT NULL REFERENCES accounts,
	method text NOT NULL CHECK (method IN ('password', 'second_factor', 'oidc')),
	browser text NOT NULL DEFAULT '', -- its family only
	created_at timestamptz NOT NULL,
	seen_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	ended_at timestamptz
);
CREATE INDEX visits_account ON visits (account_id, created_at DESC) WHERE ended_at IS NULL;
CREATE INDEX visits_age ON visits (expires_at);
-- Sessions of before name no visit: their people sign in again.
DELETE FROM sessions;

CREATE TABLE second_factors (
	account_id uuid PRIMARY KEY REFERENCES accounts,
	organisation_id uuid NOT NULL REFERENCES organisations,
	secret text NOT NULL DEFAULT '',     -- base32; '' until the first one is proven
	last_step bigint NOT NULL DEFAULT 0, -- the step of the last code that was taken: each is taken once
	proposed text NOT NULL DEFAULT '',   -- shown, and not proven yet
	proposed_at timestamptz,
	confirmed_at timestamptz,
	CHECK ((secret = '') = (confirmed_at IS NULL))
);

CREATE TABLE recovery_codes (
	account_id uuid NOT NULL REFERENCES accounts,
	code_hash bytea NOT NULL,
	created_at timestamptz NOT NULL,
	used_at timestamptz,
	PRIMARY KEY (account_id, code_hash)
);

-- Who someone is at the provider of single sign-on. The address of an account can pass to someone else; this can't.
CREATE TABLE identities (
	issuer text NOT NULL,
	subject text NOT NULL,
	organisation_id uuid NOT NULL REFERENCES organisations,
	account_id uuid NOT NULL REFERENCES accounts,
	created_at timestamptz NOT NULL,
	seen_at timestamptz NOT NULL,
	PRIMARY KEY (issuer, subject),
	UNIQUE (account_id, issuer)
);

-- Letters with a link to choose a password by. A row before it is an email, as messages are; the link's token is made
-- when the letter goes out, and only its digest is kept.
CREATE TABLE invitations (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	account_id uuid NOT NULL REFERENCES accounts,
	kind text NOT NULL CHECK (kind IN ('invitation', 'password_reset')),
	created_by uuid REFERENCES accounts,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	token_hash bytea UNIQUE,
	used_at timestamptz,
	revoked_at timestamptz,
	state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'claimed', 'accepted', 'rejected', 'ambiguous')),
	error_class text NOT NULL DEFAULT '',
	attempts int NOT NULL DEFAULT 0,
	available_at timestamptz NOT NULL,
	attempted_at timestamptz
);
CREATE INDEX invitations_account ON invitations (account_id, created_at DESC);
CREATE INDEX invitations_due ON invitations (available_at) WHERE state IN ('pending', 'claimed');

-- How often someone was wrong lately, by a digest of whom and from where. It slows guessing down; it is no record.
CREATE TABLE sign_in_tries (
	key bytea PRIMARY KEY,
	tries int NOT NULL,
	last_at timestamptz NOT NULL,
	next_at timestamptz NOT NULL
);
CREATE INDEX sign_in_tries_age ON sign_in_tries (last_at);

-- Browsers that someone has signed in with: others' guesses do not slow these down.
CREATE TABLE known_devices (
	account_id uuid NOT NULL REFERENCES accounts,
	device_hash bytea NOT NULL,
	seen_at timestamptz NOT NULL,
	PRIMARY KEY (account_id, device_hash)
);

ALTER TABLE api_keys
	ADD COLUMN scopes text[] NOT NULL DEFAULT '{read,write,directory}',
	ADD COLUMN expires_at timestamptz,
	ADD COLUMN created_by uuid REFERENCES accounts;
-- Keys of before could do everything and had no end: they get a year from now.
UPDATE api_keys SET expires_at = now() + interval '1 year';
ALTER TABLE api_keys ALTER COLUMN expires_at SET NOT NULL, ALTER COLUMN scopes DROP DEFAULT,
	ADD CHECK (cardinality(scopes) > 0 AND scopes <@ '{read,write,directory}'::text[]);

-- +goose Down
ALTER TABLE api_keys DROP COLUMN scopes, DROP COLUMN expires_at, DROP COLUMN created_by;
DROP TABLE known_devices, sign_in_tries, invitations, identities, recovery_codes, second_factors, visits;
ALTER TABLE accounts DROP CONSTRAINT accounts_role_check, ADD CONSTRAINT accounts_role_check
	CHECK (role IN ('navigator', 'coordinator'));
