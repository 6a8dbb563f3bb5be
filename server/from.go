package server

import (
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/internal/token"
)

// deviceCookie is what a browser keeps that someone has signed in with. It opens nothing: others' guesses do not slow its
// owner down.
const (
	deviceCookie = "tl_device"
	deviceTime   = 365 * 24 * 60 * 60 // seconds
	deviceLength = 43                 // of a token
)

// from is where a request comes from.
func (s *Server) from(c echo.Context) casework.From {
	return casework.From{Address: s.addressOf(c), Device: s.deviceOf(c), Browser: browserFamily(c.Request().UserAgent())}
}

// addressOf is the address that whoever calls is counted by; "" when it is not known. Over https somebody else ends TLS
// before us; unless that proxy is trusted to say for whom it asks, everyone has its address, and one stranger would use up
// what is everyone's.
func (s *Server) addressOf(c echo.Context) string {
	if s.secure && len(s.cfg.TrustedProxies) == 0 {
		return ""
	}
	return neighbourhood(c.RealIP())
}

func (s *Server) deviceOf(c echo.Context) string {
	cookie, err := c.Cookie(s.cookieName(deviceCookie))
	if err != nil || len(cookie.Value) != deviceLength || !tokenShape.MatchString(cookie.Value) {
		return ""
	}
	return cookie.Value
}

// keepDevice gives the browser what it is known by, for another year.
func (s *Server) keepDevice(c echo.Context) string {
	device := s.deviceOf(c)
	if device == "" {
		device = token.New()
	}
	c.SetCookie(s.cookie(deviceCookie, device, deviceTime))
	return device
}

// families are browsers by what they call themselves. Most claim to be several, so the order decides.
var families = []struct{ sign, name string }{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"},
	{"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Chromium/", "Chrome"}, {"Safari/", "Safari"}}

// browserFamily is all that is kept of what a browser says of itself.
func browserFamily(agent string) string {
	for _, f := range families {
		if strings.Contains(agent, f.sign) {
			return f.name
		}
	}
	return ""
}

// withNext adds where to go afterwards to an address.
func withNext(path, next string) string {
	if next == "" || next == "/" {
		return path
	}
	return path + "?next=" + url.QueryEscape(next)
}
