package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// AppRole is the role that serve and worker connect as, or are members of. It owns nothing.
const AppRole = "throughline_app"

// CheckRole refuses a role that row-level security would not hold for, with all the reasons, in words for who set
// DATABASE_URL. The role that signed in counts as well as the one that acts: what was put off can be put on again.
func CheckRole(ctx context.Context, db *sqlx.DB) error {
	var r struct {
		Super, Bypass, Owner bool
	}
	err := db.GetContext(ctx, &r, `SELECT bool_or(r.rolsuper) AS super, bool_or(r.rolbypassrls) AS bypass,
			bool_or(EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
				AND pg_has_role(r.oid, c.relowner, 'MEMBER'))) AS owner
		FROM pg_roles r WHERE r.rolname IN (current_user, session_user)`)
	if err != nil {
		return fmt.Errorf("read the database role: %w", Translate(err))
	}
	var reasons []error
	if r.Super {
		reasons = append(reasons, errors.New("database: DATABASE_URL signs in as a superuser, whom row-level security does not hold: use "+AppRole))
	}
	if r.Bypass {
		reasons = append(reasons, errors.New("database: DATABASE_URL signs in as a role with BYPASSRLS, whom row-level security does not hold: use "+AppRole))
	}
	if r.Owner {
		reasons = append(reasons, errors.New("database: DATABASE_URL signs in as the owner of the tables: use "+AppRole+", and keep the owner for MIGRATION_DATABASE_URL"))
	}
	return errors.Join(reasons...)
}
