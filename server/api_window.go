package server

import (
	"errors"
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/referral"
)

// Sizes of a page of a list.
const (
	usualLimit = 20
	maxLimit   = 100
	maxOffset  = 1_000_000
)

// window is the part of a list that is asked for.
type window struct{ limit, offset int }

// listPage is that part, with how much there is in all.
type listPage struct {
	Items  any `json:"items"`
	Total  int `json:"total"`
	Limit  int `json:"limit"`
	Offset int `json:"offset"`
}

func (w window) of(items any, total int) listPage {
	return listPage{Items: items, Total: total, Limit: w.limit, Offset: w.offset}
}

// windowOf reads limit and offset. More than a hundred gives a hundred; what is not a number is malformed.
func windowOf(c echo.Context) (window, error) {
	w := window{limit: usualLimit}
	if text := c.QueryParam("limit"); text != "" {
		n, err := strconv.ParseUint(text, 10, 31)
		switch {
		case errors.Is(err, strconv.ErrRange), err == nil && n > maxLimit:
			w.limit = maxLimit
		case err != nil || n == 0:
			return w, badQuery("limit", "must be a number from 1 on")
		default:
			w.limit = int(n)
		}
	}
	if text := c.QueryParam("offset"); text != "" {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil || n > maxOffset {
			return w, badQuery("offset", "must be a number from 0 to 1000000")
		}
		w.offset = int(n)
	}
	return w, nil
}

// yesNo reads a boolean of the query; false when it is left out.
func yesNo(c echo.Context, name string) (bool, error) {
	switch c.QueryParam(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, badQuery(name, "must be true or false")
}

// queryID reads an id of the query; the nil UUID when it is left out.
func queryID(c echo.Context, name string) (uuid.UUID, error) {
	text := c.QueryParam(name)
	if text == "" {
		return uuid.Nil, nil
	}
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return uuid.Nil, badQuery(name, "must be a UUID")
	}
	return id, nil
}

func badQuery(name, why string) error {
	return &referral.Error{Code: referral.CodeMalformed, Field: name, Message: why}
}
