package server

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"regexp"
	"time"

	"github.com/labstack/echo/v4"

	"throughline/referral"
)

// Mailbox is what the development server has sent, for the page that shows it.
type Mailbox interface {
	List(ctx context.Context) ([]Letter, error)
	Get(ctx context.Context, id string) (Letter, error) // fs.ErrNotExist when there is none of that id
}

// Letter is one email as it was handed over.
type Letter struct {
	ID                  string
	At                  time.Time
	To, From            string
	Locale              string
	Subject, Text, HTML string
}

// mailboxRoutes need no account: the mailbox stands for the agencies' own inboxes.
func (s *Server) mailboxRoutes(e *echo.Echo) {
	e.GET("/mailbox", s.mailboxPage, s.session, s.maybeSignedIn)
	e.GET("/mailbox/:id", s.letterPage, s.session, s.maybeSignedIn)
	e.GET("/mailbox/:id/html", s.letterHTML, s.session, s.maybeSignedIn)
}

func (s *Server) mailboxPage(c echo.Context) error {
	letters, err := s.cfg.Mailbox.List(c.Request().Context())
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "mailbox", s.locale(c).T("mailbox.title"), letters)
}

// letterView is a letter with the addresses in its text as links.
type letterView struct {
	Letter
	Parts []textPart
}

// textPart is a stretch of text, or an address.
type textPart struct {
	Text string
	Link bool
}

var address = regexp.MustCompile(`https?://[^\s<>"]+`)

func linked(text string) []textPart {
	var parts []textPart
	for {
		at := address.FindStringIndex(text)
		if at == nil {
			return append(parts, textPart{Text: text})
		}
		parts = append(parts, textPart{Text: text[:at[0]]}, textPart{Text: text[at[0]:at[1]], Link: true})
		text = text[at[1]:]
	}
}

func (s *Server) readLetter(c echo.Context) (Letter, error) {
	letter, err := s.cfg.Mailbox.Get(c.Request().Context(), c.Param("id"))
	if errors.Is(err, fs.ErrNotExist) {
		return letter, referral.NotFound("letter")
	}
	return letter, err
}

func (s *Server) letterPage(c echo.Context) error {
	letter, err := s.readLetter(c)
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "letter", letter.Subject, letterView{Letter: letter, Parts: linked(letter.Text)})
}

// letterHTML shows the email as a mail program would: with its own inline styles, without scripts and forms.
func (s *Server) letterHTML(c echo.Context) error {
	letter, err := s.readLetter(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; sandbox allow-top-navigation-by-user-activation; frame-ancestors 'none'")
	return c.HTML(http.StatusOK, letter.HTML)
}
