-- A case that was used after the schedule began to erase it is kept; and nobody has what is younger than ten years taken out
-- of the audit, its owner neither.

-- +goose Up
ALTER TABLE erasures DROP CONSTRAINT erasures_outcome_check, ADD CONSTRAINT erasures_outcome_check CHECK (outcome IN ('', 'erased',
	'erased_again', 'called_off', 'held', 'open_referral', 'not_due'));
CREATE INDEX legal_holds_case ON legal_holds (case_id);
CREATE INDEX consents_case ON consents (case_id);

-- Links stay for ever, and entries for ten years by the database's own clock.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit' AND current_setting('throughline.retire', true) = 'on' AND pg_has_role(current_user,
		(SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
		IF OLD.at < now() - interval '10 years' THEN
			RETURN OLD;
		END IF;
	END IF;
	RAISE EXCEPTION 'lines of % are only added', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

DROP FUNCTION audit_retire_old(uuid, timestamptz);
DROP FUNCTION audit_retire(uuid, timestamptz);

-- audit_retire takes away the beginning of an organisation's entries, up to the first that is not older or is younger than
-- ten years, and gives their number. Their links stay, so the chain still holds together; the entry that says so is part of
-- it, and says by which way and when.
-- +goose StatementBegin
CREATE FUNCTION audit_retire(organisation uuid, older_than timestamptz, told_via text DEFAULT 'cli', told_at timestamptz DEFAULT now()) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	last bigint;
	taken bigint;
	until timestamptz := least(older_than, now() - interval '10 years');
	asker text := asks_role();
BEGIN
	PERFORM pg_advisory_xact_lock(211, 3);
	PERFORM set_config('throughline.role', 'system', true);
	SELECT coalesce(min(c.seq) - 1, (SELECT max(seq) FROM audit_chain WHERE organisation_id = organisation)) INTO last
		FROM audit_chain c JOIN audit a ON a.id = c.audit_id
		WHERE c.organisation_id = organisation AND a.at >= until;
	PERFORM set_config('throughline.retire', 'on', true);
	DELETE FROM audit a USING audit_chain c WHERE c.organisation_id = organisation AND c.seq <= last AND a.id = c.audit_id;
	GET DIAGNOSTICS taken = ROW_COUNT;
	PERFORM set_config('throughline.retire', '', true);
	IF taken > 0 THEN
		INSERT INTO audit (organisation_id, at, actor_role, action, kind, subject, via, why)
			VALUES (organisation, told_at, 'system', 'retire_audit', 'change', 'audit', told_via, last::text);
	END IF;
	PERFORM set_config('throughline.role', asker, true);
	RETURN taken;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION audit_retire(uuid, timestamptz, text, timestamptz) FROM PUBLIC;

-- audit_retire_old is that for the application: what the schedule does each night.
-- +goose StatementBegin
CREATE FUNCTION audit_retire_old(organisation uuid, older_than timestamptz, told_at timestamptz) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
	RETURN audit_retire(organisation, older_than, 'clock', told_at);
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION audit_retire_old(uuid, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_retire_old(uuid, timestamptz, timestamptz) TO throughline_app;

-- +goose Down
DROP FUNCTION audit_retire_old(uuid, timestamptz, timestamptz);
DROP FUNCTION audit_retire(uuid, timestamptz, text, timestamptz);
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' AND current_setting('throughline.retire', true) = 'on' AND pg_has_role(current_user,
		(SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
		RETURN OLD;
	END IF;
	RAISE EXCEPTION 'lines of % are only added', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION audit_retire(organisation uuid, older_than timestamptz) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	last bigint;
	taken bigint;
	asker text := asks_role();
BEGIN
	PERFORM pg_advisory_xact_lock(211, 3);
	PERFORM set_config('throughline.role', 'system', true);
	SELECT coalesce(min(c.seq) - 1, (SELECT max(seq) FROM audit_chain WHERE organisation_id = organisation)) INTO last
		FROM audit_chain c JOIN audit a ON a.id = c.audit_id
		WHERE c.organisation_id = organisation AND a.at >= older_than;
	PERFORM set_config('throughline.retire', 'on', true);
	DELETE FROM audit a USING audit_chain c WHERE c.organisation_id = organisation AND c.seq <= last AND a.id = c.audit_id;
	GET DIAGNOSTICS taken = ROW_COUNT;
	PERFORM set_config('throughline.retire', '', true);
	IF taken > 0 THEN
		INSERT INTO audit (organisation_id, at, actor_role, action, kind, subject, via, why)
			VALUES (organisation, now(), 'system', 'retire_audit', 'change', 'audit', 'cli', last::text);
	END IF;
	PERFORM set_config('throughline.role', asker, true);
	RETURN taken;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION audit_retire(uuid, timestamptz) FROM PUBLIC;
-- +goose StatementBegin
CREATE FUNCTION audit_retire_old(organisation uuid, older_than timestamptz) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
	RETURN audit_retire(organisation, least(older_than, now() - interval '10 years'));
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION audit_retire_old(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_retire_old(uuid, timestamptz) TO throughline_app;
DROP INDEX consents_case, legal_holds_case;
ALTER TABLE erasures DROP CONSTRAINT erasures_outcome_check, ADD CONSTRAINT erasures_outcome_check CHECK (outcome IN ('', 'erased',
	'erased_again', 'called_off', 'held', 'open_referral')) NOT VALID;
