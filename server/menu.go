package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// menu is every page that can be gone to from anywhere, and what it is for. Nobody is shown the way to a page that is not
// theirs.
var menu = []struct {
	path  string
	needs casework.Permission
}{
	{"/work", casework.SeeCases},
	{"/cases/new", casework.TakeCalls},
	{"/cases", casework.SeeCases},
	{"/tasks", casework.SeeCases},
	{"/queue", casework.SeeCases},
	{"/services", casework.SearchDirectory},
	{"/closed", casework.SeeCases},
	{"/restricted", casework.ReviewGlass},
	{"/erasures", casework.ApproveErasure},
	{"/people", casework.ManagePeople},
	{"/keys", casework.ManageKeys},
	{"/retention", casework.SetRetention},
	{"/audit", casework.ReadAudit},
	{"/audit/unusual", casework.ReadAudit},
}

// menuOf is the part of the menu that a role can use.
func menuOf(role referral.Role) []string {
	var paths []string
	for _, m := range menu {
		if casework.May(role, m.needs) {
			paths = append(paths, m.path)
		}
	}
	return paths
}

// begins is where the day of each role begins.
var begins = map[referral.Role]string{referral.Navigator: "/work", referral.Partner: "/work", referral.Coordinator: "/queue",
	referral.Supervisor: "/queue", referral.DataEditor: "/services", referral.Auditor: "/audit", referral.Admin: "/people"}

// home sends each role to where its day begins.
func (s *Server) home(c echo.Context) error {
	return c.Redirect(http.StatusSeeOther, begins[accountOf(c).Role])
}

// needs lets in whose role has a permission, and answers everyone else alike, whatever they asked for.
func needs(p casework.Permission) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !casework.May(accountOf(c).Role, p) {
				c.Set(refusedKey, p)
				return &referral.Error{Code: referral.CodeForbidden, Message: "this is not for your role to do"}
			}
			return next(c)
		}
	}
}
