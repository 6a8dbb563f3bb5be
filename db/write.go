package db

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"throughline/referral"
)

// Part is one thing to be written, for Write. The zero Part writes nothing.
type Part struct {
	with  string // named queries of a WITH, each of which writes
	args  []any  // of its parameters, $1 being its own first
	guard string // the query that must touch a row; "" when none must
	err   error
}

// part gives the Part of a statement, or what went wrong as it was made.
func part(err error, with string, args ...any) Part { return Part{with: with, args: args, err: err} }

// Write writes the parts of one change as one statement: a command costs the database a round trip and a plan each time
// it is asked, and most commands write a little in many tables. The parts see the tables as they were before, none sees
// what another writes, so no two may write the same row. conflict when a guarded part finds another change was first.
func Write(ctx context.Context, tx *sqlx.Tx, parts ...Part) error {
	var with []string
	var args []any
	var errs []error
	touched := "1"
	for _, p := range parts {
		errs = append(errs, p.err)
		if p.with == "" {
			continue
		}
		with = append(with, shifted(p.with, len(args)))
		args = append(args, p.args...)
		if p.guard != "" {
			touched = "count(*) FROM " + p.guard
		}
	}
	if err := errors.Join(errs...); err != nil || len(with) == 0 {
		return err
	}
	var n int
	if err := tx.GetContext(ctx, &n, "WITH "+strings.Join(with, ",\n")+"\nSELECT "+touched, args...); err != nil {
		return fmt.Errorf("save: %w", Translate(err))
	}
	if n != 1 {
		return fmt.Errorf("save: %w", &referral.Error{Code: referral.CodeConflict, Message: "another change was first"})
	}
	return nil
}

var parameter = regexp.MustCompile(`\$[0-9]+`)

// shifted moves a part's parameters behind those of the parts before it.
func shifted(with string, by int) string {
	if by == 0 {
		return with
	}
	return parameter.ReplaceAllStringFunc(with, func(p string) string {
		n, _ := strconv.Atoi(p[1:]) // digits only, by the expression
		return "$" + strconv.Itoa(n+by)
	})
}
