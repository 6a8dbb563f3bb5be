package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"throughline/casework"
)

// apiTasks answers GET /tasks: open tasks, the next due first.
func (s *Server) apiTasks(c echo.Context) error {
	w, err := windowOf(c)
	if err != nil {
		return err
	}
	mine, err := yesNo(c, "mine")
	if err != nil {
		return err
	}
	tasks, total, err := s.desk.Tasks(c.Request().Context(), apiActor(c), casework.TaskFilter{Mine: mine, Limit: w.limit, Offset: w.offset})
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, w.of(tasks, total))
}

// queued is a referral of the queue. A closed one has no step: null, as in the referral itself.
type queued struct {
	casework.QueueItem
	Step *casework.Step `json:"step"`
}

// apiQueue answers GET /queue: open referrals, the most pressing first, or closed ones.
func (s *Server) apiQueue(c echo.Context) error {
	w, err := windowOf(c)
	if err != nil {
		return err
	}
	f := casework.QueueFilter{Limit: w.limit, Offset: w.offset}
	if f.Owner, err = queryID(c, "owner"); err != nil {
		return err
	}
	if f.Closed, err = yesNo(c, "closed"); err != nil {
		return err
	}
	found, total, err := s.desk.Queue(c.Request().Context(), apiActor(c), f)
	if err != nil {
		return err
	}
	items := make([]queued, len(found))
	for i := range found {
		items[i].QueueItem = found[i]
		if found[i].Step.Do != "" {
			items[i].Step = &found[i].Step
		}
	}
	return answer(c, http.StatusOK, w.of(items, total))
}
