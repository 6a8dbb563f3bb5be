package server

import (
	"html/template"
	"time"

	"throughline/casework"
	"throughline/internal/clock"
	"throughline/locale"
	"throughline/referral"
)

// grace is how long the clock may take over a step of its own before the step counts as late on a page.
const grace = time.Minute

// underway reports a step that the clock is carrying out at this moment. What a person is to do never is.
func underway(step casework.Step, now time.Time) bool {
	if step.Do == referral.EscalateTask || step.Do == referral.FinishDraft {
		return false
	}
	late := now.Sub(step.Due)
	return late >= 0 && late < grace
}

// stepDue is when a step is due. Of one that is underway it says so: nobody has to do anything, and nothing is late.
func stepDue(l *locale.Localizer, step casework.Step, zone *time.Location, c clock.Clock) template.HTML {
	if !underway(step, c.Now()) {
		return dueElement(l, step.Due, zone, c.Now())
	}
	key := "step.now"
	if step.Do == referral.Send {
		key += ".send"
	}
	return template.HTML(`<span class="due">` + template.HTMLEscapeString(l.T(key)) + `</span>`) // #nosec G203 -- the words are escaped
}
