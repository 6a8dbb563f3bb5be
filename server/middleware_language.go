package server

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"throughline/locale"
)

const (
	languageCookie = "tl_lang"
	languageKey    = "language"
)

// language settles the language of an answer: what ?lang= asks for, else the reader's last choice, else the account's
// own (see signedIn), else what the browser prefers.
func (s *Server) language(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if asked := c.QueryParam("lang"); slices.Contains(locale.Languages, asked) && !isAPI(c) {
			s.keepLanguage(c, asked)
		} else if chosen := chosenLanguage(c, s.cookieName(languageCookie)); chosen != "" {
			c.Set(languageKey, locale.For(chosen))
		}
		return next(c)
	}
}

func chosenLanguage(c echo.Context, name string) string {
	cookie, err := c.Cookie(name)
	if err != nil || !slices.Contains(locale.Languages, cookie.Value) {
		return ""
	}
	return cookie.Value
}

// keepLanguage answers in lang now and until the browser is closed.
func (s *Server) keepLanguage(c echo.Context, lang string) {
	c.Set(languageKey, locale.For(lang))
	c.SetCookie(s.cookie(languageCookie, lang, 0))
}

// rememberLanguage keeps the choice with the account of who is signed in, for the next visit; without one it does nothing.
func (s *Server) rememberLanguage(c echo.Context, lang string) error {
	account := accountOf(c)
	if account == nil {
		return nil
	}
	return s.desk.SetLocale(c.Request().Context(), account.ID, lang)
}

// locale speaks the language of the answer.
func (s *Server) locale(c echo.Context) *locale.Localizer {
	if l, ok := c.Get(languageKey).(*locale.Localizer); ok {
		return l
	}
	return locale.For(c.Request().Header.Get("Accept-Language"))
}

// cookieName has the __Host- prefix wherever browsers take it, which is over https only.
func (s *Server) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

// cookie makes a cookie of ours: not for scripts, for our own pages, kept for maxAge seconds; 0 is until the browser
// closes, below 0 removes it.
func (s *Server) cookie(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: s.secure, // #nosec G124 -- secure wherever there is https
		SameSite: http.SameSiteLaxMode}
}
