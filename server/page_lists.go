package server

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"throughline/casework"
)

// perPage is how many rows a list shows at once.
const perPage = 50

// paging is where in a list a page stands.
type paging struct {
	Page, Total int
	Query       string // of the list's address, to keep its filter
}

func pageOf(c echo.Context) paging {
	p, err := strconv.Atoi(c.QueryParam("page"))
	if err != nil || p < 1 || p > 100_000 {
		p = 1
	}
	return paging{Page: p}
}

// Offset is how many rows come before the page.
func (p paging) Offset() int { return (p.Page - 1) * perPage }

// Last is the number of the last page.
func (p paging) Last() int { return max(1, (p.Total+perPage-1)/perPage) }

// workView is a navigator's day.
type workView struct {
	Referrals []casework.QueueItem
	Tasks     []casework.Task
	Total     int
	TaskTotal int
}

func (s *Server) workPage(c echo.Context) error {
	ctx := c.Request().Context()
	var v workView
	var err error
	if v.Tasks, v.TaskTotal, err = s.desk.Tasks(ctx, staff(c), casework.TaskFilter{Mine: true, Limit: perPage}); err != nil {
		return err
	}
	v.Referrals, v.Total, err = s.desk.Queue(ctx, staff(c), casework.QueueFilter{Owner: accountOf(c).ID, Limit: perPage})
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "work", s.locale(c).T("work.title"), v)
}

// queueView is every open referral, most pressing first.
type queueView struct {
	Items   []casework.QueueItem
	Owners  []casework.Account
	Owner   string
	Overdue int // of the rows shown
	Reviews int // of broken glass that wait for the reader
	paging
}

func (s *Server) queuePage(c echo.Context) error {
	ctx := c.Request().Context()
	v := queueView{paging: pageOf(c), Owner: c.QueryParam("owner")}
	filter := casework.QueueFilter{Limit: perPage, Offset: v.Offset()}
	if id, err := uuid.Parse(v.Owner); err == nil {
		filter.Owner, v.Query = id, "owner="+id.String()+"&"
	}
	var err error
	if v.Items, v.Total, err = s.desk.Queue(ctx, staff(c), filter); err != nil {
		return err
	}
	if v.Owners, err = s.desk.Accounts(ctx, staff(c)); err != nil {
		return err
	}
	if v.Reviews, err = s.desk.GlassWaiting(ctx, staff(c)); err != nil {
		return err
	}
	for _, item := range v.Items {
		if item.Overdue && !underway(item.Step, s.clock.Now()) {
			v.Overdue++
		}
	}
	return s.page(c, http.StatusOK, "queue", s.locale(c).T("queue.title"), v)
}

// closedView is what has ended, latest first.
type closedView struct {
	Items []casework.QueueItem
	paging
}

func (s *Server) closedPage(c echo.Context) error {
	v := closedView{paging: pageOf(c)}
	var err error
	v.Items, v.Total, err = s.desk.Queue(c.Request().Context(), staff(c),
		casework.QueueFilter{Closed: true, Limit: perPage, Offset: v.Offset()})
	if err != nil {
		return err
	}
	return s.page(c, http.StatusOK, "closed", s.locale(c).T("closed.title"), v)
}

// tasksView is the open tasks, those of the reader or all.
type tasksView struct {
	Items   []casework.Task
	Mine    bool
	Reviews int // of broken glass that wait for the reader
	paging
}

func (s *Server) tasksPage(c echo.Context) error {
	v := tasksView{paging: pageOf(c), Mine: c.QueryParam("all") == ""}
	if !v.Mine {
		v.Query = "all=1&"
	}
	var err error
	v.Items, v.Total, err = s.desk.Tasks(c.Request().Context(), staff(c),
		casework.TaskFilter{Mine: v.Mine, Limit: perPage, Offset: v.Offset()})
	if err != nil {
		return err
	}
	if v.Reviews, err = s.desk.GlassWaiting(c.Request().Context(), staff(c)); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "tasks", view{Title: s.locale(c).T("tasks.title"), Body: v, Done: done(c)})
}
