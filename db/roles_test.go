package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
	"throughline/referral"
)

// lettingIn is what a helpline has whose people are p0, p1 and so on: one of each of referral.AccountRoles in their order,
// another navigator p7, and p8, who is not named on the case that is restricted.
const lettingIn = `
INSERT INTO regions (id, organisation_id, name, created_at) VALUES (md5('region')::uuid, '00000000-0000-0000-0000-00000000000a', 'North', now());
INSERT INTO cases (id, organisation_id, reference, anonymous, created_by, created_at)
	SELECT md5('c' || i)::uuid, '00000000-0000-0000-0000-00000000000a', 'C-' || i, true, md5('p0')::uuid, now() FROM generate_series(1, 2) i;
INSERT INTO restrictions (case_id, organisation_id, kind, set_by, set_at)
	VALUES (md5('c1')::uuid, '00000000-0000-0000-0000-00000000000a', 'vip', md5('p0')::uuid, now());
INSERT INTO case_people (case_id, account_id, organisation_id, named_by, named_at)
	SELECT md5('c1')::uuid, id, organisation_id, NULL, now() FROM accounts WHERE name <> 'Unnamed';
INSERT INTO glass (id, organisation_id, case_id, account_id, reason, broken_at, until)
	VALUES (md5('g')::uuid, '00000000-0000-0000-0000-00000000000a', md5('c1')::uuid, md5('p7')::uuid, 'x', now(), now());
INSERT INTO erasures (id, organisation_id, case_id, cause, asked_by, asked_at, due_at)
	VALUES (md5('e')::uuid, '00000000-0000-0000-0000-00000000000a', md5('c2')::uuid, 'client_request', md5('p7')::uuid, now(), now());
INSERT INTO api_keys (id, organisation_id, account_id, name, key_hash, scopes, created_at, expires_at)
	VALUES (md5('k')::uuid, '00000000-0000-0000-0000-00000000000a', md5('p7')::uuid, 'x', '\x01', '{read}', now(), now());
INSERT INTO second_factors (account_id, organisation_id, secret, confirmed_at)
	VALUES (md5('p7')::uuid, '00000000-0000-0000-0000-00000000000a', 'x', now());
INSERT INTO audit (organisation_id, at, actor_role, action, subject, subject_id, via)
	VALUES ('00000000-0000-0000-0000-00000000000a', now(), 'navigator', 'view', 'case', md5('c1')::uuid, 'page');`

// What decides who may come in, and who may see what, is out of reach of whoever's work it is not, whatever the desk lets
// pass: each statement changes or shows a row for these roles, and nothing for the others. ME is whoever asks.
func TestTheDatabaseKnowsRoles(t *testing.T) {
	t.Parallel()
	answering := []referral.Role{referral.Navigator, referral.Coordinator, referral.Supervisor}
	org := uuid.MustParse("00000000-0000-0000-0000-00000000000a")
	d := dbtest.New(t)
	people := `INSERT INTO organisations (id, name, created_at) VALUES ('00000000-0000-0000-0000-00000000000a', 'Kawartha 211', now());`
	for i, role := range append(slices.Clone(referral.AccountRoles), referral.Navigator, referral.Navigator) {
		name := map[bool]string{true: "Unnamed"}[i == len(referral.AccountRoles)+1]
		people += fmt.Sprintf(`INSERT INTO accounts (id, organisation_id, email, name, role, password_hash, created_at)
			VALUES (md5('p%d')::uuid, '00000000-0000-0000-0000-00000000000a', 'p%d@helpline.example', '%s', '%s', '-', now());`, i, i, name, role)
	}
	_, err := d.Exec(people + lettingIn)
	require.NoError(t, err)
	app := dbtest.App(t, d)

	for statement, whose := range map[string][]referral.Role{
		`UPDATE accounts SET role = 'supervisor' WHERE id = md5('p7')::uuid`:                                 {referral.Admin},
		`UPDATE accounts SET role = CASE role WHEN 'admin' THEN 'supervisor' ELSE 'admin' END WHERE id = ME`: {referral.Admin},
		`UPDATE accounts SET region_id = md5('region')::uuid WHERE id = ME`:                                  {referral.Admin},
		`UPDATE accounts SET password_hash = 'x' WHERE id = md5('p7')::uuid`:                                 {referral.Admin},
		`UPDATE accounts SET locale = 'fr' WHERE id = ME`:                                                    referral.AccountRoles,
		`INSERT INTO accounts (id, organisation_id, email, name, role, password_hash, created_at)
			VALUES (md5('new')::uuid, ORG, 'n@x', 'N', 'supervisor', '-', now())`: {referral.Admin},
		`INSERT INTO regions (id, organisation_id, name, created_at)
			VALUES (md5('r2')::uuid, ORG, 'South', now())`: {referral.Admin},
		`INSERT INTO invitations (id, organisation_id, account_id, kind, created_at, expires_at, available_at)
			VALUES (md5('i')::uuid, ORG, md5('p7')::uuid, 'password_reset', now(), now(), now())`: {referral.Admin},
		`INSERT INTO identities (issuer, subject, organisation_id, account_id, created_at, seen_at)
			VALUES ('x', 'x', ORG, md5('p7')::uuid, now(), now())`: nil,
		`INSERT INTO api_keys (id, organisation_id, account_id, name, key_hash, scopes, created_at, expires_at)
			VALUES (md5('k2')::uuid, ORG, md5('p7')::uuid, 'x', '\x02', '{read}', now(), now())`: {referral.Admin},
		`SELECT FROM api_keys`:                   {referral.Admin},
		`UPDATE api_keys SET scopes = '{write}'`: {referral.Admin},
		`DELETE FROM second_factors`:             {referral.Admin},
		`SELECT FROM audit`:                      {referral.Supervisor, referral.Auditor},
		`DELETE FROM restrictions`:               referral.StaffRoles,
		`UPDATE restrictions SET kind = 'staff'`: referral.StaffRoles,
		`INSERT INTO case_people (case_id, account_id, organisation_id, named_by, named_at)
			VALUES (md5('c1')::uuid, md5('p8')::uuid, ORG, ME, now())`: referral.StaffRoles,
		`INSERT INTO case_people (case_id, account_id, organisation_id, named_by, named_at)
			VALUES (md5('c1')::uuid, md5('p8')::uuid, ORG, md5('p7')::uuid, now())`: nil,
		`INSERT INTO glass (id, organisation_id, case_id, account_id, reason, broken_at, until)
			VALUES (md5('g2')::uuid, ORG, md5('c1')::uuid, ME, 'x', now(), now())`: answering,
		`INSERT INTO glass (id, organisation_id, case_id, account_id, reason, broken_at, until)
			VALUES (md5('g2')::uuid, ORG, md5('c1')::uuid, md5('p7')::uuid, 'x', now(), now())`: nil,
		`UPDATE glass SET reviewed_at = now(), reviewed_by = ME, decision = 'justified'`: {referral.Coordinator, referral.Supervisor},
		`INSERT INTO erasures (id, organisation_id, case_id, cause, asked_by, asked_at, due_at)
			VALUES (md5('e2')::uuid, ORG, md5('c1')::uuid, 'client_request', ME, now(), now())`: answering,
		`UPDATE erasures SET approved_by = ME, approved_at = now()`:                                                    {referral.Supervisor},
		`UPDATE erasures SET approved_by = md5('p2')::uuid, approved_at = now()`:                                       {referral.Supervisor}, // who is p2
		`UPDATE erasures SET ended_at = now(), outcome = 'erased', approved_by = md5('p2')::uuid, approved_at = now()`: nil,
		`UPDATE erasures SET ended_at = now(), outcome = 'called_off'`:                                                 answering,
		`INSERT INTO legal_holds (id, organisation_id, case_id, reason, held_by, held_at)
			VALUES (md5('h')::uuid, ORG, md5('c1')::uuid, 'x', ME, now())`: {referral.Supervisor},
		`INSERT INTO case_exports (id, organisation_id, case_id, locale, asked_by, asked_at)
			VALUES (md5('x')::uuid, ORG, md5('c1')::uuid, 'en', ME, now())`: {referral.Supervisor},
		`INSERT INTO retention (organisation_id, kind, days, set_at)
			VALUES (ORG, 'cases', 10000, now())`: {referral.Admin},
		`INSERT INTO policies (organisation_id, version, body, set_by, set_at)
			VALUES (ORG, 99, '{}', ME, now())`: {referral.Coordinator, referral.Supervisor, referral.Admin},
	} {
		for i, role := range referral.AccountRoles {
			var me uuid.UUID
			require.NoError(t, d.Get(&me, `SELECT md5($1)::uuid`, fmt.Sprintf("p%d", i)))
			asked := strings.NewReplacer("ME", "'"+me.String()+"'::uuid", "ORG", "'"+org.String()+"'::uuid").Replace(statement)
			scope := db.Scope{Organisation: org, Account: me, Role: role}
			n, err := rolledBack(db.As(t.Context(), scope), app, asked)
			if slices.Contains(whose, role) {
				assert.NoError(t, err, "%s: %s", role, statement)
				assert.NotZero(t, n, "%s: %s", role, statement)
				continue
			}
			if err != nil {
				require.ErrorContains(t, err, "row-level security", "%s: %s", role, statement)
			}
			assert.Zero(t, n, "%s: %s", role, statement)
		}
	}
}

// rolledBack tells how many rows a statement changes or shows, and undoes it.
func rolledBack(ctx context.Context, d *sqlx.DB, statement string) (n int64, err error) {
	undo := errors.New("undo")
	err = db.InTx(ctx, d, func(ctx context.Context, tx *sqlx.Tx) error {
		var res sql.Result
		if res, err = tx.ExecContext(ctx, statement); err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil {
			return err
		}
		return undo
	})
	if errors.Is(err, undo) {
		err = nil
	}
	return n, err
}
