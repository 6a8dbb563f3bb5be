-- Who saw or did what, for whom, about whom and why; each organisation's entries a chain that shows what was changed
-- afterwards, and a table to which lines can only be added. docs/adr/0015 says why it is made a moment later.

-- +goose Up
ALTER TABLE audit
	ADD COLUMN kind text NOT NULL DEFAULT 'change' CHECK (kind IN ('view', 'list', 'search', 'export', 'print', 'mail', 'link',
		'cli', 'change')),
	ADD COLUMN actor_for text NOT NULL DEFAULT '', -- on whose behalf: the agency's or the client's word
	ADD COLUMN whose uuid[] NOT NULL DEFAULT '{}', -- the cases whose data it was; a list names all that it shows
	ADD COLUMN why_id uuid;                        -- what why speaks of: the offer of a link, the entry of a reason

-- Entries of before say what they can.
UPDATE audit a SET
	kind = CASE WHEN a.action <> 'view' THEN 'change' WHEN a.via = 'link' THEN 'link' WHEN a.subject IN ('queue', 'tasks') THEN 'list' ELSE 'view' END,
	why_id = CASE WHEN a.via = 'link' AND a.subject = 'offer' THEN a.subject_id END,
	whose = CASE a.subject
		WHEN 'case' THEN CASE WHEN a.subject_id IS NULL THEN '{}' ELSE ARRAY[a.subject_id] END
		WHEN 'referral' THEN ARRAY(SELECT case_id FROM referrals WHERE id = a.subject_id)
		WHEN 'timeline' THEN ARRAY(SELECT case_id FROM referrals WHERE id = a.subject_id)
		WHEN 'offer' THEN ARRAY(SELECT r.case_id FROM offers o JOIN referrals r ON r.id = o.referral_id WHERE o.id = a.subject_id)
		WHEN 'task' THEN ARRAY(SELECT r.case_id FROM tasks t JOIN referrals r ON r.id = t.referral_id WHERE t.id = a.subject_id)
		ELSE '{}' END;

CREATE INDEX audit_whose ON audit USING gin (whose);
CREATE INDEX audit_actor ON audit (organisation_id, actor_id, id);
CREATE INDEX audit_at ON audit (organisation_id, at);

CREATE TABLE audit_chain (
	organisation_id uuid NOT NULL REFERENCES organisations,
	seq bigint NOT NULL CHECK (seq > 0),
	audit_id bigint NOT NULL UNIQUE, -- not a foreign key: retention leaves the link of an entry that it takes away
	hash bytea NOT NULL,
	prev bytea NOT NULL,
	PRIMARY KEY (organisation_id, seq)
);

-- Entries that wait to become the next links. They are linked by audit_link_up, which one session at a time calls each
-- second: at commit, whoever commits would wait for whoever writes to the same chain.
CREATE TABLE audit_waiting (
	audit_id bigint PRIMARY KEY,
	since timestamptz NOT NULL DEFAULT now()
);

-- How far each chain has been written down outside of this database.
CREATE TABLE audit_exports (
	organisation_id uuid PRIMARY KEY REFERENCES organisations,
	seq bigint NOT NULL,
	at timestamptz NOT NULL
);

-- A field of the form below: its length in bytes, a colon, the text; a dash for NULL.
CREATE FUNCTION audit_field(value text) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$ SELECT coalesce(octet_length(convert_to(value, 'UTF8')) || ':' || value, '-') $$;

-- The form of an entry that is hashed. db.AuditRow.Form makes the same of a row; the two must never differ.
CREATE FUNCTION audit_form(a audit, seq bigint) RETURNS bytea LANGUAGE sql STABLE AS $$
	SELECT convert_to('throughline audit 1' || E'\n' || audit_field(seq::text) || audit_field(a.id::text)
		|| audit_field(a.organisation_id::text) || audit_field(((extract(epoch FROM a.at) * 1000000)::bigint)::text)
		|| audit_field(a.actor_role) || audit_field(a.actor_for) || audit_field(a.actor_id::text) || audit_field(a.kind)
		|| audit_field(a.action) || audit_field(a.subject) || audit_field(a.subject_id::text)
		|| audit_field(array_to_string(a.whose, ',', '-')) || audit_field(a.via) || audit_field(a.why)
		|| audit_field(a.why_id::text), 'UTF8') $$;

-- +goose StatementBegin
CREATE FUNCTION audit_waits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
	INSERT INTO audit_waiting (audit_id) VALUES (NEW.id);
	RETURN NULL;
END $$;
-- +goose StatementEnd

-- audit_link_up makes links of what waits, the lowest number first, most of them at once, and gives how many; none while
-- another session is at it. One whose entry is gone goes on waiting, for everyone to see.
-- +goose StatementBegin
CREATE FUNCTION audit_link_up(most int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	entry audit;
	last audit_chain;
	made int := 0;
BEGIN
	IF NOT pg_try_advisory_xact_lock(211, 3) THEN
		RETURN 0;
	END IF;
	FOR entry IN SELECT a.* FROM (SELECT x.* FROM audit_waiting w JOIN audit x ON x.id = w.audit_id ORDER BY w.audit_id LIMIT most) a
		ORDER BY a.organisation_id, a.id
	LOOP
		IF last.organisation_id IS DISTINCT FROM entry.organisation_id THEN
			SELECT * INTO last FROM audit_chain c WHERE c.organisation_id = entry.organisation_id ORDER BY c.seq DESC LIMIT 1;
			IF NOT FOUND THEN
				last.seq := 0;
				last.hash := decode(repeat('00', 32), 'hex');
			END IF;
		END IF;
		last := (entry.organisation_id, last.seq + 1, entry.id, sha256(last.hash || audit_form(entry, last.seq + 1)), last.hash);
		INSERT INTO audit_chain SELECT (last).*;
		DELETE FROM audit_waiting WHERE audit_id = entry.id;
		made := made + 1;
	END LOOP;
	RETURN made;
END $$;
-- +goose StatementEnd

-- Entries of before, in the order in which they were written.
INSERT INTO audit_waiting (audit_id) SELECT id FROM audit;
SELECT audit_link_up(2147483647);

CREATE TRIGGER audit_waits AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_waits();

-- Lines are only added. audit_retire, which only the owner of the tables may call, takes away what is old enough, and says so.
-- +goose StatementBegin
CREATE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' AND current_setting('throughline.retire', true) = 'on' AND pg_has_role(current_user,
		(SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
		RETURN OLD;
	END IF;
	RAISE EXCEPTION 'lines of % are only added', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_kept();
CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_kept();
CREATE TRIGGER audit_chain_kept BEFORE UPDATE OR DELETE ON audit_chain FOR EACH ROW EXECUTE FUNCTION audit_kept();
CREATE TRIGGER audit_chain_not_emptied BEFORE TRUNCATE ON audit_chain FOR EACH STATEMENT EXECUTE FUNCTION audit_kept();

-- audit_retire takes away the beginning of an organisation's entries, up to the first that is not older, and gives their
-- number. Their links stay, so the chain still holds together; the entry that says so is part of it.
-- +goose StatementBegin
CREATE FUNCTION audit_retire(organisation uuid, older_than timestamptz) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	last bigint;
	taken bigint;
BEGIN
	PERFORM pg_advisory_xact_lock(211, 3);
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
	RETURN taken;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION audit_retire(uuid, timestamptz) FROM PUBLIC;

-- +goose StatementBegin
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'throughline_app') THEN
		REVOKE ALL ON audit, audit_chain, audit_waiting, audit_exports FROM throughline_app;
		GRANT SELECT, INSERT ON audit TO throughline_app;
		GRANT SELECT ON audit_chain, audit_waiting TO throughline_app;
		GRANT SELECT, INSERT, UPDATE ON audit_exports TO throughline_app;
	END IF;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION audit_retire(uuid, timestamptz);
DROP TRIGGER audit_kept ON audit;
DROP TRIGGER audit_not_emptied ON audit;
DROP TRIGGER audit_waits ON audit;
DROP FUNCTION audit_waits();
DROP FUNCTION audit_link_up(int);
DROP FUNCTION audit_form(audit, bigint);
DROP FUNCTION audit_field(text);
DROP TABLE audit_exports, audit_waiting, audit_chain;
DROP FUNCTION audit_kept();
DROP INDEX audit_whose, audit_actor, audit_at;
ALTER TABLE audit DROP COLUMN kind, DROP COLUMN actor_for, DROP COLUMN whose, DROP COLUMN why_id;
