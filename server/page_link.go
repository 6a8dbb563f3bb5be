package server

import (
	"errors"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/seeded"
	"throughline/locale"
	"throughline/referral"
)

const (
	linkCookie   = "tl_link"
	noSuchLink   = "none" // the cookie of a link that no token can look like
	maxLinkToken = 100
)

// linkDesk is where an agency answers, by the link that was mailed to it and without an account. Mail scanners open
// links, so nothing here changes anything but a form with a typed name.
type linkDesk struct{ *Server }

func (s *Server) linkRoutes(e *echo.Echo) {
	d := &linkDesk{s}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		e.Add(method, "/r", d.open, d.linkHeaders)
		e.Add(method, "/r/*", d.keep, d.linkHeaders)
	}
	e.GET("/r/new-link", func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, "/r") })
	e.POST("/r", d.reply, d.linkHeaders)
	e.POST("/r/new-link", d.newLink, d.linkHeaders)
}

// linkHeaders keeps the mailed address, which is a secret, from ever being sent on as a referrer. Over plain http, in
// development, some browsers then also hide where a form comes from, and it would be refused as a stranger's.
func (d *linkDesk) linkHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if d.secure || c.Request().Method != http.MethodGet || c.Path() != "/r" {
			c.Response().Header().Set("Referrer-Policy", "no-referrer")
		}
		return next(c)
	}
}

var tokenShape = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// keep answers the mailed address alike for every token, good or not: it moves the token into a cookie, out of the
// address bar and the browser's history, and goes on to the page.
func (d *linkDesk) keep(c echo.Context) error {
	raw := c.Param("*")
	if len(raw) > maxLinkToken || !tokenShape.MatchString(raw) {
		raw = noSuchLink
	}
	c.SetCookie(d.cookie(linkCookie, raw, 0))
	return c.Redirect(http.StatusSeeOther, "/r")
}

// tokenOf is the token of the visitor's link; "" when there is none.
func (d *linkDesk) tokenOf(c echo.Context) string {
	cookie, err := c.Cookie(d.cookieName(linkCookie))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// open shows the page of the visitor's link.
func (d *linkDesk) open(c echo.Context) error {
	raw := d.tokenOf(c)
	if err := d.usedTooOften(c, d.limits.linkViews, raw); err != nil {
		return err
	}
	if do := c.QueryParam("do"); do != "" && seeded.Is(seeded.GetDecides) {
		_ = d.desk.Reply(c.Request().Context(), raw, casework.ReplyInput{Do: referral.Name(do), Name: c.QueryParam("name")})
	}
	page, err := d.read(c, raw)
	if err != nil {
		return d.deadLink(c, raw, err)
	}
	return d.showLink(c, http.StatusOK, linkView{LinkPage: page, Done: doneOf(c)}, nil)
}

// read reads the page. Before the reader has chosen a language it is the one that the agency gets its mail in.
func (d *linkDesk) read(c echo.Context, raw string) (casework.LinkPage, error) {
	if raw == "" {
		return casework.LinkPage{}, referral.NotFound("link")
	}
	page, err := d.desk.OpenLink(c.Request().Context(), raw)
	if err == nil && c.Get(languageKey) == nil {
		c.Set(languageKey, locale.For(page.MailLocale))
	}
	return page, err
}

// usedTooOften counts a use of a link, and refuses it for a while when there were too many, in the language that its page
// would be in.
func (d *linkDesk) usedTooOften(c echo.Context, of *throttle, raw string) error {
	if raw == "" {
		return nil
	}
	err := tooOften(of.wait(c.Request().Context(), raw), "link", "this link was used too often")
	if err != nil && c.Get(languageKey) == nil {
		if lang, err := d.desk.LinkLocale(c.Request().Context(), raw); err == nil {
			c.Set(languageKey, locale.For(lang))
		}
	}
	return err
}

// deadLink shows the one page for every link that opens nothing: unknown, expired, revoked, or none at all.
func (d *linkDesk) deadLink(c echo.Context, raw string, err error) error {
	if referral.CodeOf(err) != referral.CodeNotFound {
		return err
	}
	if errors.Is(err, casework.ErrNewerLink) {
		return d.newerLink(c, raw)
	}
	if raw != "" {
		if err := tooOften(d.byAddress(c, d.limits.badLinks), "", "too many links that open nothing"); err != nil {
			return err
		}
	}
	return d.page(c, http.StatusNotFound, "link_dead", d.locale(c).T("agency.dead.title"), d.onlyHelpline(c))
}

// newerLink tells an agency that opens an older letter where to go on, in its language.
func (d *linkDesk) newerLink(c echo.Context, raw string) error {
	if c.Get(languageKey) == nil {
		if lang, err := d.desk.LinkLocale(c.Request().Context(), raw); err == nil {
			c.Set(languageKey, locale.For(lang))
		}
	}
	return d.page(c, http.StatusNotFound, "link_newer", d.locale(c).T("agency.newer.title"), d.onlyHelpline(c))
}

// newLink has a new link mailed to the address on file, when the visitor's link once was good. What it answers does not
// tell whether it was.
func (d *linkDesk) newLink(c echo.Context) error {
	if err := tooOften(d.byAddress(c, d.limits.badLinks), "", "too many links asked for"); err != nil {
		return err
	}
	if raw := d.tokenOf(c); raw != "" {
		if err := d.desk.AskNewLink(c.Request().Context(), raw); err != nil {
			return err
		}
	}
	return d.page(c, http.StatusOK, "link_sent", d.locale(c).T("agency.sent.title"), d.onlyHelpline(c))
}

// onlyHelpline is whom to call about a link that opens nothing: the page must be the same for every such link, so there is
// someone to name only where there is one helpline. nil when there are more, when it has no number, or when nobody can tell.
func (d *linkDesk) onlyHelpline(c echo.Context) *db.Organisation {
	all, err := d.desk.Organisations(c.Request().Context())
	if err != nil {
		return nil
	}
	return onlyOne(all)
}

func onlyOne(all []db.Organisation) *db.Organisation {
	if len(all) != 1 || all[0].Phone == "" {
		return nil
	}
	return &all[0]
}
