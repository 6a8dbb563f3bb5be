package casework

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"throughline/referral"
)

// Permission is one kind of thing that an account may be allowed to do. How far it reaches among the cases of the
// organisation is said by sees.go, and again by the database.
type Permission string

// Permissions.
const (
	TakeCalls       Permission = "take_calls"
	SeeCases        Permission = "see_cases"
	CarryReferrals  Permission = "carry_referrals"
	SeeColleagues   Permission = "see_colleagues"
	CorrectCases    Permission = "correct_cases"
	RestrictCases   Permission = "restrict_cases"
	OverseePeople   Permission = "oversee_people"
	BreakGlass      Permission = "break_glass"
	ReviewGlass     Permission = "review_glass"
	SearchDirectory Permission = "search_directory"
	ReadAudit       Permission = "read_audit"
	ReportAccess    Permission = "report_access"
	ManagePeople    Permission = "manage_people"
	ManageKeys      Permission = "manage_keys"
	HaveKeys        Permission = "have_keys"
	SetPolicy       Permission = "set_policy"
	OpenPayloads    Permission = "open_payloads"
	AskErasure      Permission = "ask_erasure"
	ApproveErasure  Permission = "approve_erasure"
	HoldCases       Permission = "hold_cases"
	ExportCases     Permission = "export_cases"
	SetRetention    Permission = "set_retention"
	KeepErased      Permission = "keep_erased"
)

// Grant says which roles have a permission, and why those and no others.
type Grant struct {
	Permission Permission
	Roles      []referral.Role
	Reason     string
}

func to(roles ...referral.Role) []referral.Role { return roles }

// Grants is the one table of who may do what. System stands for whoever runs the helpline's machine, on the command line.
var Grants = []Grant{
	{TakeCalls, referral.StaffRoles,
		"They talk to the people who need help; a partner refers those whom its own organisation looks after."},
	{SeeCases, referral.StaffRoles,
		"Who carries a referral must see it. An auditor, an admin and a data editor do their work without knowing anyone's story."},
	{CarryReferrals, referral.StaffRoles,
		"What agencies and clients say is recorded by those who heard it, and a supervisor can do all that a coordinator can."},
	{SeeColleagues, referral.StaffRoles,
		"Work is handed over to someone by name; a partner is shown the people of its own organisation only."},
	{CorrectCases, referral.StaffRoles,
		"Who hears that something is wrong sets it right at once: a number that is not safe to call any more can't wait for someone else."},
	{RestrictCases, referral.StaffRoles,
		"The first to hear of a danger can close the case to others at once; who opened it then says who else may see it."},
	{OverseePeople, to(referral.Supervisor),
		"Someone must be able to name others when the one who opened a restricted case is away, without reading the case themselves."},
	{BreakGlass, to(referral.Navigator, referral.Coordinator, referral.Supervisor),
		"A life may hang on a restricted case at night: who answers the helpline can open it for an hour, and accounts for it."},
	{ReviewGlass, to(referral.Coordinator, referral.Supervisor),
		"A second person, who answers for restricted cases, looks at each time that one was opened; a coordinator where there is none, or none did in three days."},
	{SearchDirectory, to(referral.Navigator, referral.Coordinator, referral.Supervisor, referral.Partner, referral.DataEditor),
		"Services are found to refer to them, and looked over by who keeps the directory."},
	{ReadAudit, to(referral.Auditor),
		"Who looked at what is read by someone with no cases of their own to hide."},
	{ReportAccess, to(referral.Supervisor, referral.Auditor),
		"A client who asks who looked at their case is answered by someone who answers for that, and learns no colleague's name."},
	{ManagePeople, to(referral.Admin, referral.System),
		"Who makes accounts must not also be able to read cases with them."},
	{ManageKeys, to(referral.Admin, referral.System),
		"Who makes accounts ends any key, and makes those that find services and tell nothing of anyone."},
	{HaveKeys, to(referral.Navigator, referral.Coordinator, referral.Supervisor, referral.DataEditor, referral.Partner, referral.Admin),
		"A key reads and writes as its account does, so nobody but whoever the account is makes one that does."},
	{SetPolicy, to(referral.Coordinator, referral.Supervisor, referral.Admin, referral.System),
		"The pace of referrals is the coordinators' to set; an admin puts in force what was agreed."},
	{OpenPayloads, to(referral.Supervisor, referral.Admin),
		"What Temporal was given is about nobody, but tells who is at work on what: it is for those who answer for the work or run the service."},
	{AskErasure, to(referral.Navigator, referral.Coordinator, referral.Supervisor),
		"A client who wants what is kept of them erased says so to whoever answers the phone; whoever sees a mistake can call it off."},
	{ApproveErasure, to(referral.Supervisor),
		"What is erased can't be brought back: a second person, who answers for cases, must agree to it."},
	{HoldCases, to(referral.Supervisor),
		"Who is told by a court or a lawyer that a case must be kept answers for cases, and may know why."},
	{ExportCases, to(referral.Supervisor),
		"A client is given everything that is kept of them by someone who answers for that, and who looks at it first."},
	{SetRetention, to(referral.Admin, referral.System),
		"How long things are kept is the organisation's to decide; who puts that in force sees numbers and references, and no case."},
	{KeepErased, to(referral.System),
		"The list of what was erased is kept apart from backups, by whoever makes them and restores them."},
}

// May reports that a role has a permission.
func May(role referral.Role, p Permission) bool {
	return slices.ContainsFunc(Grants, func(g Grant) bool { return g.Permission == p && slices.Contains(g.Roles, role) })
}

// may refuses who has not a permission: an account of a role that lacks it, and anyone without an account.
func (a Actor) may(p Permission) error {
	if May(a.Role, p) && (a.ID != uuid.Nil || a.Role == referral.System) {
		return nil
	}
	return &referral.Error{Code: referral.CodeForbidden, Message: "this is not for your role to do"}
}

// RolesMarkdown is docs/roles.md.
func RolesMarkdown() string {
	var b strings.Builder
	b.WriteString("# Who may do what\n\nMade from the table in `casework/permissions.go`: `go test ./casework -run RolesPage -update`.\n\n")
	b.WriteString("Every method of the desk begins with one of these. `system` is whoever runs the helpline's machine, on the command line.\n\n")
	roles := append(slices.Clone(referral.AccountRoles), referral.System)
	b.WriteString("| permission |")
	for _, r := range roles {
		fmt.Fprintf(&b, " %s |", r)
	}
	b.WriteString(" why |\n|---|" + strings.Repeat(":-:|", len(roles)) + "---|\n")
	for _, g := range Grants {
		fmt.Fprintf(&b, "| %s |", g.Permission)
		for _, r := range roles {
			b.WriteString(map[bool]string{true: " yes |", false: " |"}[slices.Contains(g.Roles, r)])
		}
		fmt.Fprintf(&b, " %s |\n", g.Reason)
	}
	b.WriteString(rolesReach)
	return b.String()
}

const rolesReach = `
## How far it reaches

| who | sees the cases |
|---|---|
| an account without a region | of its organisation |
| an account of a region | that were opened by accounts of the same region |
| a partner | that it opened itself, or that accounts of the same partner organisation opened |
| anyone named on a restricted case, or behind broken glass for 60 minutes | that one too, within the limits above |

Who is behind broken glass may work on the case, but not say who sees it later: they can't restrict it otherwise, open it to everyone, name
anyone or be given its referrals, and one that they open is carried on by someone who is named.

A case gets the region and the partner of who opened it. What is out of reach is answered like what does not exist.
Both the desk (` + "`casework/sees.go`, and `db/reach.go` for its lists" + `) and the database ([ADR 11](adr/0011-scope.md)) hold these limits.
`
