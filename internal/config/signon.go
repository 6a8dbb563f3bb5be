package config

import (
	"net/url"
	"slices"
	"strings"

	"throughline/referral"
)

// SignOn says which provider people may sign in with. Without an issuer there is none.
type SignOn struct {
	Issuer, ClientID, ClientSecret, GroupsClaim string
	Roles                                       []RoleOfGroup // the first that someone is in counts
	ACR, AMR                                    []string      // how the provider must have let someone in; neither: it is believed
}

// RoleOfGroup is what a group at the provider makes someone here.
type RoleOfGroup struct {
	Group string
	Role  referral.Role
}

// SecondFactorFor reads who must have a second factor: all, none, or roles with commas between them. ok is false for
// anything else.
func SecondFactorFor(value string) (roles []referral.Role, ok bool) {
	switch value {
	case "all":
		return referral.AccountRoles, true
	case "none":
		return nil, true
	}
	for _, name := range strings.Split(value, ",") {
		role := referral.Role(strings.TrimSpace(name))
		if !role.HasAccount() {
			return nil, false
		}
		roles = append(roles, role)
	}
	return roles, true
}

func (r *reader) secondFactorFor(value string) []referral.Role {
	roles, ok := SecondFactorFor(value)
	if !ok {
		r.fault("REQUIRE_SECOND_FACTOR", "must be all, none, or roles with commas between them")
	}
	return roles
}

func (r *reader) signOn(values map[string]string) SignOn {
	s := SignOn{Issuer: values["OIDC_ISSUER"], ClientID: values["OIDC_CLIENT_ID"], ClientSecret: values["OIDC_CLIENT_SECRET"],
		GroupsClaim: values["OIDC_GROUPS_CLAIM"]}
	if s.Issuer == "" {
		for _, name := range []string{"OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ROLES", "OIDC_REQUIRE_ACR", "OIDC_REQUIRE_AMR"} {
			if values[name] != "" {
				r.fault("OIDC_ISSUER", "is not set, and "+name+" is")
				break
			}
		}
		return s
	}
	r.url("OIDC_ISSUER", s.Issuer, "https", "http")
	u, err := url.Parse(s.Issuer)
	if err == nil && u.Scheme == "http" && !ownMachine(s.Issuer) {
		r.fault("OIDC_ISSUER", "must begin with https://: what it says opens accounts")
	}
	if err == nil && (u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		r.fault("OIDC_ISSUER", "must be a scheme, a host and a path, without user, query or fragment")
	}
	if s.ClientID == "" || strings.ContainsFunc(s.ClientID, blank) {
		r.fault("OIDC_CLIENT_ID", "must be one word")
	}
	r.secret("OIDC_CLIENT_SECRET", s.ClientSecret, 16)
	if strings.ContainsFunc(s.GroupsClaim, blank) {
		r.fault("OIDC_GROUPS_CLAIM", "must be one word")
	}
	s.Roles = r.rolesOfGroups(values["OIDC_ROLES"])
	s.ACR, s.AMR = r.words("OIDC_REQUIRE_ACR", values["OIDC_REQUIRE_ACR"]), r.words("OIDC_REQUIRE_AMR", values["OIDC_REQUIRE_AMR"])
	switch {
	case slices.Equal(s.AMR, []string{"none"}):
		s.AMR = nil
	case values["OIDC_REQUIRE_ACR"]+values["OIDC_REQUIRE_AMR"] == "" && values["REQUIRE_SECOND_FACTOR"] != "none":
		r.fault("OIDC_REQUIRE_AMR", "is not set, nor is OIDC_REQUIRE_ACR: name what the provider must have asked for besides a password, such as mfa, or none to believe it")
	}
	return s
}

// words reads words with commas between them.
func (r *reader) words(name, value string) (list []string) {
	if value == "" {
		return nil
	}
	for _, word := range strings.Split(value, ",") {
		if word = strings.TrimSpace(word); word == "" || strings.ContainsFunc(word, blank) {
			r.fault(name, "must be words with commas between them")
			return nil
		}
		list = append(list, word)
	}
	return list
}

// rolesOfGroups reads group=role with commas between them.
func (r *reader) rolesOfGroups(value string) (roles []RoleOfGroup) {
	for _, pair := range strings.Split(value, ",") {
		// A group may be called cn=…: the role is what comes last.
		at := strings.LastIndex(pair, "=")
		group, role := "", referral.Role("")
		if at > 0 {
			group, role = strings.TrimSpace(pair[:at]), referral.Role(strings.TrimSpace(pair[at+1:]))
		}
		if group == "" || !role.HasAccount() {
			r.fault("OIDC_ROLES", "must be group=role with commas between them, each role one of an account's")
			return nil
		}
		roles = append(roles, RoleOfGroup{group, role})
	}
	return roles
}
