package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// apiRoutes are the JSON API of the helpline's own systems. What an account may do on the pages it may do here.
func (s *Server) apiRoutes(g *echo.Group) {
	g.GET("/openapi.json", s.apiContract)
	g.POST("/cases", s.apiOpenCase, s.keyed)
	g.GET("/cases/:id", s.apiCase, s.keyed)
	g.POST("/referrals", s.apiRefer, s.keyed)
	g.GET("/referrals/:id", s.apiReferral, s.keyed)
	g.GET("/referrals/:id/timeline", s.apiTimeline, s.keyed)
	g.POST("/referrals/:id/:command", s.apiCommand, s.keyed)
	g.GET("/services", s.apiServices, s.keyed)
	g.GET("/tasks", s.apiTasks, s.keyed)
	g.GET("/queue", s.apiQueue, s.keyed)
	g.GET("/mailbox", s.apiMailbox, s.keyed)
}

// keyed lets in who holds an API key. A missing key and a wrong one are answered alike.
func (s *Server) keyed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		scheme, key, _ := strings.Cut(c.Request().Header.Get("Authorization"), " ")
		key = strings.TrimSpace(key)
		if !strings.EqualFold(scheme, "Bearer") || key == "" {
			return &referral.Error{Code: referral.CodeUnauthenticated, Message: "send a valid API key"}
		}
		account, err := s.desk.AccountOfKey(c.Request().Context(), key)
		if referral.CodeOf(err) == referral.CodeUnauthenticated {
			return &referral.Error{Code: referral.CodeUnauthenticated, Message: "send a valid API key"}
		}
		if err != nil {
			return err
		}
		c.Set(accountKey, &account)
		return next(c)
	}
}

// apiActor is who asks, behind keyed.
func apiActor(c echo.Context) casework.Actor { return accountOf(c).Actor(casework.ViaAPI) }

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
