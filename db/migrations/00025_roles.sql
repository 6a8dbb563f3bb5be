-- What decides who may come in, and who may see what, is written by those only whose work that is. The desk's table of
-- permissions says so first; a defect there, or a statement that someone got past it, ends here.

-- +goose Up
-- only_for has a kind of statement on a table reach those rows only of which who holds, beside what guard asks of all; becomes
-- is what must hold of a row once it is changed, and who when it is not said. A row is locked by who may change it: what colleagues
-- lock, their changes are held to by becomes.
-- +goose StatementBegin
CREATE FUNCTION only_for(guarded regclass, command text, who text, becomes text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE clauses text := '';
BEGIN
	IF command <> 'INSERT' THEN
		clauses := format('USING ((SELECT asks_system()) OR (%s))', who);
	END IF;
	IF command IN ('INSERT', 'UPDATE', 'ALL') THEN
		clauses := clauses || format(' WITH CHECK ((SELECT asks_system()) OR (%s))', coalesce(becomes, who));
	END IF;
	EXECUTE format('CREATE POLICY %I ON %s AS RESTRICTIVE FOR %s %s', 'only_' || lower(command), guarded, command, clauses);
END
$$;
-- +goose StatementEnd

-- Accounts are made, moved and closed by an admin; of their own anyone changes what gives them no other reach.
SELECT only_for('accounts', 'INSERT', '(SELECT asks_role()) = ''admin''');
SELECT only_for('accounts', 'UPDATE', 'true', '(SELECT asks_role()) = ''admin'' OR (id = (SELECT asks_account()) AND active
	AND role = (SELECT asks_role()) AND region_id IS NOT DISTINCT FROM (SELECT asks_region()) AND partner = (SELECT asks_partner()))');
SELECT only_for('accounts', 'DELETE', 'false');
SELECT only_for('regions', 'INSERT', '(SELECT asks_role()) = ''admin''');
SELECT only_for('regions', 'UPDATE', 'false');
SELECT only_for('regions', 'DELETE', 'false');
SELECT only_for('invitations', 'ALL', '(SELECT asks_role()) = ''admin''');
SELECT only_for('identities', 'SELECT', '(SELECT asks_role()) = ''admin'' OR account_id = (SELECT asks_account())');
SELECT only_for('identities', 'INSERT', 'false');
SELECT only_for('api_keys', 'ALL', '(SELECT asks_role()) = ''admin'' OR account_id = (SELECT asks_account())');
SELECT only_for('second_factors', 'ALL', '(SELECT asks_role()) = ''admin'' OR account_id = (SELECT asks_account())');
SELECT only_for('visits', 'ALL', '(SELECT asks_role()) = ''admin'' OR account_id = (SELECT asks_account())');

-- Who carries referrals restricts cases and names people; nobody makes or reviews broken glass in another's name.
SELECT only_for('restrictions', 'INSERT', '(SELECT asks_role()) IN (''navigator'', ''coordinator'', ''supervisor'', ''partner'')');
SELECT only_for('restrictions', 'UPDATE', '(SELECT asks_role()) IN (''navigator'', ''coordinator'', ''supervisor'', ''partner'')');
SELECT only_for('restrictions', 'DELETE', '(SELECT asks_role()) IN (''navigator'', ''coordinator'', ''supervisor'', ''partner'')');
SELECT only_for('case_people', 'INSERT', '(SELECT asks_role()) IN (''navigator'', ''coordinator'', ''supervisor'', ''partner'') AND named_by = (SELECT asks_account())');
SELECT only_for('case_people', 'DELETE', '(SELECT asks_role()) IN (''navigator'', ''coordinator'', ''supervisor'', ''partner'')');
SELECT only_for('glass', 'INSERT', '(SELECT asks_role()) IN (''navigator'', ''coordinator'', ''supervisor'')
	AND account_id = (SELECT asks_account()) AND reviewed_at IS NULL');
SELECT only_for('glass', 'UPDATE', 'true', '(SELECT asks_role()) IN (''coordinator'', ''supervisor'') AND account_id <> (SELECT asks_account())');
SELECT only_for('glass', 'DELETE', 'false');

-- What is erased, kept or given away is two people's, or a supervisor's.
SELECT only_for('erasures', 'INSERT', '(SELECT asks_role()) IN (''navigator'', ''coordinator'', ''supervisor'')
	AND asked_by = (SELECT asks_account()) AND approved_by IS NULL');
SELECT only_for('erasures', 'UPDATE', 'ended_at IS NULL AND (SELECT asks_role()) IN (''navigator'', ''coordinator'', ''supervisor'')',
	'outcome = ''called_off'' OR ((SELECT asks_role()) = ''supervisor'' AND (outcome = ''held'' OR (ended_at IS NULL
		AND approved_by = (SELECT asks_account()) AND asked_by IS DISTINCT FROM (SELECT asks_account()))))');
SELECT only_for('erasures', 'DELETE', 'false');
SELECT only_for('legal_holds', 'INSERT', '(SELECT asks_role()) = ''supervisor''');
SELECT only_for('legal_holds', 'UPDATE', 'true', '(SELECT asks_role()) = ''supervisor''');
SELECT only_for('legal_holds', 'DELETE', 'false');
SELECT only_for('case_exports', 'INSERT', '(SELECT asks_role()) = ''supervisor''');
SELECT only_for('retention', 'INSERT', '(SELECT asks_role()) = ''admin''');
SELECT only_for('policies', 'INSERT', '(SELECT asks_role()) IN (''coordinator'', ''supervisor'', ''admin'')');

-- The audit is read by auditors, and a client's own part of it by supervisors.
SELECT only_for('audit', 'SELECT', '(SELECT asks_role()) IN (''auditor'', ''supervisor'')');

-- +goose Down
-- +goose StatementBegin
DO $$
DECLARE held record;
BEGIN
	FOR held IN SELECT polname, polrelid::regclass AS of FROM pg_policy WHERE polname LIKE 'only\_%' LOOP
		EXECUTE format('DROP POLICY %I ON %s', held.polname, held.of);
	END LOOP;
END
$$;
-- +goose StatementEnd
DROP FUNCTION only_for;
