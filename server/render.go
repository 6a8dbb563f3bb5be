package server

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/internal/clock"
	"throughline/locale"
	"throughline/referral"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pageSet holds the templates, once for each language and zone, with the words and dates of both bound to them.
type pageSet struct {
	clock clock.Clock
	plain map[string]*template.Template // by language; never executed, for only such can be copied

	mu    sync.Mutex
	bound map[string]*template.Template // by language and zone
}

func parseTemplates(c clock.Clock) (*pageSet, error) {
	p := &pageSet{clock: c, plain: map[string]*template.Template{}, bound: map[string]*template.Template{}}
	for _, lang := range locale.Languages {
		set, err := template.New(lang).Funcs(wording(locale.For(lang), referral.Toronto, c)).ParseFS(templateFiles, "templates/*.html")
		if err != nil {
			return nil, fmt.Errorf("server: templates: %w", err)
		}
		p.plain[lang] = set
	}
	return p, nil
}

// in gives the templates that speak a language and tell the time of a zone.
func (p *pageSet) in(lang string, zone *time.Location) (*template.Template, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := lang + " " + zone.String()
	if p.bound[key] == nil {
		set, err := p.plain[lang].Clone()
		if err != nil {
			return nil, err
		}
		p.bound[key] = set.Funcs(wording(locale.For(lang), zone, p.clock))
	}
	return p.bound[key], nil
}

// view is what every page gets; Body is the page's own.
type view struct {
	Title    string
	Lang     string
	Account  *casework.Account // nil: nobody is signed in
	Menu     []string          // what they may go to
	Helpline string
	Path     string  // of this page, for the language switch and the menu
	Wrongs   []wrong // of the form on this page
	Done     string  // what was just recorded: the name of a command
	// Form names the form that the language switch sends along, so that no typed text is lost. Empty: a plain switch.
	Form   string
	Agency bool // the page is for someone without an account, whom nothing must lead to the staff's pages
	Dev    bool
	// NoFactor says that nobody needs a second factor here.
	NoFactor bool
	Mailbox  bool
	Live     bool   // the page searches while one types
	Leads    string // where the browser goes on to by itself; "": nowhere
	Body     any
}

// Wrong gives the text beside a field, "" when nothing is wrong with it.
func (v view) Wrong(field string) string {
	for _, w := range v.Wrongs {
		if w.Field == field {
			return w.Text
		}
	}
	return ""
}

// page answers with the named template in the reader's language.
func (s *Server) page(c echo.Context, status int, name, title string, body any) error {
	return s.show(c, status, name, view{Title: title, Body: body})
}

// formPage answers with a form whose fields hold what was typed and what is wrong with it; 422 when something is.
func (s *Server) formPage(c echo.Context, name, title string, wrongs []wrong, body any) error {
	status := http.StatusOK
	if len(wrongs) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return s.show(c, status, name, view{Title: title, Body: body, Wrongs: wrongs, Form: name + "-form", Live: true})
}

// show renders before it answers, so that a failing template gives a whole error page and never half a page.
func (s *Server) show(c echo.Context, status int, name string, v view) error {
	v.Lang = s.locale(c).Lang
	if v.Account = accountOf(c); v.Account != nil && !visitorOf(c).MustEnrol {
		v.Menu = menuOf(v.Account.Role)
	}
	v.Helpline, v.Dev, v.Mailbox = s.cfg.HelplineName, s.cfg.Dev, s.cfg.Mailbox != nil
	v.NoFactor = len(s.desk.SecondFactorFor) == 0
	v.Path = c.Request().URL.Path
	if ofLink(v.Path) {
		v.Path, v.Agency = "/r", true // the address may hold the token
	}
	set, err := s.pages.in(v.Lang, zoneOf(c))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, name, v); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	if v.Wrongs != nil && status < http.StatusBadRequest {
		status = http.StatusUnprocessableEntity
	}
	return c.HTMLBlob(status, b.Bytes())
}

// seeOther sends the browser on after a form, with the name of what was recorded for the page to confirm.
func (s *Server) seeOther(c echo.Context, path, done string) error {
	if done != "" {
		path, fragment, _ := strings.Cut(path, "#")
		path += "?done=" + done
		if fragment != "" {
			path += "#" + fragment
		}
		return c.Redirect(http.StatusSeeOther, path)
	}
	return c.Redirect(http.StatusSeeOther, path)
}
