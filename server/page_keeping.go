package server

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// keepingRoutes are about how long things are kept: of one case, of all, and what a client is given.
func (s *Server) keepingRoutes(get, post func(path string, p casework.Permission, h echo.HandlerFunc)) {
	get("/cases/:id/keeping", casework.AskErasure, s.keepingPage)
	post("/cases/:id/keeping", casework.AskErasure, s.changeKeeping)
	get("/erasures", casework.ApproveErasure, s.erasuresPage)
	post("/exports/:id", casework.ExportCases, s.fetchExport)
	get("/retention", casework.SetRetention, s.retentionPage)
	post("/retention", casework.SetRetention, s.changeRetention)
}

// keepingView is what is to become of what is kept in a case, and what whoever looks may do about it.
type keepingView struct {
	casework.Keeping
	WhyHold, WhyErase            string // what was typed
	Approves, MayHold, MayExport bool
	Me                           uuid.UUID
}

// Fields of the page's two forms that ask for a reason.
const (
	whyHold  = "why_hold"
	whyErase = "why_erase"
)

// Mine reports an erasure that whoever looks asked for: another must agree to it.
func (v keepingView) Mine(e casework.Erasure) bool { return e.AskedBy != nil && *e.AskedBy == v.Me }

func (s *Server) keepingPage(c echo.Context) error { return s.showKeeping(c, http.StatusOK, nil) }

func (s *Server) showKeeping(c echo.Context, status int, wrongs []wrong) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	k, err := s.desk.Keeping(c.Request().Context(), staff(c), id)
	if err != nil {
		return err
	}
	role := accountOf(c).Role
	v := keepingView{Keeping: k, WhyHold: typedIn(c, whyHold), WhyErase: typedIn(c, whyErase), Me: accountOf(c).ID, Approves: casework.May(role, casework.ApproveErasure),
		MayHold: casework.May(role, casework.HoldCases), MayExport: casework.May(role, casework.ExportCases)}
	return s.show(c, status, "keeping", view{Title: s.locale(c).T("keeping.title"), Body: v, Wrongs: wrongs, Done: done(c)})
}

// changeKeeping does what a button of the page says.
func (s *Server) changeKeeping(c echo.Context) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	ctx, who := c.Request().Context(), staff(c)
	do, about := pressed(c.Request().PostForm)
	field := map[string]string{"hold": whyHold, "erase": whyErase}[do]
	why := typedIn(c, field)
	erasure, _ := uuid.Parse(about) // of no erasure: not found
	said := map[string]string{"erase": "ask_erasure", "approve": "approve_erasure", "call_off": "call_off_erasure", "hold": "hold_case",
		"lift": "lift_hold", "export": "ask_export"}[do]
	switch do {
	case "erase":
		_, err = s.desk.AskErasure(ctx, who, id, why)
	case "approve":
		err = s.desk.ApproveErasure(ctx, who, erasure)
	case "call_off":
		err = s.desk.CallOffErasure(ctx, who, erasure)
	case "hold":
		err = s.desk.HoldCase(ctx, who, id, why)
	case "lift":
		err = s.desk.LiftHold(ctx, who, id)
	case "export":
		_, err = s.desk.AskExport(ctx, who, id, typedIn(c, "language"))
	default:
		err = referral.Invalid("do", "press a button of the page")
	}
	if wrongs, status := s.keepingWrongs(c, err); wrongs != nil {
		for i := range wrongs {
			if wrongs[i].Field == "why" {
				wrongs[i].Field = field
			}
		}
		return s.showKeeping(c, status, wrongs)
	}
	if err != nil {
		return err
	}
	return s.seeOther(c, "/cases/"+id.String()+"/keeping", said)
}

// keepingWrongs says what stands against something about keeping a case, beside the form rather than on a page of its own.
func (s *Server) keepingWrongs(c echo.Context, err error) ([]wrong, int) {
	if wrongs := s.wrongs(c, err); wrongs != nil {
		return wrongs, http.StatusUnprocessableEntity
	}
	var wrongs []wrong
	status := http.StatusConflict
	l := s.locale(c)
	for _, answer := range referral.All(err) {
		name := map[string]any{}
		if id, ok := strings.CutPrefix(answer.Field, "referrals."); ok {
			open, err := uuid.Parse(id)
			if err != nil {
				return nil, 0
			}
			name["Referral"] = referral.ShortName(open)
		}
		key := "keeping.refused." + answer.Outcome
		switch {
		case answer.Code == referral.CodeForbidden && answer.Field == "erasure":
			key, status = "keeping.refused.second", http.StatusForbidden
		case answer.Code != referral.CodeConflict || !l.Has(key):
			return nil, 0
		}
		wrongs = append(wrongs, wrong{Text: l.T(key, name)})
	}
	return wrongs, status
}

// erasuresView lists what waits to be erased.
type erasuresView struct{ Erasures []casework.Erasure }

func (s *Server) erasuresPage(c echo.Context) error {
	list, err := s.desk.Erasures(c.Request().Context(), staff(c))
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "erasures", s.locale(c).T("erasures.title"), erasuresView{list})
}
