package server

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"throughline/internal/trace"
)

// observed tells traces and metrics of each request: the route's template, the method and the status, never the address
// itself. It stands outside of all others, so that it sees what they answer.
func (s *Server) observed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start, r := time.Now(), c.Request()
		ctx, span := s.tracer.Request(r.Context(), r.Header, r.Method, c.Path())
		c.SetRequest(r.WithContext(ctx))
		defer func() {
			status, failed := c.Response().Status, ""
			if status >= http.StatusInternalServerError {
				failed = "server_error"
			}
			span.Say(trace.Status(status))
			span.End(failed)
			if s.observe != nil {
				s.observe(c.Path(), r.Method, status, time.Since(start))
			}
		}()
		return next(c)
	}
}
