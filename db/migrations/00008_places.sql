-- Who works where and with whom, cases for named people only, and the database's own guard over all of it: row-level
-- security by what each transaction says of who asks (docs/adr/0011-scope.md).

-- +goose Up

-- The application's own role: it owns nothing, so the guard holds for it. A deployment gives it a password, or grants it
-- to the account that serve and worker sign in with.
-- +goose StatementBegin
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'throughline_app') THEN
		IF NOT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
			RAISE EXCEPTION 'the role throughline_app is missing: have an administrator run CREATE ROLE throughline_app LOGIN PASSWORD ''...''';
		END IF;
		BEGIN
			CREATE ROLE throughline_app NOLOGIN;
		EXCEPTION WHEN duplicate_object OR unique_violation THEN
			NULL; -- another database of the same server was as quick
		END;
	END IF;
END
$$;
-- +goose StatementEnd

CREATE TABLE regions (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	name text NOT NULL CHECK (name <> ''),
	created_at timestamptz NOT NULL,
	UNIQUE (organisation_id, id)
);
CREATE UNIQUE INDEX regions_name ON regions (organisation_id, lower(name));

ALTER TABLE accounts
	ADD COLUMN region_id uuid, -- none: the whole organisation
	ADD COLUMN partner text NOT NULL DEFAULT '', -- the organisation that a partner refers for
	ADD CHECK (partner = '' OR role = 'partner'),
	ADD FOREIGN KEY (organisation_id, region_id) REFERENCES regions (organisation_id, id);

ALTER TABLE cases
	ADD COLUMN region_id uuid, -- of who opened it; none: the whole organisation's
	ADD COLUMN partner text NOT NULL DEFAULT '', -- of who opened it
	ADD FOREIGN KEY (organisation_id, region_id) REFERENCES regions (organisation_id, id);

-- Cases for named people only: a person at risk, one in the public eye, a colleague.
CREATE TABLE restrictions (
	case_id uuid PRIMARY KEY REFERENCES cases,
	organisation_id uuid NOT NULL REFERENCES organisations,
	kind text NOT NULL CHECK (kind IN ('violence', 'vip', 'staff')),
	set_by uuid NOT NULL REFERENCES accounts,
	set_at timestamptz NOT NULL
);
CREATE INDEX restrictions_organisation ON restrictions (organisation_id);

-- Who may see a restricted case.
CREATE TABLE case_people (
	case_id uuid NOT NULL REFERENCES cases,
	account_id uuid NOT NULL REFERENCES accounts,
	organisation_id uuid NOT NULL REFERENCES organisations,
	named_by uuid REFERENCES accounts, -- none: the system, when an account is closed and another goes on with its work
	named_at timestamptz NOT NULL,
	PRIMARY KEY (case_id, account_id)
);

-- A restricted case that someone opened without being named, and what a second person thought of it.
CREATE TABLE glass (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	case_id uuid NOT NULL REFERENCES cases,
	account_id uuid NOT NULL REFERENCES accounts,
	reason text NOT NULL CHECK (reason <> ''), -- may hold personal data
	broken_at timestamptz NOT NULL,
	until timestamptz NOT NULL,
	reviewed_at timestamptz,
	reviewed_by uuid REFERENCES accounts,
	decision text NOT NULL DEFAULT '' CHECK (decision IN ('', 'justified', 'not_justified')),
	remark text NOT NULL DEFAULT '', -- may hold personal data
	CHECK ((reviewed_at IS NULL) = (decision = '') AND (reviewed_at IS NULL) = (reviewed_by IS NULL)),
	CHECK (reviewed_by <> account_id)
);
CREATE INDEX glass_case ON glass (case_id, account_id);
CREATE INDEX glass_waiting ON glass (organisation_id, broken_at) WHERE reviewed_at IS NULL;

-- What a transaction says of who asks. Each is '' or absent when nothing was said, and then no row is anyone's. They are
-- called as (SELECT …) in the policies, so that a statement asks once and not for every row.
CREATE FUNCTION asks_system() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(current_setting('throughline.role', true), '') = 'system';

CREATE FUNCTION asks_organisation() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('throughline.organisation', true), '')::uuid;

CREATE FUNCTION asks_account() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('throughline.account', true), '')::uuid;

CREATE FUNCTION asks_role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(current_setting('throughline.role', true), '');

CREATE FUNCTION asks_region() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('throughline.region', true), '')::uuid;

CREATE FUNCTION asks_partner() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(current_setting('throughline.partner', true), '');

-- The clock of the program, by which broken glass is whole again.
CREATE FUNCTION asks_at() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('throughline.at', true), '')::timestamptz, now());

-- sees_restricted: not restricted, or named, or behind broken glass.
-- +goose StatementBegin
CREATE FUNCTION sees_restricted(of_case uuid, account uuid, at timestamptz) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN NOT EXISTS (SELECT FROM restrictions r WHERE r.case_id = of_case)
		OR EXISTS (SELECT FROM case_people p WHERE p.case_id = of_case AND p.account_id = account)
		OR EXISTS (SELECT FROM glass g WHERE g.case_id = of_case AND g.account_id = account AND g.until > at);
END
$$;
-- +goose StatementEnd

-- nothing_hidden: no restricted case of the organisation is kept from who asks, so that no case needs a look of its own.
-- +goose StatementBegin
CREATE FUNCTION nothing_hidden() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN NOT EXISTS (SELECT FROM restrictions r WHERE r.organisation_id = asks_organisation()
		AND NOT sees_restricted(r.case_id, asks_account(), asks_at()));
END
$$;
-- +goose StatementEnd

-- asks_whole: who asks sees every case of the organisation, so that what hangs on cases needs no look at each one's case.
-- +goose StatementBegin
CREATE FUNCTION asks_whole() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN asks_role() IN ('navigator', 'coordinator', 'supervisor') AND asks_region() IS NULL AND nothing_hidden();
END
$$;
-- +goose StatementEnd

-- sees_case, sees_referral, sees_offer: row-level security of the table itself says which rows are there.
-- +goose StatementBegin
CREATE FUNCTION sees_case(of_case uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM cases WHERE id = of_case);
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION sees_referral(of_referral uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM referrals WHERE id = of_referral);
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION sees_offer(of_offer uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM offers WHERE id = of_offer);
END
$$;
-- +goose StatementEnd

-- guard has a table show and take only rows of the organisation that asks, and of those the ones that also says. Every
-- table with an organisation_id needs it; a later migration calls it for the tables that it makes.
-- +goose StatementBegin
CREATE FUNCTION guard(guarded regclass, also text DEFAULT 'true') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
	EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', guarded);
	EXECUTE format('DROP POLICY IF EXISTS own ON %s', guarded);
	-- What is written is not held against cases: a case and what hangs on it are written by one statement, in which
	-- neither sees the other.
	EXECUTE format('CREATE POLICY own ON %s USING ((SELECT asks_system()) OR (organisation_id = (SELECT asks_organisation()) AND (%s)))
		WITH CHECK ((SELECT asks_system()) OR organisation_id = (SELECT asks_organisation()))', guarded, also);
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
DO $$
DECLARE plain regclass;
BEGIN
	FOR plain IN SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organisation_id' AND NOT a.attisdropped
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'cases' LOOP
		PERFORM guard(plain);
	END LOOP;
END
$$;
-- +goose StatementEnd

SELECT guard('referrals', '(SELECT asks_whole()) OR sees_case(case_id)');
SELECT guard('consents', '(SELECT asks_whole()) OR case_id IS NULL OR sees_case(case_id)');
SELECT guard('offers', '(SELECT asks_whole()) OR sees_referral(referral_id)');
SELECT guard('tasks', '(SELECT asks_whole()) OR sees_referral(referral_id)');
SELECT guard('messages', '(SELECT asks_whole()) OR sees_referral(referral_id)');
SELECT guard('timeline', '(SELECT asks_whole()) OR sees_referral(referral_id)');
SELECT guard('links', '(SELECT asks_whole()) OR sees_offer(offer_id)');
-- A kept answer holds what its asker may have lost the sight of since.
SELECT guard('idempotency', 'account_id = (SELECT asks_account())');

ALTER TABLE organisations ENABLE ROW LEVEL SECURITY;
ALTER TABLE organisations FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON organisations USING ((SELECT asks_system()) OR id = (SELECT asks_organisation()));

ALTER TABLE cases ENABLE ROW LEVEL SECURITY;
ALTER TABLE cases FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON cases
	USING ((SELECT asks_system()) OR (organisation_id = (SELECT asks_organisation())
		AND (SELECT asks_role()) IN ('navigator', 'coordinator', 'supervisor', 'partner')
		AND ((SELECT asks_region()) IS NULL OR region_id = (SELECT asks_region()))
		AND ((SELECT asks_role()) <> 'partner' OR created_by = (SELECT asks_account()) OR (partner <> '' AND partner = (SELECT asks_partner())))
		AND ((SELECT nothing_hidden()) OR sees_restricted(id, (SELECT asks_account()), (SELECT asks_at())))))
	WITH CHECK ((SELECT asks_system()) OR (organisation_id = (SELECT asks_organisation())
		AND (SELECT asks_role()) IN ('navigator', 'coordinator', 'supervisor', 'partner')
		AND ((SELECT asks_region()) IS NULL OR region_id = (SELECT asks_region()))
		AND ((SELECT asks_role()) <> 'partner' OR partner = (SELECT asks_partner()))));

-- What the application may do at all. What has happened is only added to.
GRANT USAGE ON SCHEMA public TO throughline_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO throughline_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO throughline_app;
REVOKE UPDATE, DELETE ON audit FROM throughline_app;
REVOKE INSERT, UPDATE, DELETE ON goose_db_version, offer_edges, referral_edges FROM throughline_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO throughline_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO throughline_app;
-- +goose StatementBegin
DO $$
BEGIN
	EXECUTE format('GRANT CONNECT ON DATABASE %I TO throughline_app', current_database());
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $$
DECLARE guarded record;
BEGIN
	FOR guarded IN SELECT polname, polrelid::regclass AS table FROM pg_policy LOOP
		EXECUTE format('DROP POLICY %I ON %s', guarded.polname, guarded.table);
		EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', guarded.table);
		EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', guarded.table);
	END LOOP;
END
$$;
-- +goose StatementEnd
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM throughline_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM throughline_app;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM throughline_app;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM throughline_app;
REVOKE ALL ON SCHEMA public FROM throughline_app;
DROP FUNCTION guard, asks_whole, nothing_hidden, sees_offer, sees_referral, sees_case, sees_restricted, asks_at, asks_partner, asks_region,
	asks_role, asks_account, asks_organisation, asks_system;
DROP TABLE glass, case_people, restrictions;
ALTER TABLE cases DROP COLUMN region_id, DROP COLUMN partner;
ALTER TABLE accounts DROP COLUMN region_id, DROP COLUMN partner;
DROP TABLE regions;
