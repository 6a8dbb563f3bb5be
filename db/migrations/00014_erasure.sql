-- How long what is kept is kept, what must be kept whatever the schedule says, and how a case is erased: its key is
-- destroyed, and what stays is that there was a case, with everything that counts (docs/adr/0018-erasure.md).

-- +goose Up

-- What an organisation has chosen besides what casework.Retentions says of each kind.
CREATE TABLE retention (
	organisation_id uuid NOT NULL REFERENCES organisations,
	kind text NOT NULL,
	days int NOT NULL CHECK (days > 0),
	set_by uuid REFERENCES accounts, -- none: whoever runs the helpline's machine
	set_at timestamptz NOT NULL,
	PRIMARY KEY (organisation_id, kind)
);
SELECT guard('retention');

-- The tombstone. by is the second person; none where the schedule said so.
ALTER TABLE cases
	ADD COLUMN erased_at timestamptz,
	ADD COLUMN erased_why text NOT NULL DEFAULT '' CHECK (erased_why IN ('', 'client_request', 'schedule')),
	ADD COLUMN erased_by uuid REFERENCES accounts,
	ADD CHECK ((erased_at IS NULL) = (erased_why = ''));

-- A case that someone says must be kept: a court, a coroner, a complaint.
CREATE TABLE legal_holds (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	case_id uuid NOT NULL REFERENCES cases,
	reason text NOT NULL, -- may hold personal data
	held_by uuid NOT NULL REFERENCES accounts,
	held_at timestamptz NOT NULL,
	lifted_by uuid REFERENCES accounts,
	lifted_at timestamptz,
	CHECK ((lifted_by IS NULL) = (lifted_at IS NULL))
);
CREATE UNIQUE INDEX legal_holds_one ON legal_holds (case_id) WHERE lifted_at IS NULL;
SELECT guard('legal_holds', '(SELECT asks_whole()) OR sees_case(case_id)');

-- A case that is to be erased, until it is, or is not.
CREATE TABLE erasures (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	case_id uuid NOT NULL REFERENCES cases,
	cause text NOT NULL CHECK (cause IN ('client_request', 'schedule')),
	reason text NOT NULL DEFAULT '', -- may hold personal data
	asked_by uuid REFERENCES accounts, -- none: the schedule
	asked_at timestamptz NOT NULL,
	due_at timestamptz NOT NULL, -- until then it can be called off
	approved_by uuid REFERENCES accounts,
	approved_at timestamptz,
	ended_at timestamptz,
	ended_by uuid REFERENCES accounts, -- who called it off
	outcome text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'erased', 'erased_again', 'called_off', 'held', 'open_referral')),
	CHECK ((ended_at IS NULL) = (outcome = '')),
	CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
	CHECK (approved_by <> asked_by),
	CHECK ((asked_by IS NULL) = (cause = 'schedule')),
	CHECK (outcome <> 'erased' OR cause = 'schedule' OR approved_by IS NOT NULL)
);
CREATE UNIQUE INDEX erasures_one ON erasures (case_id) WHERE ended_at IS NULL;
CREATE INDEX erasures_open ON erasures (organisation_id, due_at) WHERE ended_at IS NULL;
CREATE INDEX erasures_case ON erasures (case_id, asked_at);
SELECT guard('erasures', '(SELECT asks_whole()) OR sees_case(case_id)');

-- What a client asked to be given of everything that is kept of them. The body is sealed with the case's key, and goes
-- once it was fetched, and when nobody does.
CREATE TABLE case_exports (
	id uuid PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	case_id uuid NOT NULL REFERENCES cases,
	locale text NOT NULL CHECK (locale IN ('en', 'fr')),
	asked_by uuid NOT NULL REFERENCES accounts,
	asked_at timestamptz NOT NULL,
	made_at timestamptz,
	until timestamptz,
	body text NOT NULL DEFAULT '',
	page_at timestamptz, -- when it was fetched as a page, and as data
	data_at timestamptz,
	gone_at timestamptz,
	CHECK ((made_at IS NULL) = (until IS NULL)),
	CHECK (gone_at IS NULL OR body = '')
);
CREATE INDEX case_exports_case ON case_exports (case_id, asked_at DESC);
CREATE INDEX case_exports_left ON case_exports (organisation_id, until) WHERE gone_at IS NULL;
SELECT guard('case_exports', '(SELECT asks_whole()) OR sees_case(case_id)');

-- Workflows that a committed transaction promised to start or to tell, of what is no referral's. A row goes when it is told.
CREATE TABLE errands (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organisation_id uuid NOT NULL REFERENCES organisations,
	kind text NOT NULL CHECK (kind IN ('erasure', 'export')),
	subject_id uuid NOT NULL,
	created_at timestamptz NOT NULL,
	available_at timestamptz NOT NULL DEFAULT now(),
	attempts int NOT NULL DEFAULT 0
);
CREATE INDEX errands_due ON errands (available_at, id);
SELECT guard('errands');

-- Why a glass was broken goes with the case's key; the database can't ask for a reason any more.
ALTER TABLE glass DROP CONSTRAINT glass_reason_check;

-- What is erased stays as it is, and nothing new is written of it, whoever writes.
-- +goose StatementBegin
CREATE FUNCTION cases_stay_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF OLD.erased_at IS NOT NULL THEN
		RAISE EXCEPTION 'an erased case stays as it is' USING ERRCODE = 'TL001';
	END IF;
	RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER cases_stay_erased BEFORE UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION cases_stay_erased();

-- The lock waits for an erasure that is under way, which holds the row.
-- +goose StatementBegin
CREATE FUNCTION not_of_erased() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE erased timestamptz;
BEGIN
	SELECT erased_at INTO erased FROM cases WHERE id = NEW.case_id FOR KEY SHARE;
	IF erased IS NOT NULL THEN
		RAISE EXCEPTION 'the case is erased' USING ERRCODE = 'TL001';
	END IF;
	RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER referrals_not_of_erased BEFORE INSERT ON referrals FOR EACH ROW EXECUTE FUNCTION not_of_erased();
CREATE TRIGGER consents_not_of_erased BEFORE INSERT ON consents FOR EACH ROW EXECUTE FUNCTION not_of_erased();
CREATE TRIGGER glass_not_of_erased BEFORE INSERT ON glass FOR EACH ROW EXECUTE FUNCTION not_of_erased();
CREATE TRIGGER legal_holds_not_of_erased BEFORE INSERT ON legal_holds FOR EACH ROW EXECUTE FUNCTION not_of_erased();
CREATE TRIGGER erasures_not_of_erased BEFORE INSERT ON erasures FOR EACH ROW EXECUTE FUNCTION not_of_erased();
CREATE TRIGGER case_exports_not_of_erased BEFORE INSERT ON case_exports FOR EACH ROW EXECUTE FUNCTION not_of_erased();

-- audit_retire for the application, which may take away nothing that is younger than ten years by the database's own clock.
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

REVOKE DELETE ON legal_holds, erasures, case_exports FROM throughline_app;

-- +goose Down
DROP FUNCTION audit_retire_old(uuid, timestamptz);
DROP TRIGGER referrals_not_of_erased ON referrals;
DROP TRIGGER consents_not_of_erased ON consents;
DROP TRIGGER glass_not_of_erased ON glass;
DROP TRIGGER cases_stay_erased ON cases;
DROP TABLE errands, case_exports, erasures, legal_holds, retention;
DROP FUNCTION not_of_erased(), cases_stay_erased();
ALTER TABLE cases DROP COLUMN erased_at, DROP COLUMN erased_why, DROP COLUMN erased_by;
