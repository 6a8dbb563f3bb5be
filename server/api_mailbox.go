package server

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"throughline/referral"
)

// mailItem is a letter of the development mailbox.
type mailItem struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	To      string    `json:"to"`
	From    string    `json:"from"`
	Locale  string    `json:"locale"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	HTML    string    `json:"html"`
}

// apiMailbox answers GET /mailbox, newest first. In production there is no mailbox to be found.
func (s *Server) apiMailbox(c echo.Context) error {
	if s.cfg.Mailbox == nil {
		return referral.NotFound("mailbox")
	}
	w, err := windowOf(c)
	if err != nil {
		return err
	}
	letters, err := s.cfg.Mailbox.List(c.Request().Context())
	if err != nil {
		return err
	}
	from := min(w.offset, len(letters))
	items := []mailItem{}
	for _, l := range letters[from:min(from+w.limit, len(letters))] {
		items = append(items, mailItem(l))
	}
	return answer(c, http.StatusOK, w.of(items, len(letters)))
}
