package server

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// policy allows our own style sheets, scripts and fonts, and nothing inline.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// powers are those of a browser that no page of ours asks for.
const powers = "accelerometer=(), bluetooth=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), " +
	"microphone=(), midi=(), payment=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()"

// headed sets the security headers of every answer. Pages are never kept: nearly all hold case data.
func (s *Server) headed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		Guard(c.Response().Header())
		if s.secure {
			// With all that is below our name: a cookie could be set from there (OWASP ASVS 5.0, 3.4.1).
			c.Response().Header().Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		return next(c)
	}
}

// Guard says to browsers how little they may do with an answer.
func Guard(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: a browser then sends "Origin: null" with our own forms, and over plain HTTP to another machine,
	// where it sends no Sec-Fetch-Site either, each form would look like a stranger's. Nothing goes to other sites.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", powers)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow")
}

// sameSite refuses forms that another site made a browser send. The API and the webhook take no cookie, so nothing
// there needs it.
func (s *Server) sameSite() (echo.MiddlewareFunc, error) {
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(s.cfg.BaseURL); err != nil {
		return nil, err
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if isAPI(c) || ofWebhook(c) || ofCodec(c) || hiddenOrigin(c.Request()) {
				return next(c)
			}
			if err := protection.Check(c.Request()); err != nil {
				return errForeignForm
			}
			return next(c)
		}
	}, nil
}

// hiddenOrigin reports a form on the agency's page from a browser too old to say where forms come from. That page sends
// no referrer, which makes its origin "null"; its cookie is SameSite=Lax, so a form of another site comes without it.
func hiddenOrigin(r *http.Request) bool {
	return ofLink(r.URL.Path) && r.Header.Get("Origin") == "null" && r.Header.Get("Sec-Fetch-Site") == ""
}

// ofLink reports a path of the agency's page.
func ofLink(path string) bool { return path == "/r" || strings.HasPrefix(path, "/r/") }
