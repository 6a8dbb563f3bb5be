package referral

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Facts are what the rules need to know of one referral. They hold no personal data.
type Facts struct {
	ID        uuid.UUID
	State     State
	Urgency   Urgency
	Outcome   string
	Unmet     string
	Evidence  Evidence
	Version   int
	Owner     uuid.UUID // the navigator accountable for it
	OwnerLeft bool      // whose account has been closed since; only a closed referral keeps such an owner
	Created   time.Time
	Opened    time.Time // zero while a draft
	Closed    time.Time // zero until closed
	Withdrawn time.Time // when the client withdrew consent, after which no agency sees anything of it; zero: not
	Consents  []Consent // what the client said on who may know what, oldest first
	Offers    []Offer   // by rank
	Tasks     []Task    // all of them, done ones too, oldest first
	Helpline  Calendar  // the helpline's own business calendar
}

// Offer is one agency's turn.
type Offer struct {
	ID, Service uuid.UUID
	Rank        int
	State       OfferState
	Reason      string // code of decline, fail or withdrawal
	Outcome     string // what the agency reported
	Entered     time.Time
	Sent        time.Time     // when it first went out; zero: never
	Paused      time.Duration // how long questions stopped the agency's clock: open time if its waits are business days
	Reminded    time.Time     // zero: not since the offer was sent
	Escalated   time.Time     // zero: not since the agency's last word
	News        time.Time     // the agency's last word
	Asked       time.Time     // when we last asked how it goes; zero: not in this state
	Asks        int           // how often in this state
	Attempts    int           // the agency's attempts to reach the client
	Visit       time.Time     // appointment; zero: none
	Mail        Mail          // the latest message to the agency about this offer
	Calendar    Calendar      // the agency's hours and zone
}

// MailState is what became of a message, as far as the rules care.
type MailState string

// Mail states. The first is the zero value: nothing was to be mailed.
const (
	MailNone      MailState = ""
	MailPending   MailState = "pending"   // not handed over yet
	MailAccepted  MailState = "accepted"  // the provider has it, and says nothing more of it
	MailUnheard   MailState = "unheard"   // the provider has it and will say what becomes of it, but has not yet
	MailDeferred  MailState = "deferred"  // the agency's mail server puts it off; the provider goes on trying
	MailDelivered MailState = "delivered" // the agency's mail server took it: a hint, for nobody need have read it
	MailFailed    MailState = "failed"    // refused, bounced, or there is no address
	MailUnknown   MailState = "unknown"   // ambiguous: it may or may not have gone out
)

// Mail is the latest message of an offer that wants an answer.
type Mail struct {
	Letter Letter
	State  MailState
	Since  time.Time // when that state became news
	// Out is since when nothing final has been heard, though it should be; zero when nothing is expected, or someone has
	// been asked to call since. Of letters that went unheard one after the other it is the first's: a reminder does not
	// begin the wait anew.
	Out time.Time
}

// TaskKind is a kind of work for a human.
type TaskKind string

// Task kinds.
const (
	CallAgency      TaskKind = "call_agency"
	AnswerAgency    TaskKind = "answer_agency"
	ReachClient     TaskKind = "reach_client"
	FindAlternative TaskKind = "find_alternative"
	CheckOnClient   TaskKind = "check_on_client"
	AskConsent      TaskKind = "ask_consent" // what the client agreed to runs out, or has
	TakeOver        TaskKind = "take_over"   // what was due could not be done: a coordinator carries on by hand
)

// TaskKinds lists them.
var TaskKinds = []TaskKind{CallAgency, AnswerAgency, ReachClient, FindAlternative, CheckOnClient, AskConsent, TakeOver}

// TaskState is where a task stands.
type TaskState string

// Task states. A task is overtaken when what it was for has happened without it.
const (
	TaskOpen      TaskState = "open"
	TaskDone      TaskState = "done"
	TaskOvertaken TaskState = "overtaken"
)

// Task is work for a human, with a due time and someone accountable.
type Task struct {
	ID          uuid.UUID
	Kind        TaskKind
	Offer       uuid.UUID // nil when it is about the referral as a whole
	Cause       string    // why it was raised: a step or mail code
	State       TaskState
	Role        Role
	Assignee    uuid.UUID // nil: anyone of the role
	Created     time.Time
	Due         time.Time
	Done        time.Time
	Escalations int
}

// clone copies what Decide may change.
func (f Facts) clone() Facts {
	f.Consents = slices.Clone(f.Consents)
	f.Offers = slices.Clone(f.Offers)
	f.Tasks = slices.Clone(f.Tasks)
	return f
}

// offer finds an offer by id; nil when it is not of this referral.
func (f *Facts) offer(id uuid.UUID) *Offer {
	for i := range f.Offers {
		if f.Offers[i].ID == id {
			return &f.Offers[i]
		}
	}
	return nil
}

func (f *Facts) task(id uuid.UUID) *Task {
	for i := range f.Tasks {
		if f.Tasks[i].ID == id {
			return &f.Tasks[i]
		}
	}
	return nil
}

// raisedSince reports a task of this kind about this offer, open or done, that is not older than t.
func (f Facts) raisedSince(kind TaskKind, offer uuid.UUID, t time.Time) bool {
	return slices.ContainsFunc(f.Tasks, func(k Task) bool {
		return k.Kind == kind && k.Offer == offer && (k.State == TaskOpen || !k.Created.Before(t))
	})
}

// openTask reports an open task of this kind about this offer.
func (f Facts) openTask(kind TaskKind, offer uuid.UUID) bool {
	return slices.ContainsFunc(f.Tasks, func(k Task) bool {
		return k.Kind == kind && k.Offer == offer && k.State == TaskOpen
	})
}

// nextQueued is the offer whose turn comes next; nil when none waits.
func (f *Facts) nextQueued() *Offer {
	for i := range f.Offers {
		if f.Offers[i].State == Queued {
			return &f.Offers[i]
		}
	}
	return nil
}

// queued are the services that wait for their turn.
func (f *Facts) queued() []uuid.UUID {
	var ids []uuid.UUID
	for _, o := range f.Offers {
		if o.State == Queued {
			ids = append(ids, o.Service)
		}
	}
	return ids
}

// held reports that an agency has the referral now, so that nobody else is asked.
func (f *Facts) held() bool {
	return slices.ContainsFunc(f.Offers, func(o Offer) bool { return o.State.holds() })
}

// Turn is the offer whose turn it is: the one that holds back the others, else the one that moved last; while none has
// moved, the first. Nil without offers.
func (f Facts) Turn() *Offer {
	var turn *Offer
	for i := range f.Offers {
		o := &f.Offers[i]
		switch {
		case o.State.holds():
			return o
		case turn == nil, o.State != Queued && (turn.State == Queued || o.Entered.After(turn.Entered)):
			turn = o
		}
	}
	return turn
}

// live reports that some agency has it, or has a place for it on a waitlist.
func (f *Facts) live() bool {
	return slices.ContainsFunc(f.Offers, func(o Offer) bool { return o.State.holds() || o.State == Waitlisted })
}

// strict decodes JSON refusing unknown fields and anything after the document.
func strict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return &Error{Code: CodeMalformed, Message: "more than one document"}
	}
	return nil
}
