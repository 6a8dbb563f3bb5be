package referral

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Actor is who asks for a change.
type Actor struct {
	Role Role
	ID   uuid.UUID // account; nil UUID for the clock and for an agency's link
	// For is the role on whose word staff act: an agency that answered by phone, a client who called back.
	For Role
}

// as is the role whose permission counts.
func (a Actor) as() Role {
	if a.Role.Staff() && (a.For == Agency || a.For == Client) {
		return a.For
	}
	return a.Role
}

// NewOffer is a service to be asked, in the order the client agreed to.
type NewOffer struct {
	ID, Service uuid.UUID
	Calendar    Calendar
}

// Command is one thing that someone asks to be done to a referral. Do says which; the rest depends on it.
type Command struct {
	Do       Name
	Offer    uuid.UUID
	Task     uuid.UUID
	TaskKind TaskKind
	Reason   string // of decline, fail, withdraw, resend; cause of raise_task
	Outcome  string // of report_outcome, confirm, close
	Unmet    string // reason, when the outcome is unmet
	At       time.Time
	Person   uuid.UUID  // of reassign
	Offers   []NewOffer // of add_offer, and of mark_in_error when the agency is to be asked afresh
	Consent  *Consent   // the client's yes, of open, add_offer and agree
	Groups   []Group    // of withdraw_consent; none: all
	// NoAddress says that the agency has no email address, so that a letter becomes a phone call.
	NoAddress bool
}

// Letter is a message to an agency that a change calls for.
type Letter string

// Letters, named as package mail names them.
const (
	OfferLetter     Letter = "offer"
	ReminderLetter  Letter = "reminder"
	AskLetter       Letter = "ask"
	AnsweredLetter  Letter = "answered"
	ReceiptLetter   Letter = "receipt"
	WithdrawnLetter Letter = "withdrawn"
	NarrowedLetter  Letter = "narrowed"
	NewLinkLetter   Letter = "link"
)

// WantsAnswer reports a letter that asks something of the agency. The others only say what has happened, and what
// becomes of them holds no referral up.
func (l Letter) WantsAnswer() bool {
	return l != ReceiptLetter && l != WithdrawnLetter && l != NarrowedLetter
}

// Event is one line of the timeline.
type Event struct {
	What  Name
	Offer uuid.UUID
	Task  uuid.UUID
	From  string
	To    string
	Code  string // reason, outcome, task kind
	Of    Attribution
}

// Post is a letter to the agency of an offer.
type Post struct {
	Offer  uuid.UUID
	Letter Letter
	Again  string // why it is sent again; "" the first time
}

// Change is what a command makes of the facts. With no events nothing changed: the command had been carried out
// before, and asking again is answered alike.
type Change struct {
	Facts  Facts
	Events []Event
	Posts  []Post
}

// Repeated reports that the command changed nothing.
func (c Change) Repeated() bool { return len(c.Events) == 0 }

// Decide carries a command out on the facts, or says why it can't be: invalid (a field is wrong), forbidden (not this
// role's to do), not_found (no such offer or task), conflict (not in this state; Outcome names the state).
func Decide(f Facts, c Command, who Actor, p Policy, now time.Time) (Change, error) {
	rule, ok := rules[c.Do]
	if !ok {
		return Change{}, Invalid("command", "is not known")
	}
	d := &decision{Change: Change{Facts: f.clone()}, c: c, who: who, p: p, now: now}
	d.Facts.Version++
	if err := rule(d); err != nil {
		return Change{}, err
	}
	if d.Repeated() {
		d.Facts.Version--
	}
	return d.Change, nil
}

// rules says how each command is carried out.
var rules = map[Name]func(*decision) error{
	Accept: (*decision).accept, Decline: (*decision).decline, Ask: (*decision).ask, Waitlist: (*decision).waitlist,
	Contact: (*decision).contact, Schedule: (*decision).schedule, StartService: (*decision).plain,
	Continue: (*decision).plain, ReportOutcome: (*decision).reportOutcome, Fail: (*decision).fail,
	OpenDraft: (*decision).open, Answer: (*decision).answer, Confirm: (*decision).confirm, Dispute: (*decision).dispute,
	Withdraw: (*decision).withdraw, MarkInError: (*decision).markInError, AddOffer: (*decision).addOffer,
	Close: (*decision).close, Reassign: (*decision).reassign, FinishTask: (*decision).finishTask,
	Send: (*decision).send, PassOver: (*decision).passOver, Remind: (*decision).remind, Escalate: (*decision).escalate, Lapse: (*decision).lapse,
	AskAgency: (*decision).askAgency, RaiseTask: (*decision).raiseTask, EscalateTask: (*decision).escalateTask,
	Undelivered: (*decision).undelivered, Delivered: (*decision).delivered, Arrived: (*decision).arrived,
	Resend: (*decision).resend, Agree: (*decision).agree, WithdrawConsent: (*decision).withdrawConsent,
}

// CommandNames lists every command, sorted.
func CommandNames() []Name {
	var names []Name
	for n := range rules {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// decision is a command at work.
type decision struct {
	Change
	c   Command
	who Actor
	p   Policy
	now time.Time
}

func (d *decision) pace() Pace { return d.p.Pace(d.Facts.Urgency) }

// allow refuses a role that the line of the graph does not name.
func (d *decision) allow(roles []Role) error {
	if slices.Contains(roles, d.who.as()) {
		return nil
	}
	return &Error{Code: CodeForbidden, Message: fmt.Sprintf("%s is not for the %s to do", d.c.Do, d.who.as())}
}

// conflict tells the loser what became of the referral or the offer instead.
func conflict(outcome string) error {
	return &Error{Code: CodeConflict, Outcome: outcome, Message: "this is already " + outcome}
}

// mustBeOpen refuses a command on a draft or on a closed referral.
func (d *decision) mustBeOpen() error {
	if d.Facts.State != Open {
		return conflict(string(d.Facts.State))
	}
	return nil
}

// target finds the command's offer and the line of the graph that moves it. A nil offer without error means that the
// offer is there already by the same command, so there is nothing to do.
func (d *decision) target(same func(*Offer) bool) (*Offer, Transition, error) {
	o := d.Facts.offer(d.c.Offer)
	if o == nil {
		return nil, Transition{}, &Error{Code: CodeNotFound, Field: "offer_id", Message: "offer not found"}
	}
	if err := d.allow(rolesOf(d.c.Do)); err != nil {
		return nil, Transition{}, err
	}
	if same != nil && same(o) {
		return nil, Transition{}, nil
	}
	t, ok := find(d.c.Do, o.State)
	if !ok {
		return nil, Transition{}, conflict(string(o.State))
	}
	if d.Facts.State != Open && d.c.Do != MarkInError && d.c.Do != Withdraw {
		return nil, Transition{}, conflict(string(d.Facts.State))
	}
	return o, t, nil
}

// holder is the offer, other than this one, whose agency has the referral now; nil when none has.
func (d *decision) holder(but uuid.UUID) *Offer {
	for i := range d.Facts.Offers {
		if o := &d.Facts.Offers[i]; o.ID != but && o.State.holds() {
			return o
		}
	}
	return nil
}

func rolesOf(do Name) []Role {
	for _, t := range Transitions {
		if t.Do == do {
			return t.By
		}
	}
	return nil
}

// in makes a test for target: the offer is already in this state.
func in(s OfferState) func(*Offer) bool { return func(o *Offer) bool { return o.State == s } }

// move takes an offer along a line of the graph and begins its clocks anew.
func (d *decision) move(o *Offer, t Transition, code string, of Attribution) {
	if t.Via != "" {
		d.enter(o, t.Via, Accept, "", "")
	}
	d.enter(o, t.To, t.Do, code, of)
}

func (d *decision) enter(o *Offer, to OfferState, do Name, code string, of Attribution) {
	d.Events = append(d.Events, Event{What: do, Offer: o.ID, From: string(o.State), To: string(to), Code: code, Of: of})
	if o.State != to {
		o.State, o.Entered = to, d.now
	}
	o.News, o.Asked, o.Asks = d.now, time.Time{}, 0
	if !to.Awaiting() {
		o.Escalated = time.Time{}
	}
	d.overtake(o)
}

// overtake ends the tasks that an answer has made needless. A further question leaves the first one to be answered, a
// further attempt leaves the client to be reached, and an agency that has said yes ends the search for another.
func (d *decision) overtake(o *Offer) {
	for i := range d.Facts.Tasks {
		t := &d.Facts.Tasks[i]
		if t.State != TaskOpen {
			continue
		}
		needless := t.Offer == o.ID
		switch t.Kind {
		case AnswerAgency:
			needless = needless && o.State != InfoRequested
		case ReachClient:
			needless = needless && o.State != Contacting
		case FindAlternative:
			needless = o.State == Accepted
		}
		if needless {
			t.State, t.Done = TaskOvertaken, d.now
		}
	}
}

// post asks for a letter to the offer's agency. Letters that want an answer become the offer's mail.
func (d *decision) post(o *Offer, l Letter) {
	d.Posts = append(d.Posts, Post{Offer: o.ID, Letter: l})
	if !l.WantsAnswer() {
		return
	}
	d.mailed(o, l)
}

// mailed makes a letter that is to go out the offer's mail.
func (d *decision) mailed(o *Offer, l Letter) {
	o.Mail = Mail{Letter: l, State: MailPending, Since: d.now}
	if d.c.NoAddress {
		o.Mail.State = MailFailed
	}
}

// receipt tells the agency's registered address what was decided with its link.
func (d *decision) receipt(o *Offer) {
	if d.who.Role == Agency {
		d.post(o, ReceiptLetter)
	}
}

// raise makes a task. Its id follows from the referral and its version, so that deciding twice makes the same task. What
// would be an owner's who has left is the coordinators'.
func (d *decision) raise(kind TaskKind, offer uuid.UUID, cause string, role Role, assignee uuid.UUID) {
	if d.Facts.OwnerLeft && assignee == d.Facts.Owner {
		role, assignee = Coordinator, nobody
	}
	seed := fmt.Sprintf("%s/%d/%s/%s", d.Facts.ID, d.Facts.Version, kind, offer)
	t := Task{ID: uuid.NewSHA1(d.Facts.ID, []byte(seed)), Kind: kind, Offer: offer, Cause: cause, State: TaskOpen,
		Role: role, Assignee: assignee, Created: d.now, Due: d.taskDue(kind)}
	d.Facts.Tasks = append(d.Facts.Tasks, t)
	d.Events = append(d.Events, Event{What: RaiseTask, Offer: offer, Task: t.ID, Code: string(kind)})
}

func (d *decision) taskDue(kind TaskKind) time.Time {
	wait := d.pace().TaskDue
	if kind == AnswerAgency {
		wait = d.pace().AnswerAgency
	}
	return wait.From(d.now, d.Facts.Helpline)
}

// finish ends the open tasks of a kind that the command has carried out.
func (d *decision) finish(kind TaskKind, offer uuid.UUID) {
	for i := range d.Facts.Tasks {
		t := &d.Facts.Tasks[i]
		if t.State == TaskOpen && t.Kind == kind && t.Offer == offer {
			t.State, t.Done = TaskDone, d.now
		}
	}
}
