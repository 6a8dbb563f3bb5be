package db

import (
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"throughline/referral"
)

// What a column of reach holds, as a query of it for cases.
const (
	byCase     = "%s"
	byReferral = "SELECT f.id FROM referrals f WHERE f.case_id IN (%s)"
)

// reach is the condition that a case is within reach of who asks, by a column that holds its id or one of its referrals:
// what the policy of the table cases says, so that a list holds its limits by itself where row-level security does not. The
// statement names the organisation; what else is asked for is added to its args.
func (s Scope) reach(column, of string, args *[]any) string {
	if !s.Role.Staff() {
		return "false"
	}
	arg := func(v any, kind string) string {
		*args = append(*args, v)
		return "$" + strconv.Itoa(len(*args)) + "::" + kind
	}
	account := arg(s.Account, "uuid")
	hidden := `SELECT x.case_id FROM restrictions x WHERE x.organisation_id = $1 AND NOT sees_restricted(x.case_id, ` + account +
		`, coalesce(nullif(` + arg(instant(s.At), "text") + `, '')::timestamptz, now()))`
	where := column + ` NOT IN (` + fmt.Sprintf(of, hidden) + `)`
	if s.Region == uuid.Nil && s.Role != referral.Partner {
		return where
	}
	within := `SELECT w.id FROM cases w WHERE w.organisation_id = $1`
	if s.Region != uuid.Nil {
		within += ` AND w.region_id = ` + arg(s.Region, "uuid")
	}
	if s.Role == referral.Partner {
		within += ` AND (w.created_by = ` + account + ` OR (w.partner <> '' AND w.partner = ` + arg(s.Partner, "text") + `))`
	}
	return where + ` AND ` + column + ` IN (` + fmt.Sprintf(of, within) + `)`
}
