package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
	"throughline/referral"
)

const people = `
CREATE TABLE people (
	id    uuid PRIMARY KEY,
	email text NOT NULL CONSTRAINT people_email_key UNIQUE,
	age   int CONSTRAINT people_age_check CHECK (age > 0),
	boss  uuid CONSTRAINT people_boss_fkey REFERENCES people
);
INSERT INTO people VALUES ('00000000-0000-0000-0000-000000000001', 'ana@example.org', 30);
CREATE FUNCTION off_the_graph() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN RAISE EXCEPTION 'from % to %', OLD.email, NEW.email USING ERRCODE = 'TL001'; END $$;
CREATE TRIGGER graph BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION off_the_graph();`

// TestTranslate asks PostgreSQL itself for each refusal; the value refused is ana@example.org wherever there is one.
func TestTranslate(t *testing.T) {
	t.Parallel()
	d := open(t, dbtest.Empty(t))
	_, err := d.Exec(people)
	require.NoError(t, err)
	raise := func(state string) string {
		return "DO $$ BEGIN RAISE EXCEPTION 'ana@example.org' USING ERRCODE = '" + state + "'; END $$"
	}
	insert := "INSERT INTO people (id, email, age, boss) VALUES "

	for name, c := range map[string]struct {
		query string
		args  []any
		code  referral.Code
		field string
	}{
		"unique":      {insert + "(gen_random_uuid(), 'ana@example.org', 1, NULL)", nil, referral.CodeConflict, "people_email_key"},
		"not null":    {insert + "(gen_random_uuid(), NULL, 1, NULL)", nil, referral.CodeInvalid, "email"},
		"check":       {insert + "(gen_random_uuid(), 'b', -1, NULL)", nil, referral.CodeInvalid, "people_age_check"},
		"foreign key": {insert + "(gen_random_uuid(), 'b', 1, gen_random_uuid())", nil, referral.CodeInvalid, "people_boss_fkey"},
		"text form":   {"SELECT $1::uuid", []any{"ana@example.org"}, referral.CodeInvalid, ""},
		"NUL":         {"SELECT $1::text", []any{"ana@example.org\x00"}, referral.CodeInvalid, ""},
		"bad UTF-8":   {"SELECT $1::text", []any{"ana@example.org\xff"}, referral.CodeInvalid, ""},
		"NUL in JSON": {`SELECT '{"a":"ana@example.org\u0000"}'::jsonb`, nil, referral.CodeInvalid, ""},
		"off graph":   {"UPDATE people SET email = 'x'", nil, referral.CodeConflict, ""},
		"lost a race": {raise("40001"), nil, referral.CodeConflict, ""},
		"deadlock":    {raise("40P01"), nil, referral.CodeConflict, ""},
		"shutdown":    {raise("57P01"), nil, referral.CodeUnavailable, ""},
		"crowded":     {raise("53300"), nil, referral.CodeUnavailable, ""},
		"disk full":   {raise("53100"), nil, referral.CodeUnavailable, ""},
		"our bug":     {"SELECT nothing FROM nowhere", nil, referral.CodeInternal, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, cause := d.ExecContext(t.Context(), c.query, c.args...)
			require.Error(t, cause)
			err := db.Translate(fmt.Errorf("save person: %w", cause))
			var answer *referral.Error
			require.ErrorAs(t, err, &answer)
			require.Equal(t, c.code, answer.Code)
			require.Equal(t, c.field, answer.Field)
			require.NotEmpty(t, answer.Message)
			require.NotContains(t, err.Error(), "ana@")
		})
	}
}

func TestTranslateOfWhatIsNotARefusal(t *testing.T) {
	t.Parallel()
	require.NoError(t, db.Translate(nil))
	require.Equal(t, referral.CodeNotFound, referral.CodeOf(db.Translate(fmt.Errorf("load: %w", sql.ErrNoRows))))

	ours := fmt.Errorf("save: %w", referral.Invalid("age", "too young"))
	require.Same(t, ours, db.Translate(ours))
	require.Same(t, context.Canceled, db.Translate(context.Canceled))
	other := errors.New("the printer is on fire")
	require.Same(t, other, db.Translate(other))
}

func TestTranslateOfAConnectionThatIsCut(t *testing.T) {
	t.Parallel()
	d := open(t, dbtest.Empty(t))
	conn, err := d.Connx(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	var pid int
	require.NoError(t, conn.GetContext(t.Context(), &pid, "SELECT pg_backend_pid()"))
	_, err = d.ExecContext(t.Context(), "SELECT pg_terminate_backend($1)", pid)
	require.NoError(t, err)
	// Whether the driver still reads the server's farewell or only finds the socket closed, the answer is the same.
	_, err = conn.ExecContext(t.Context(), "SELECT 1")
	require.Error(t, err)
	require.Equal(t, referral.CodeUnavailable, referral.CodeOf(db.Translate(err)), "%T %v", err, err)

	gone, err := pq.NewConnector("postgres://app@127.0.0.1:1/x?sslmode=disable")
	require.NoError(t, err)
	_, err = gone.Connect(t.Context())
	require.Equal(t, referral.CodeUnavailable, referral.CodeOf(db.Translate(err)), "%T %v", err, err)
}
