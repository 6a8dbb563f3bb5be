package referral

import "slices"

// Further roles that have an account at the helpline.
const (
	Supervisor Role = "supervisor"
	DataEditor Role = "data_editor"
	Partner    Role = "partner"
	Auditor    Role = "auditor"
	Admin      Role = "admin"
)

// AccountRoles are the roles that an account can have, in the order in which they are offered.
var AccountRoles = []Role{Navigator, Coordinator, Supervisor, DataEditor, Partner, Auditor, Admin}

// HasAccount reports a role that an account can have.
func (r Role) HasAccount() bool { return slices.Contains(AccountRoles, r) }
