package referral

import (
	"time"

	"github.com/google/uuid"
)

// Step is the next thing that must happen to a referral. Until Due someone may make it needless; at Due the clock does
// what Do says: it sends, reminds, escalates, moves on. A task of a person is a step too: Do is EscalateTask, and its
// due time is the person's.
type Step struct {
	Do       Name      `json:"do"`
	Offer    uuid.UUID `json:"offer"`     // nil UUID when it is about the referral as a whole
	Task     uuid.UUID `json:"task"`      // of EscalateTask
	TaskKind TaskKind  `json:"task_kind"` // of RaiseTask and EscalateTask
	Cause    string    `json:"cause"`     // why a task is raised
	Due      time.Time `json:"due"`
	Role     Role      `json:"role"`   // who is accountable
	Person   uuid.UUID `json:"person"` // nil UUID: anyone of the role
}

// None reports that nothing is left to happen: the referral is closed.
func (s Step) None() bool { return s.Do == "" }

// Same reports the same step apart from its due time, so that a step decided a moment ago can be recognised.
func (s Step) Same(o Step) bool {
	return s.Do == o.Do && s.Offer == o.Offer && s.Task == o.Task && s.TaskKind == o.TaskKind
}

// FinishDraft is the step of a draft. The clock does not run it: a draft has no workflow, and shows as overdue.
const FinishDraft Name = "finish_draft"

// Next gives the one step that comes next: of all that could happen to the referral, what is due first. An open or
// draft referral always has one; a closed referral never has.
func Next(f Facts, p Policy, now time.Time) Step {
	pace := p.Pace(f.Urgency)
	switch f.State {
	case Closed:
		return Step{}
	case Draft:
		return Step{Do: FinishDraft, Due: pace.FinishDraft.From(f.Created, f.Helpline), Role: Navigator, Person: f.Owner}
	}
	n := next{f: f, p: p, pace: pace, now: now}
	for _, o := range f.Offers {
		n.offer(o)
	}
	n.referral()
	n.tasks()
	return n.first
}

// next gathers what could happen and keeps what is due first; of two due together, what was found first.
type next struct {
	f     Facts
	p     Policy
	pace  Pace
	now   time.Time
	first Step
}

func (n *next) add(s Step) {
	if s.Role == "" {
		s.Role, s.Person = Navigator, n.f.Owner
	}
	if n.first.None() || s.Due.Before(n.first.Due) {
		n.first = s
	}
}

func (n *next) raise(kind TaskKind, offer uuid.UUID, cause string, due time.Time) {
	n.add(Step{Do: RaiseTask, TaskKind: kind, Offer: offer, Cause: cause, Due: due})
}

func (n *next) offer(o Offer) {
	if (o.State == Queued || o.State.Awaiting() || o.State.Taken()) && !n.consent(o) {
		return
	}
	switch o.State {
	case Sent, InfoRequested:
		n.mail(o)
		n.awaiting(o)
	case Accepted:
		n.mail(o)
		n.checkIn(o, o.Entered, n.pace.FirstContact, n.pace.FirstContact)
	case Contacting:
		n.mail(o)
		if o.Attempts >= n.pace.ContactAttempts && !n.f.raisedSince(ReachClient, o.ID, o.Entered) {
			n.raise(ReachClient, o.ID, "contact_attempts", o.News)
		}
		n.checkIn(o, o.Entered, n.pace.Contacting, n.pace.Contacting)
	case Scheduled:
		n.mail(o)
		n.checkIn(o, later(o.Visit, o.Entered), n.pace.AfterVisit, n.pace.FirstContact)
	case InService:
		n.mail(o)
		n.checkIn(o, o.Entered, n.pace.InServiceFirst, n.pace.InServiceThen)
	case Waitlisted:
		n.mail(o)
		n.checkIn(o, o.Entered, n.pace.WaitlistRecheck, n.pace.WaitlistRecheck)
	case OutcomeReported:
		n.askClient(o)
	}
}

// mail turns a message into a phone call (I8): at once when it did not arrive, and after a while when it may not have,
// when it is put off again and again, or when nobody says what became of it.
func (n *next) mail(o Offer) {
	since, due := o.Mail.Since, o.Mail.Since
	switch o.Mail.State {
	case MailFailed:
	case MailPending, MailUnknown:
		due = n.pace.Unsent.From(o.Mail.Since, o.Calendar)
	case MailDeferred:
		due = n.pace.Deferred.From(o.Mail.Since, o.Calendar)
		// News of a deferral that was long on its way does not put the call off.
		if unheard := n.pace.Unheard.From(o.Mail.Out, o.Calendar); !o.Mail.Out.IsZero() && unheard.Before(due) {
			due = unheard
		}
	case MailUnheard:
		if o.Mail.Out.IsZero() {
			return
		}
		since, due = o.Mail.Out, n.pace.Unheard.From(o.Mail.Out, o.Calendar)
	default:
		return
	}
	if n.f.raisedSince(CallAgency, o.ID, since) {
		return
	}
	n.raise(CallAgency, o.ID, "mail_"+string(o.Mail.State), due)
}

// awaiting reminds, escalates and lapses an offer that the agency does not answer. While its question waits for us the
// agency is not chased, and its clock stands still as long as the cap allows.
func (n *next) awaiting(o Offer) {
	if o.State == InfoRequested {
		if !n.f.raisedSince(AnswerAgency, o.ID, o.Entered) {
			n.raise(AnswerAgency, o.ID, "asked", o.Entered)
		}
		lapse := o.due(n.pace.Lapse)
		capped := n.pace.PauseCap.From(later(lapse, o.Entered), o.Calendar)
		n.add(Step{Do: Lapse, Offer: o.ID, Due: capped})
		return
	}
	step, wait := Step{Do: Remind, Offer: o.ID}, n.pace.Remind
	switch {
	case !o.Escalated.IsZero():
		step.Do, step.Role, wait = Lapse, Coordinator, n.pace.Lapse
	case !o.Reminded.IsZero():
		step.Do, wait = Escalate, n.pace.Escalate
	}
	step.Due = later(o.due(wait), o.fair(n.pace))
	n.add(step)
}

// fair is the least an agency gets after our own last word, be it the offer, an answer that took us long, or the call
// of a coordinator after an outage: it is not chased for a delay of ours.
func (o Offer) fair(p Pace) time.Time {
	return p.Remind.From(later(o.Entered, o.Escalated), o.Calendar)
}

// due is when a wait that began as the offer went out is over, given back the time that questions took, on the clock
// that the wait is counted on.
func (o Offer) due(w Wait) time.Time {
	due := w.From(o.Sent, o.Calendar)
	switch {
	case o.Paused == 0:
		return due
	case w.business():
		return o.Calendar.AddOpen(due, o.Paused)
	}
	return due.Add(o.Paused)
}

// ReplyBy is when an offer lapses if its agency stays silent; zero when no answer is awaited.
func ReplyBy(o Offer, u Urgency, p Policy) time.Time {
	if !o.State.Awaiting() {
		return time.Time{}
	}
	return later(o.due(p.Pace(u).Lapse), o.fair(p.Pace(u)))
}

// checkIn asks an agency that has taken the referral how it goes: first some time after since, then again after each
// word. If it stays silent a coordinator calls, and we ask ever more seldom.
func (n *next) checkIn(o Offer, since time.Time, first, again Wait) {
	switch {
	case o.Asks == 0:
		due := first.From(since, o.Calendar)
		if o.News.After(since) {
			due = again.From(o.News, o.Calendar)
		}
		n.add(Step{Do: AskAgency, Offer: o.ID, Due: due})
	case o.Escalated.IsZero():
		n.add(Step{Do: Escalate, Offer: o.ID, Due: n.pace.AskGrace.From(o.Asked, o.Calendar)})
	default:
		n.add(Step{Do: AskAgency, Offer: o.ID, Due: again.doubled(o.Asks).From(o.Asked, o.Calendar), Role: Coordinator})
	}
}

// askClient has a navigator ask the client whether help came, and again while nobody reached the client.
func (n *next) askClient(o Offer) {
	begin := o.Entered
	for _, t := range n.f.Tasks {
		if t.Kind != CheckOnClient || t.Offer != o.ID {
			continue
		}
		if t.State == TaskOpen {
			return
		}
		begin = later(begin, t.Done)
	}
	n.raise(CheckOnClient, o.ID, "outcome_reported", n.pace.AskClient.From(begin, n.f.Helpline))
}

// referral moves on when no agency has the referral: the next in rank, else someone must find one.
func (n *next) referral() {
	if n.f.held() {
		return
	}
	cause, since := n.whyNobody()
	searching := n.f.openTask(FindAlternative, uuid.Nil)
	searched := !since.IsZero() && n.f.raisedSince(FindAlternative, uuid.Nil, since)
	queued := n.f.nextAgreed(n.now)
	if queued == nil && n.f.nextQueued() != nil {
		return // the client is asked again first
	}
	switch {
	// Help that failed after a yes goes back to the navigator, who may send it on: something was misjudged.
	case queued != nil && (cause != "failed" || (searched && !searching)):
		n.add(Step{Do: Send, Offer: queued.ID, Due: n.atOnce()})
	case !searching && !searched:
		n.raise(FindAlternative, uuid.Nil, cause, n.atOnce())
	}
}

// atOnce is when what is to happen without delay fell due: at the last change, never after now. A due time of now would
// move on each time it is asked for, and seem not to have come yet to whoever asks with an older clock.
func (n *next) atOnce() time.Time {
	since := later(n.f.Created, n.f.Opened)
	for _, o := range n.f.Offers {
		since = later(since, o.Entered)
	}
	for _, t := range n.f.Tasks {
		since = later(since, later(t.Created, t.Done))
	}
	if since.After(n.now) {
		return n.now
	}
	return since
}

// whyNobody says why an agency is wanted. A search begun since then is not begun again when it is done; since is zero
// when a search can't be done without an agency found.
func (n *next) whyNobody() (cause string, since time.Time) {
	cause = "nobody_left"
	var last Offer
	for _, o := range n.f.Offers {
		if o.State.Ended() && !o.Entered.Before(last.Entered) {
			last = o
		}
		if o.State == Waitlisted {
			// An alternative is sought once per place on a waitlist: the client may choose to wait.
			cause, since = "waitlisted", o.Entered
		}
	}
	if cause == "nobody_left" && last.State == Withdrawn && last.Reason == consentWithdrawn {
		cause = consentWithdrawn
	}
	if cause == "nobody_left" && last.State == Failed {
		cause = "failed"
		if n.f.nextQueued() != nil {
			since = last.Entered
		}
	}
	return cause, since
}

func (n *next) tasks() {
	for _, t := range n.f.Tasks {
		if t.State == TaskOpen {
			n.add(Step{Do: EscalateTask, Task: t.ID, TaskKind: t.Kind, Offer: t.Offer, Due: t.Due, Role: t.Role, Person: t.Assignee})
		}
	}
}
