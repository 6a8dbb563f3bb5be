package server

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Part is one thing the service needs, as /readyz shows it.
type Part struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// vital is the part without which nothing can be answered. Without Temporal, intake and answers are still taken.
const vital = "database"

type readiness struct {
	Status string `json:"status"` // ok, degraded, down
	Parts  []Part `json:"parts"`
}

// patience bounds how long readiness waits for its parts, so that whoever asks and waits two seconds has an answer.
const patience = 1500 * time.Millisecond

// livez says that the process answers, whatever it depends on.
func (s *Server) livez(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// readyz is 503 when the vital part is gone, and 200 "degraded" when any other is.
func (s *Server) readyz(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), patience)
	defer cancel()
	parts := s.ready
	if parts == nil {
		parts = func(ctx context.Context) []Part { return []Part{s.databasePart(ctx)} }
	}
	status, r := judge(parts(ctx))
	return c.JSON(status, r)
}

// judge says what the parts mean for the whole.
func judge(parts []Part) (status int, r readiness) {
	status, r = http.StatusOK, readiness{Status: "ok", Parts: parts}
	for _, p := range parts {
		switch {
		case !p.OK && p.Name == vital:
			r.Status, status = "down", http.StatusServiceUnavailable
		case !p.OK && r.Status == "ok":
			r.Status = "degraded"
		}
	}
	return status, r
}

// Health answers /livez and /readyz as the whole server does, for a process that serves nothing else.
func Health(ready func(context.Context) []Part) http.Handler {
	e := echo.New()
	s := &Server{ready: ready}
	e.Use(s.headed)
	probe := []string{http.MethodGet, http.MethodHead}
	e.Match(probe, "/livez", s.livez)
	e.Match(probe, "/readyz", s.readyz)
	return e
}

func (s *Server) databasePart(ctx context.Context) Part {
	p := Part{Name: vital, OK: true}
	if err := s.db.PingContext(ctx); err != nil {
		p.OK, p.Detail = false, "no answer"
	}
	return p
}
