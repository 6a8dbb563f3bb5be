package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// resource is a path of the API and what can be done there.
type resource struct {
	path             string
	get, post, patch echo.HandlerFunc // nil: not allowed
	may              casework.Permission
	mayPatch         casework.Permission // "": as may
	open             bool                // without a key
	scope            casework.Scope      // that a key needs; "" is read to look and write to change
}

// needs is the scope that a key must have for a method.
func (r resource) needs(method string) casework.Scope {
	switch {
	case r.scope != "":
		return r.scope
	case method == http.MethodPost, method == http.MethodPatch:
		return casework.ScopeWrite
	}
	return casework.ScopeRead
}

func (r resource) permission(method string) casework.Permission {
	if method == http.MethodPatch && r.mayPatch != "" {
		return r.mayPatch
	}
	return r.may
}

func (s *Server) apiResources() []resource {
	return []resource{
		{path: "/openapi.json", get: s.apiContract, open: true},
		{path: "/cases", post: s.apiOpenCase, may: casework.TakeCalls},
		{path: "/cases/:id", get: s.apiCase, may: casework.SeeCases, patch: s.apiCorrect, mayPatch: casework.CorrectCases},
		{path: "/cases/:id/keeping", get: s.apiKeeping, may: casework.AskErasure},
		{path: "/cases/:id/erasure", post: s.apiErase, may: casework.AskErasure},
		{path: "/retention", get: s.apiRetention, may: casework.SetRetention},
		{path: "/referrals", post: s.apiRefer, may: casework.TakeCalls},
		{path: "/referrals/:id", get: s.apiReferral, may: casework.SeeCases},
		{path: "/referrals/:id/timeline", get: s.apiTimeline, may: casework.SeeCases},
		{path: "/referrals/:id/:command", post: s.apiCommand, may: casework.CarryReferrals},
		{path: "/services", get: s.searching(s.limits.services)(s.apiServices), may: casework.SearchDirectory, scope: casework.ScopeDirectory},
		{path: "/tasks", get: s.apiTasks, may: casework.SeeCases},
		{path: "/queue", get: s.apiQueue, may: casework.SeeCases},
		{path: "/mailbox", get: s.apiMailbox, may: casework.SeeCases},
	}
}

// apiRoutes are the JSON API of the helpline's own systems. What an account may do on the pages it may do here. Every
// path and method is routed, those that are refused too, so that none of them ends up among the pages.
func (s *Server) apiRoutes(g *echo.Group) {
	for _, r := range s.apiResources() {
		allowed := map[string]echo.HandlerFunc{http.MethodGet: r.get, http.MethodHead: r.get, http.MethodPost: r.post,
			http.MethodPatch: r.patch}
		names := []string{}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch} {
			if allowed[method] != nil {
				names = append(names, method)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
			http.MethodOptions, http.MethodTrace, http.MethodConnect} {
			switch handle := allowed[method]; {
			case handle == nil:
				g.Add(method, r.path, notAllowed(strings.Join(names, ", ")))
			case r.open:
				g.Add(method, r.path, handle)
			default:
				g.Add(method, r.path, handle, s.keyed(r.needs(method)), needs(r.permission(method)))
			}
		}
	}
	g.RouteNotFound("", noSuchPath)
	g.RouteNotFound("/*", noSuchPath)
}

func noSuchPath(echo.Context) error { return referral.NotFound("path") }

func notAllowed(methods string) echo.HandlerFunc {
	return func(c echo.Context) error {
		// The router lets the last parameter of a path run over slashes.
		if slices.ContainsFunc(c.ParamValues(), func(v string) bool { return strings.Contains(v, "/") }) {
			return noSuchPath(c)
		}
		c.Response().Header().Set(echo.HeaderAllow, methods)
		return echo.ErrMethodNotAllowed
	}
}

// keyed lets in who holds an API key for what the route does. A missing key and a wrong one are answered alike.
func (s *Server) keyed(scope casework.Scope) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			scheme, key, _ := strings.Cut(c.Request().Header.Get("Authorization"), " ")
			key = strings.TrimSpace(key)
			if !strings.EqualFold(scheme, "Bearer") || key == "" {
				return s.badKey(c)
			}
			holder, err := s.desk.ByKey(c.Request().Context(), key)
			if referral.CodeOf(err) == referral.CodeUnauthenticated {
				return s.badKey(c)
			}
			if err != nil {
				return err
			}
			if err := tooOften(s.limits.calls.wait(c.Request().Context(), key), "", "too many calls with this API key"); err != nil {
				return err
			}
			if !slices.Contains(holder.Scopes, scope) {
				return &referral.Error{Code: referral.CodeForbidden, Message: "the API key is not for this: it needs the scope " + string(scope)}
			}
			c.Set(accountKey, &holder.Account)
			c.Set(holderKey, holder)
			return next(c)
		}
	}
}

// badKey answers who has no key, until they have tried too many.
func (s *Server) badKey(c echo.Context) error {
	if err := tooOften(s.byAddress(c, s.limits.badKeys), "", "too many calls without a valid API key"); err != nil {
		return err
	}
	return &referral.Error{Code: referral.CodeUnauthenticated, Message: "send a valid API key"}
}

// apiActor is who asks, behind keyed, by which key.
func apiActor(c echo.Context) casework.Actor {
	holder, _ := c.Get(holderKey).(casework.KeyHolder)
	return holder.Actor()
}

// pathID reads the id of a path. What is not an id names nothing, so it is answered as missing.
func pathID(c echo.Context, what string) (uuid.UUID, error) {
	text := c.Param("id")
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return uuid.Nil, referral.NotFound(what)
	}
	return id, nil
}

// answer writes a value as JSON; lists without entries are [] and not null.
func answer(c echo.Context, status int, v any) error { return reply(c, status, "application/json", v) }

func reply(c echo.Context, status int, kind string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return c.Blob(status, kind, append(raw, '\n'))
}

// created answers 201 with where the new thing is.
func created(c echo.Context, path string, v any) error {
	c.Response().Header().Set(echo.HeaderLocation, path)
	return answer(c, http.StatusCreated, v)
}
