-- What is no organisation's is guarded too: what is somebody's own, and what only the house reads. Tables that are for
-- everyone say why in their comment (docs/adr/0011-scope.md). And whether someone looks through broken glass is asked with
-- each entry of the audit, so that it is found by who asks.

-- +goose Up

-- guard_for has a table without an organisation_id show and take only rows of which whose is true, to others than the
-- house; 'false' is the house's alone. Every table wants this, or guard, or a comment that says why it has no guard.
-- +goose StatementBegin
CREATE FUNCTION guard_for(guarded regclass, whose text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
	EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', guarded);
	EXECUTE format('DROP POLICY IF EXISTS own ON %s', guarded);
	EXECUTE format('CREATE POLICY own ON %s USING ((SELECT asks_system()) OR (%s))', guarded, whose);
END
$$;
-- +goose StatementEnd

SELECT guard_for('recovery_codes', 'account_id = (SELECT asks_account())');
SELECT guard_for('known_devices', 'account_id = (SELECT asks_account())');
-- Before anyone is known, and what keeps the house.
SELECT guard_for('sessions', 'false');
SELECT guard_for('sign_in_tries', 'false');
SELECT guard_for('uses', 'false');
SELECT guard_for('key_checks', 'false');
SELECT guard_for('sealing', 'false');
SELECT guard_for('audit_waiting', 'false');
-- A trigger puts there the number of each new entry, whoever makes it; nobody else may write to it.
CREATE POLICY waits ON audit_waiting FOR INSERT WITH CHECK (true);

-- +goose StatementBegin
DO $$
DECLARE everyones regclass;
BEGIN
	FOREACH everyones IN ARRAY ARRAY['agencies', 'services', 'locations', 'services_at_location', 'addresses', 'contacts', 'phones', 'schedules',
		'languages', 'eligibility', 'service_areas', 'accessibility', 'cost_options', 'required_documents', 'taxonomies', 'taxonomy_terms',
		'service_terms', 'places', 'imports', 'import_rows']::regclass[] LOOP
		EXECUTE format('COMMENT ON TABLE %s IS %L', everyones, 'No row-level security: the directory of services is the same for everyone, and public.');
	END LOOP;
	FOREACH everyones IN ARRAY ARRAY['offer_edges', 'referral_edges', 'goose_db_version']::regclass[] LOOP
		EXECUTE format('COMMENT ON TABLE %s IS %L', everyones, 'No row-level security: it is the same for everyone, and the application may only read it.');
	END LOOP;
END
$$;
-- +goose StatementEnd

CREATE INDEX glass_open ON glass (account_id, until);

-- +goose Down
DROP INDEX glass_open;
-- +goose StatementBegin
DO $$
DECLARE guarded record;
BEGIN
	FOR guarded IN SELECT c.oid::regclass AS table FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
		AND obj_description(c.oid, 'pg_class') LIKE 'No row-level security:%' LOOP
		EXECUTE format('COMMENT ON TABLE %s IS NULL', guarded.table);
	END LOOP;
	FOR guarded IN SELECT polname, polrelid::regclass AS table FROM pg_policy WHERE polrelid IN ('recovery_codes'::regclass, 'known_devices'::regclass,
		'sessions'::regclass, 'sign_in_tries'::regclass, 'uses'::regclass, 'key_checks'::regclass, 'sealing'::regclass, 'audit_waiting'::regclass) LOOP
		EXECUTE format('DROP POLICY %I ON %s', guarded.polname, guarded.table);
		EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', guarded.table);
		EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', guarded.table);
	END LOOP;
END
$$;
-- +goose StatementEnd
DROP FUNCTION guard_for(regclass, text);
