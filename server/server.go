// Package server answers HTTP: the staff's pages, the agency's page and the JSON API. A handler binds, makes one call
// to the desk, and answers; package casework decides and records.
package server

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/jmoiron/sqlx"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/internal/clock"
	"throughline/internal/signon"
	"throughline/internal/trace"
)

// Config is what a deployment chooses. The zero value serves plain HTTP without the development pages.
type Config struct {
	BaseURL      string  // scheme and host of every absolute link, and of the cookies; never the Host header
	Dev          bool    // says so on each page
	Mailbox      Mailbox // nil in production: there is then no mailbox page
	HelplineName string  // on each page; empty takes the product's name
	// TrustedProxies may name the caller's address in X-Forwarded-For; none: the connection's own address counts.
	TrustedProxies []*net.IPNet
	// SendGridKeys verify what SendGrid says of letters, any of them; without one nobody is listened to.
	SendGridKeys []*ecdsa.PublicKey
	SignOn       *signon.Provider // nil: people sign in with a password only
	// TemporalUIOrigin is where Temporal's UI is served, which may ask for payloads to be opened; "": nobody may.
	TemporalUIOrigin string
}

// Deps are the parts the server works with.
type Deps struct {
	Desk   *casework.Desk
	DB     *sqlx.DB
	Clock  clock.Clock
	Log    *slog.Logger
	Ready  func(context.Context) []Part // of /readyz; nil asks the database only
	Tracer trace.Tracer                 // the zero value traces nothing
	// Observe, when set, is told of every answer: the route's template, the method, the status and how long it took.
	Observe func(route, method string, status int, took time.Duration)
	// EventsTold, when set, is told what became of each batch of events of the mail provider: taken, late, or why it was
	// refused.
	EventsTold func(answer string)
	// Codec opens and seals the payloads of workflows; nil where there are none.
	Codec  http.Handler
	Config Config
}

// Server is the http.Handler of everything.
type Server struct {
	desk     *casework.Desk
	db       *sqlx.DB
	clock    clock.Clock
	log      *slog.Logger
	ready    func(context.Context) []Part
	tracer   trace.Tracer
	observe  func(route, method string, status int, took time.Duration)
	told     func(answer string)
	codec    http.Handler
	cfg      Config
	secure   bool // the base URL is https
	sessions *scs.SessionManager
	pages    *pageSet
	signIns  gate
	limits   limits
	deadline time.Duration
	echo     *echo.Echo
}

// New wires the routes. It fails on a base URL that is not one and on templates that do not parse.
func New(d Deps) (*Server, error) {
	base, err := url.Parse(d.Config.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("server: the base URL must look like https://throughline.example.org")
	}
	s := &Server{desk: d.Desk, db: d.DB, clock: d.Clock, log: d.Log, ready: d.Ready, tracer: d.Tracer, observe: d.Observe, told: d.EventsTold, codec: d.Codec, cfg: d.Config,
		secure: base.Scheme == "https", signIns: newGate(), deadline: requestDeadline}
	s.cfg.BaseURL = base.Scheme + "://" + base.Host
	if s.cfg.HelplineName == "" {
		s.cfg.HelplineName = "Throughline"
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.pages, err = parseTemplates(s.clock); err != nil {
		return nil, err
	}
	s.sessions = newSessions(s.db, s.secure)
	s.limits = s.newLimits()
	s.echo = echo.New()
	return s, s.routes()
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

func (s *Server) routes() error {
	e := s.echo
	e.HTTPErrorHandler = s.answerError
	e.IPExtractor = callerAddress(s.cfg.TrustedProxies)
	sameSite, err := s.sameSite()
	if err != nil {
		return err
	}
	// The log comes before all that refuse, so that it sees their status. It writes the answer to an error too, which is
	// still within the request's time.
	e.Use(s.observed, s.timed, s.logged, s.recovered, s.headed, s.bounded, s.language, sameSite, s.readable)

	e.Match([]string{http.MethodGet, http.MethodHead}, "/livez", s.livez)
	e.Match([]string{http.MethodGet, http.MethodHead}, "/readyz", s.readyz)
	e.Match([]string{http.MethodGet, http.MethodHead}, "/static/*", serveStatic)
	s.apiRoutes(e.Group("/api/v1"))
	s.linkRoutes(e)
	if len(s.cfg.SendGridKeys) > 0 {
		e.POST(sendGridPath, s.sendGridEvents)
	}
	if s.codec != nil && s.cfg.TemporalUIOrigin != "" {
		s.codecRoutes(e)
	}
	e.POST("/language", s.setLanguage, s.session, s.maybeSignedIn)
	s.signInRoutes(e)
	s.staffRoutes(e)
	s.accountRoutes(e)
	if s.cfg.Mailbox != nil {
		s.mailboxRoutes(e)
	}
	return nil
}

// signInRoutes are for people who are not signed in.
func (s *Server) signInRoutes(e *echo.Echo) {
	e.GET("/sign-in", s.signInPage, s.session)
	e.POST("/sign-in", s.signIn, s.session)
	e.GET("/sign-in/code", s.codePage, s.session)
	e.POST("/sign-in/code", s.checkCode, s.session)
	e.POST("/sign-out", s.signOut, s.session)
	if s.cfg.SignOn != nil {
		e.GET("/sign-in/oidc", func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, "/sign-in") })
		e.POST("/sign-in/oidc", s.beginSignOn, s.session)
		e.GET(SignOnPath, s.finishSignOn, s.session)
	}
	e.GET("/forgot-password", s.forgotPage)
	e.POST("/forgot-password", s.forgot)
	e.GET("/join", s.joinPage)
	e.GET("/join/*", s.keepJoin)
	e.POST("/join", s.join)
}

// accountRoutes are one's own account.
func (s *Server) accountRoutes(e *echo.Echo) {
	e.GET("/account", s.accountPage, s.session, s.ofAccount)
	e.POST("/account", s.changeAccount, s.session, s.ofAccount)
}

// staffRoutes name their middleware route by route: a group's own would catch every unknown address and every wrong
// method too, and ask strangers to sign in to a page that does not exist.
func (s *Server) staffRoutes(e *echo.Echo) {
	get := func(path string, p casework.Permission, h echo.HandlerFunc) {
		e.GET(path, h, s.session, s.signedIn, needs(p))
	}
	post := func(path string, p casework.Permission, h echo.HandlerFunc) {
		e.POST(path, h, s.session, s.signedIn, needs(p))
	}
	people, directory := s.searching(s.limits.cases), s.searching(s.limits.services)
	e.GET("/", s.home, s.session, s.signedIn)
	get("/work", casework.SeeCases, s.workPage)
	get("/queue", casework.SeeCases, s.queuePage)
	get("/closed", casework.SeeCases, s.closedPage)
	get("/cases", casework.SeeCases, s.casesPage)
	post("/cases", casework.SeeCases, people(s.findCases))
	get("/cases/new", casework.TakeCalls, s.intakePage)
	post("/cases/new", casework.TakeCalls, s.intake)
	get("/cases/:id", casework.SeeCases, s.casePage)
	get("/cases/:id/correct", casework.CorrectCases, s.correctPage)
	post("/cases/:id/correct", casework.CorrectCases, s.correct)
	get("/cases/:id/history", casework.SeeCases, s.historyPage)
	post("/cases/:id/restrict", casework.RestrictCases, s.restrict)
	get("/cases/:id/people", casework.RestrictCases, s.casePeoplePage)
	post("/cases/:id/people", casework.RestrictCases, s.changeCasePeople)
	get("/cases/:id/referrals/new", casework.TakeCalls, s.referPage)
	post("/cases/:id/referrals/new", casework.TakeCalls, s.refer)
	get("/referrals/:id", casework.SeeCases, s.referralPage)
	get("/referrals/:id/:command", casework.CarryReferrals, s.commandPage)
	post("/referrals/:id/:command", casework.CarryReferrals, s.command)
	get("/tasks", casework.SeeCases, s.tasksPage)
	get("/tasks/:id", casework.SeeCases, s.taskPage)
	post("/tasks/:id", casework.CarryReferrals, s.finishTask)
	get("/services", casework.SearchDirectory, directory(s.servicesPage))
	post("/services", casework.SearchDirectory, directory(s.findServices))
	get("/services/:id", casework.SearchDirectory, s.servicePage)
	get("/break-glass/:reference", casework.BreakGlass, s.glassPage)
	post("/break-glass/:reference", casework.BreakGlass, s.breakGlass)
	get("/restricted", casework.ReviewGlass, s.restrictedPage)
	post("/restricted/:id", casework.ReviewGlass, s.reviewGlass)
	get("/people", casework.ManagePeople, s.peoplePage)
	post("/people", casework.ManagePeople, s.invite)
	get("/people/:id", casework.ManagePeople, s.personPage)
	post("/people/:id", casework.ManagePeople, s.changePerson)
	get("/keys", casework.ManageKeys, s.keysPage)
	post("/keys", casework.ManageKeys, s.changeKeys)
	s.keepingRoutes(get, post)
	s.auditRoutes(get, post)
}
