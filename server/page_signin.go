package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/locale"
	"throughline/referral"
)

// signInForm is the page's form. Held is a form that was sent when the session had ended.
type signInForm struct {
	Email  string
	Next   string // path to go to afterwards
	Held   []field
	Failed bool
	SignOn bool   // people may sign in with their organisation's own provider
	Again  bool   // they are to prove anew there who they are
	Why    string // they did not get in that way: the name of its words
	Joined bool   // a password was chosen just now
}

// field is one name and value of a held form.
type field struct{ Name, Value string }

// heldPrefix marks the held fields, so that they never meet those of the page that holds them.
const heldPrefix = "held."

func (s *Server) signInPage(c echo.Context) error {
	return s.showSignIn(c, http.StatusOK, signInForm{Next: localPath(c.QueryParam("next")), Joined: c.QueryParam("joined") != ""})
}

func (s *Server) showSignIn(c echo.Context, status int, f signInForm) error {
	f.SignOn = s.cfg.SignOn != nil
	return s.page(c, status, "signin", s.locale(c).T("signin.title"), f)
}

func (s *Server) signIn(c echo.Context) error {
	f := signInForm{Email: strings.TrimSpace(typedIn(c, "email")), Next: localPath(typedIn(c, "next")),
		Held: heldFields(c.Request().PostForm)}
	pass := typedIn(c, "password")
	if len(f.Email) > maxEmail || len(pass) > maxPassword {
		f.Email, f.Failed = "", true // no account has these
		return s.showSignIn(c, http.StatusUnauthorized, f)
	}
	var account casework.Account
	var codeNeeded bool
	err := s.signIns.enter(c.Request().Context(), func(ctx context.Context) (err error) {
		account, codeNeeded, err = s.desk.SignIn(ctx, f.Email, pass, s.from(c))
		return err
	})
	if referral.CodeOf(err) == referral.CodeUnauthenticated {
		s.log.WarnContext(c.Request().Context(), "a sign-in was refused", "class", "password")
		f.Failed = true
		return s.showSignIn(c, http.StatusUnauthorized, f)
	}
	if err != nil {
		return err
	}
	if codeNeeded {
		return s.askForCode(c, account, f)
	}
	return s.admit(c, account, casework.ByPassword, f)
}

// admit begins the visit of someone who has proved who they are, and leads them on.
func (s *Server) admit(c echo.Context, account casework.Account, by casework.Method, f signInForm) error {
	return s.admitBy(c, account, f, func(from casework.From) (uuid.UUID, error) {
		return s.desk.Enter(c.Request().Context(), account, by, from)
	})
}

func (s *Server) admitBy(c echo.Context, account casework.Account, f signInForm, enter func(casework.From) (uuid.UUID, error)) error {
	ctx := c.Request().Context()
	if _, err := s.leave(ctx); err != nil {
		return err
	}
	zone, err := s.desk.Zone(ctx, account.OrganisationID)
	if err != nil {
		return err
	}
	from := s.from(c)
	from.Device = s.keepDevice(c)
	visit, err := enter(from)
	if err != nil {
		return err
	}
	// A new token at each change of who is signed in, or a token planted before would be signed in too.
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.Put(ctx, sessionVisit, visit.String())
	s.sessions.Put(ctx, sessionZone, zone.String())
	if len(f.Held) > 0 {
		c.Set(accountKey, &account)
		return s.page(c, http.StatusOK, "resume", s.locale(c).T("resume.title"), f)
	}
	if f.Next == "" {
		f.Next = "/"
	}
	return c.Redirect(http.StatusSeeOther, f.Next)
}

// leave ends the visit of the session, if it has one, and says how it had begun.
func (s *Server) leave(ctx context.Context) (by casework.Method, err error) {
	id, err := uuid.Parse(s.sessions.GetString(ctx, sessionVisit))
	if err != nil {
		return "", nil
	}
	visitor, err := s.desk.Visitor(ctx, id)
	if referral.CodeOf(err) == referral.CodeNotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return visitor.By, s.desk.Leave(ctx, visitor)
}

func (s *Server) signOut(c echo.Context) error {
	ctx := c.Request().Context()
	by, err := s.leave(ctx)
	if err != nil {
		return err
	}
	return s.signedOut(c, by)
}

// signedOut forgets the session, and goes on to where the next person signs in. Who came by single sign-on is led past the
// provider: else the next person at this desk would be let in there as them.
func (s *Server) signedOut(c echo.Context, by casework.Method) error {
	if err := s.sessions.Destroy(c.Request().Context()); err != nil {
		return err
	}
	// The next person at this desk has a language of their own. Not "cookies": browsers then forget those of all our neighbours
	// under the same domain too, and what the account knows this browser by, on which its protection from guessers rests.
	c.SetCookie(s.cookie(languageCookie, "", -1))
	c.Response().Header().Set("Clear-Site-Data", `"cache", "storage"`)
	if by == casework.BySingleSignOn && s.cfg.SignOn != nil {
		if to := s.cfg.SignOn.End(c.Request().Context(), s.cfg.BaseURL+"/sign-in"); to != "" {
			return s.goElsewhere(c, elsewhere{To: to, Out: true})
		}
	}
	return c.Redirect(http.StatusSeeOther, "/sign-in")
}

// askToSignIn sends a visitor to the sign-in page. What was typed goes into the page's hidden fields, never the address.
func (s *Server) askToSignIn(c echo.Context) error {
	r := c.Request()
	if r.Method == http.MethodPost {
		f := signInForm{Next: localPath(r.URL.RequestURI())}
		for name, values := range r.PostForm {
			for _, v := range values {
				f.Held = append(f.Held, field{heldPrefix + name, v})
			}
		}
		slices.SortStableFunc(f.Held, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
		return s.showSignIn(c, http.StatusUnauthorized, f)
	}
	to := "/sign-in"
	if next := localPath(r.URL.RequestURI()); next != "" && next != "/" {
		to += "?next=" + url.QueryEscape(next)
	}
	return c.Redirect(http.StatusSeeOther, to)
}

func heldFields(form url.Values) []field {
	var held []field
	for name, values := range form {
		if strings.HasPrefix(name, heldPrefix) {
			for _, v := range values {
				held = append(held, field{name, v})
			}
		}
	}
	slices.SortStableFunc(held, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	return held
}

// Resumed is the held field under its own name again.
func (f field) Resumed() string { return strings.TrimPrefix(f.Name, heldPrefix) }

// localPath gives a path of this site, or "" for anything that could lead elsewhere.
func localPath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(u.Path, "//") || strings.ContainsAny(raw, "\\\r\n\t") {
		return ""
	}
	return u.RequestURI()
}

// setLanguage switches the language here and, for staff, on their next visit.
func (s *Server) setLanguage(c echo.Context) error {
	lang := typedIn(c, "lang")
	if !slices.Contains(locale.Languages, lang) {
		return referral.Invalid("lang", "must be en or fr")
	}
	s.keepLanguage(c, lang)
	if err := s.rememberLanguage(c, lang); err != nil {
		return err
	}
	to := localPath(typedIn(c, "to"))
	if to == "" {
		to = "/"
	}
	return c.Redirect(http.StatusSeeOther, to)
}
