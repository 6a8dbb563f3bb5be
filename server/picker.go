package server

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"throughline/directory"
	"throughline/referral"
)

// picker is the part of a form that finds services and puts them in the client's order. Each of its buttons sends the
// whole form and gets it back, so that it needs no script and loses no text.
type picker struct {
	Query  string
	Near   string
	Lost   bool // the directory does not know that place, so distance is not counted
	Found  []directory.Found
	Total  int
	Chosen []directory.Service // first choice first
	Tried  []uuid.UUID         // asked before, so not offered again
}

const pickerLimit = 12

// Has reports a service that is chosen already.
func (p picker) Has(id uuid.UUID) bool {
	return slices.ContainsFunc(p.Chosen, func(s directory.Service) bool { return s.ID == id })
}

// Asked reports a service that has had its turn, or waits for it.
func (p picker) Asked(id uuid.UUID) bool { return slices.Contains(p.Tried, id) }

// Full reports that no more services may be chosen at once.
func (p picker) Full() bool { return len(p.Chosen) >= referral.MaxOffers }

// IDs are the chosen services in order.
func (p picker) IDs() []uuid.UUID {
	ids := make([]uuid.UUID, len(p.Chosen))
	for i, s := range p.Chosen {
		ids[i] = s.ID
	}
	return ids
}

// pressed is the button of a form: its verb and, after a colon, what it is about.
func pressed(form url.Values) (verb, about string) {
	verb, about, _ = strings.Cut(form.Get("do"), ":")
	return verb, about
}

// chosenIDs are the form's services after the pressed button has been obeyed. What is not an id is left out.
func chosenIDs(form url.Values) []uuid.UUID {
	var ids []uuid.UUID
	for _, raw := range form["service_ids"] {
		if id, err := uuid.Parse(raw); err == nil && !slices.Contains(ids, id) && len(ids) < referral.MaxOffers {
			ids = append(ids, id)
		}
	}
	verb, about := pressed(form)
	id, err := uuid.Parse(about)
	if err != nil {
		return ids
	}
	at := slices.Index(ids, id)
	switch {
	case verb == "choose" && at < 0 && len(ids) < referral.MaxOffers:
		ids = append(ids, id)
	case verb == "remove" && at >= 0:
		ids = slices.Delete(ids, at, at+1)
	case verb == "up" && at > 0:
		ids[at-1], ids[at] = ids[at], ids[at-1]
	case verb == "down" && at >= 0 && at < len(ids)-1:
		ids[at+1], ids[at] = ids[at], ids[at+1]
	}
	return ids
}

// pick fills a picker from a form: the chosen services in order, and what the search finds for this need near the first
// of the named places that the directory knows.
func (s *Server) pick(ctx context.Context, lang string, form url.Values, need string, places ...string) (picker, error) {
	p := picker{Query: strings.TrimSpace(form.Get("q"))}
	near, known, err := directory.Locate(ctx, s.db, places...)
	if err != nil {
		return p, err
	}
	p.Near, p.Lost = near, near != "" && !known
	for _, id := range chosenIDs(form) {
		service, err := directory.Get(ctx, s.db, id, lang)
		if referral.CodeOf(err) == referral.CodeNotFound {
			continue
		}
		if err != nil {
			return p, err
		}
		p.Chosen = append(p.Chosen, service)
	}
	if !slices.Contains(referral.Needs, need) {
		need = ""
	}
	if p.Query == "" && need == "" {
		return p, nil
	}
	p.Found, p.Total, err = directory.Search(ctx, s.db,
		directory.Query{Text: p.Query, Lang: lang, Need: need, Near: near, Limit: pickerLimit})
	return p, err
}
