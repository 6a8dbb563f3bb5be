-- The record: cases, referrals, offers and everything that happened to them. Every row of case data names its
-- organisation (the helpline), so that no query can be right without saying whose data it reads.

-- +goose Up
CREATE TABLE organisations (
	id uuid PRIMARY KEY,
	name text NOT NULL,
	phone text NOT NULL DEFAULT '',
	time_zone text NOT NULL DEFAULT 'America/Toronto',
	created_at timestamptz NOT NULL
);

CREATE TABLE accounts (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	email text NOT NULL,
	name text NOT NULL,
	role text NOT NULL CHECK (role IN ('navigator', 'coordinator')),
	locale text NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'fr')),
	password_hash text NOT NULL,
	active boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX accounts_email ON accounts (lower(email));

CREATE TABLE api_keys (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	account_id uuid NOT NULL REFERENCES accounts,
	name text NOT NULL,
	key_hash bytea NOT NULL UNIQUE,
	created_at timestamptz NOT NULL,
	last_used_at timestamptz,
	revoked_at timestamptz
);

-- scs keeps its sessions here.
CREATE TABLE sessions (
	token text PRIMARY KEY,
	data bytea NOT NULL,
	expiry timestamptz NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expiry);

CREATE TABLE policies (
	organisation_id uuid NOT NULL REFERENCES organisations,
	version int NOT NULL,
	body jsonb NOT NULL,
	set_by text NOT NULL,
	set_at timestamptz NOT NULL,
	PRIMARY KEY (organisation_id, version)
);

CREATE TABLE cases (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	reference text NOT NULL UNIQUE,
	anonymous boolean NOT NULL,
	-- Personal data. Nothing below this line up to notes may leave the database but to a page.
	name text NOT NULL DEFAULT '',
	phone text NOT NULL DEFAULT '',
	email text NOT NULL DEFAULT '',
	contact_times text NOT NULL DEFAULT '',
	safe_to_call boolean NOT NULL DEFAULT true,
	safe_to_leave_message boolean NOT NULL DEFAULT false,
	municipality text NOT NULL DEFAULT '',
	postal_code text NOT NULL DEFAULT '',
	birth_year int CHECK (birth_year BETWEEN 1900 AND 2100),
	notes text NOT NULL DEFAULT '',
	language text NOT NULL DEFAULT 'en',
	created_by uuid NOT NULL REFERENCES accounts,
	created_at timestamptz NOT NULL
);
CREATE INDEX cases_recent ON cases (organisation_id, created_at DESC);

CREATE TABLE referrals (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	case_id uuid NOT NULL REFERENCES cases,
	episode_of uuid REFERENCES referrals,
	need text NOT NULL,
	details text NOT NULL DEFAULT '', -- personal data
	urgency text NOT NULL CHECK (urgency IN ('routine', 'urgent')),
	state text NOT NULL CHECK (state IN ('draft', 'open', 'closed')),
	outcome text NOT NULL DEFAULT '',
	unmet_reason text NOT NULL DEFAULT '',
	evidence text NOT NULL DEFAULT '',
	version int NOT NULL CHECK (version > 0),
	owner_id uuid NOT NULL REFERENCES accounts,
	created_at timestamptz NOT NULL,
	opened_at timestamptz,
	closed_at timestamptz,
	-- The one next step, its due time and who is accountable; empty only when closed.
	step jsonb,
	step_do text NOT NULL DEFAULT '',
	step_due timestamptz,
	step_role text NOT NULL DEFAULT '',
	step_person uuid,
	CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
	CHECK ((state = 'closed') = (outcome <> '')),
	CHECK ((state = 'closed') = (step_due IS NULL)),
	CHECK (state = 'closed' OR step_role <> '')
);
CREATE INDEX referrals_case ON referrals (case_id);
CREATE INDEX referrals_due ON referrals (organisation_id, step_due) WHERE state <> 'closed';

CREATE TABLE consents (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	case_id uuid REFERENCES cases,
	referral_id uuid REFERENCES referrals,
	given boolean NOT NULL,
	how text NOT NULL CHECK (how IN ('verbal', 'written', 'substitute')),
	script text NOT NULL,
	service_ids uuid[] NOT NULL,
	recorded_by uuid NOT NULL REFERENCES accounts,
	recorded_at timestamptz NOT NULL,
	withdrawn_at timestamptz
);
CREATE INDEX consents_referral ON consents (referral_id);

CREATE TABLE offers (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	referral_id uuid NOT NULL REFERENCES referrals,
	service_id uuid NOT NULL,
	rank int NOT NULL,
	state text NOT NULL,
	reason text NOT NULL DEFAULT '',
	reason_note text NOT NULL DEFAULT '', -- may hold personal data
	outcome text NOT NULL DEFAULT '',
	question text NOT NULL DEFAULT '',    -- may hold personal data
	answer text NOT NULL DEFAULT '',      -- may hold personal data
	created_at timestamptz NOT NULL,
	entered_at timestamptz NOT NULL,
	sent_at timestamptz,
	paused_seconds bigint NOT NULL DEFAULT 0,
	reminded_at timestamptz,
	escalated_at timestamptz,
	news_at timestamptz NOT NULL,
	asked_at timestamptz,
	asks int NOT NULL DEFAULT 0,
	attempts int NOT NULL DEFAULT 0,
	visit_at timestamptz,
	answered_by text NOT NULL DEFAULT '' -- the name typed on the agency's page
);
CREATE INDEX offers_referral ON offers (referral_id, rank);
CREATE INDEX offers_service ON offers (service_id);

CREATE TABLE tasks (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	referral_id uuid NOT NULL REFERENCES referrals,
	offer_id uuid REFERENCES offers,
	kind text NOT NULL,
	cause text NOT NULL,
	state text NOT NULL CHECK (state IN ('open', 'done', 'overtaken')),
	role text NOT NULL,
	assignee_id uuid REFERENCES accounts,
	created_at timestamptz NOT NULL,
	due_at timestamptz NOT NULL,
	done_at timestamptz,
	done_by uuid REFERENCES accounts,
	escalations int NOT NULL DEFAULT 0,
	result text NOT NULL DEFAULT '' -- may hold personal data
);
CREATE INDEX tasks_referral ON tasks (referral_id);
CREATE INDEX tasks_open ON tasks (organisation_id, due_at) WHERE state = 'open';

-- A message is a row before it is an email.
CREATE TABLE messages (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	referral_id uuid NOT NULL REFERENCES referrals,
	offer_id uuid NOT NULL REFERENCES offers,
	letter text NOT NULL,
	step_key text NOT NULL, -- which occasion: the version of the referral that called for it
	recipient text NOT NULL, -- the agency's registered address
	generation int NOT NULL DEFAULT 1,
	reason text NOT NULL DEFAULT '',
	locale text NOT NULL,
	offer_state text NOT NULL, -- where the offer stood when the letter was called for
	state text NOT NULL CHECK (state IN ('pending', 'claimed', 'accepted', 'rejected', 'ambiguous')),
	error_class text NOT NULL DEFAULT '',
	provider text NOT NULL DEFAULT '',
	provider_id text NOT NULL DEFAULT '',
	attempts int NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL,
	attempted_at timestamptz,
	settled_at timestamptz,
	UNIQUE (offer_id, letter, step_key, recipient, generation),
	CHECK (generation = 1 OR reason <> '')
);
CREATE INDEX messages_offer ON messages (offer_id, created_at DESC);
CREATE INDEX messages_unsettled ON messages (created_at) WHERE state IN ('pending', 'claimed', 'ambiguous');

-- Links hold the SHA-256 of a 256-bit random token, never the token.
CREATE TABLE links (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	offer_id uuid NOT NULL REFERENCES offers,
	message_id uuid UNIQUE REFERENCES messages, -- a further attempt at the same letter has a new token
	token_hash bytea NOT NULL UNIQUE,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	revoked_at timestamptz
);
CREATE INDEX links_offer ON links (offer_id);

CREATE TABLE timeline (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	referral_id uuid NOT NULL REFERENCES referrals,
	version int NOT NULL,
	at timestamptz NOT NULL,
	what text NOT NULL,
	offer_id uuid,
	task_id uuid,
	from_state text NOT NULL DEFAULT '',
	to_state text NOT NULL DEFAULT '',
	code text NOT NULL DEFAULT '',
	attribution text NOT NULL DEFAULT '',
	actor_role text NOT NULL,
	actor_for text NOT NULL DEFAULT '',
	actor_id uuid,
	actor_name text NOT NULL DEFAULT '',
	via text NOT NULL,
	note text NOT NULL DEFAULT '' -- may hold personal data
);
CREATE INDEX timeline_referral ON timeline (referral_id, id);

CREATE TABLE audit (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	at timestamptz NOT NULL,
	actor_role text NOT NULL,
	actor_id uuid,
	action text NOT NULL,
	subject text NOT NULL, -- what kind of thing: case, referral, offer, search
	subject_id uuid,
	via text NOT NULL,
	why text NOT NULL DEFAULT ''
);
CREATE INDEX audit_subject ON audit (subject_id, id);

CREATE TABLE outbox (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	kind text NOT NULL CHECK (kind IN ('start', 'changed', 'deliver')),
	referral_id uuid NOT NULL REFERENCES referrals,
	message_id uuid REFERENCES messages,
	version int NOT NULL,
	created_at timestamptz NOT NULL,
	available_at timestamptz NOT NULL,
	attempts int NOT NULL DEFAULT 0,
	done_at timestamptz,
	last_error text NOT NULL DEFAULT '' -- a class, never a text from outside
);
CREATE INDEX outbox_due ON outbox (available_at, id) WHERE done_at IS NULL;
CREATE INDEX outbox_starts ON outbox (referral_id) WHERE kind = 'start' AND done_at IS NULL;
CREATE INDEX outbox_told ON outbox (done_at) WHERE done_at IS NOT NULL;

CREATE TABLE idempotency (
	organisation_id uuid NOT NULL REFERENCES organisations,
	account_id uuid NOT NULL REFERENCES accounts,
	key text NOT NULL,
	body_hash bytea NOT NULL,
	body bytea NOT NULL,
	created_at timestamptz NOT NULL,
	PRIMARY KEY (organisation_id, account_id, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

-- +goose Down
DROP TABLE idempotency, outbox, audit, timeline, links, messages, tasks, offers, consents, referrals, cases, policies,
	sessions, api_keys, accounts, organisations;
