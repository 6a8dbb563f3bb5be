package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	find "throughline/internal/canary"
)

// A handler that goes down with someone's words in hand, in whatever way, tells none of them: not the log, not who asked,
// not a program that reads the answer; and it says where it was by the route's template.
func TestAPanicTellsNothing(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	const name, token = "Zyta Canarova", "okapi-token-okapi-token"
	ways := map[string]func(c echo.Context) error{
		"a text":           func(c echo.Context) error { panic(typedIn(c, "name")) },
		"an error":         func(c echo.Context) error { panic(fmt.Errorf("save %s: %w", typedIn(c, "name"), errors.New("x"))) },
		"a struct":         func(c echo.Context) error { panic(struct{ Name string }{typedIn(c, "name")}) },
		"of the runtime":   func(c echo.Context) error { return []error{}[len(typedIn(c, "name"))] },
		"while converting": func(c echo.Context) error { var v any = typedIn(c, "name"); _ = v.(int); return nil },
		"deep down":        func(c echo.Context) error { defer func() { panic(c.Param("*")) }(); panic(typedIn(c, "name")) },
	}
	n := 0
	for way, handle := range ways {
		n++
		h.server.echo.POST(fmt.Sprint("/panics/", n, "/*"), handle)
		h.server.echo.POST(fmt.Sprint("/api/panics/", n, "/*"), handle)
		for _, before := range []string{"", "/api"} {
			r := httptest.NewRequest(http.MethodPost, fmt.Sprint(before, "/panics/", n, "/", token, "?q=", url.QueryEscape(name)),
				strings.NewReader(url.Values{"name": {name}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			h.server.ServeHTTP(w, r)
			if w.Code != http.StatusInternalServerError {
				t.Errorf("%s: answered %d", way, w.Code)
			}
			// A page names its own address, to come back to in the other language.
			for _, found := range find.For("zyta", "canarova").InText(w.Body.String()) {
				t.Errorf("%s: the answer holds %s", way, found)
			}
		}
	}
	log := h.log.String()
	for _, found := range find.For("zyta", "canarova", token).InText(log) {
		t.Errorf("the log holds %s", found)
	}
	if !strings.Contains(log, "route=/panics/1/*") || strings.Count(log, "panic: ") != 2*len(ways) {
		t.Errorf("the log does not say what went down:\n%s", log)
	}
}
