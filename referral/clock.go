package referral

import "github.com/google/uuid"

// nobody in particular: anyone of the role.
var nobody = uuid.Nil

// What the clock does, by policy. Each is what Next names, when it is due; done twice, the second time does nothing.

// ByClock reports a command that only the clock gives, or the mail provider.
func (n Name) ByClock() bool {
	switch n {
	case Send, PassOver, Remind, Escalate, Lapse, AskAgency, RaiseTask, EscalateTask, Undelivered, Delivered:
		return true
	}
	return false
}

// CommandOf turns a step into the command that carries it out.
func (s Step) CommandOf() Command {
	return Command{Do: s.Do, Offer: s.Offer, Task: s.Task, TaskKind: s.TaskKind, Reason: s.Cause}
}

func (d *decision) clockOnly() error {
	if err := d.allow([]Role{System}); err != nil {
		return err
	}
	return d.mustBeOpen()
}

func (d *decision) send() error {
	o, t, err := d.target(in(Sent))
	if o == nil {
		return err
	}
	// One agency at a time: the client must not be called by two.
	if other := d.holder(o.ID); other != nil {
		return conflict(string(other.State))
	}
	if err := d.agreed(o, NeedGroup, ""); err != nil {
		return err
	}
	o.Sent = d.now
	d.move(o, t, "", "")
	d.post(o, OfferLetter)
	return nil
}

func (d *decision) passOver() error {
	o, t, err := d.target(in(Withdrawn))
	if o == nil {
		return err
	}
	o.Reason = ServiceClosed.Code
	d.move(o, t, o.Reason, ServiceClosed.Of)
	return nil
}

func (d *decision) remind() error {
	o, err := d.awaiting()
	if err != nil || !o.Reminded.IsZero() {
		return err
	}
	if err := d.agreed(o, NeedGroup, ""); err != nil {
		return err
	}
	o.Reminded = d.now
	d.Events = append(d.Events, Event{What: Remind, Offer: o.ID})
	d.post(o, ReminderLetter)
	return nil
}

// awaiting is the command's offer while its agency has not answered.
func (d *decision) awaiting() (*Offer, error) {
	if err := d.clockOnly(); err != nil {
		return nil, err
	}
	o := d.Facts.offer(d.c.Offer)
	if o == nil {
		return nil, NotFound("offer")
	}
	if o.State != Sent {
		return nil, conflict(string(o.State))
	}
	return o, nil
}

// escalate gives a silent agency to a coordinator, who calls.
func (d *decision) escalate() error {
	if err := d.clockOnly(); err != nil {
		return err
	}
	o := d.Facts.offer(d.c.Offer)
	if o == nil {
		return NotFound("offer")
	}
	if o.State != Sent && !o.State.Taken() {
		return conflict(string(o.State))
	}
	if !o.Escalated.IsZero() {
		return nil
	}
	o.Escalated = d.now
	d.Events = append(d.Events, Event{What: Escalate, Offer: o.ID, Code: string(o.State)})
	for i := range d.Facts.Tasks {
		if t := &d.Facts.Tasks[i]; t.State == TaskOpen && t.Kind == CallAgency && t.Offer == o.ID {
			d.hand(t)
			return nil
		}
	}
	d.raise(CallAgency, o.ID, silence, Coordinator, nobody)
	return nil
}

func (d *decision) lapse() error {
	o, t, err := d.target(in(Lapsed))
	if o == nil {
		return err
	}
	d.move(o, t, "", OfSystem)
	return nil
}

func (d *decision) askAgency() error {
	if err := d.clockOnly(); err != nil {
		return err
	}
	o := d.Facts.offer(d.c.Offer)
	if o == nil {
		return NotFound("offer")
	}
	if !o.State.Taken() {
		return conflict(string(o.State))
	}
	if o.Asks > 0 && o.Escalated.IsZero() {
		return nil
	}
	if err := d.agreed(o, NeedGroup, ""); err != nil {
		return err
	}
	o.Asked = d.now
	o.Asks++
	d.Events = append(d.Events, Event{What: AskAgency, Offer: o.ID, Code: string(o.State)})
	d.post(o, AskLetter)
	return nil
}

// RaisedFor is whose a task is at first. Silence, nobody left to ask, and what the clock can't do, is the coordinator's;
// the rest is the navigator's.
func RaisedFor(kind TaskKind, cause string) Role {
	if kind == TakeOver || cause == silence || (kind == FindAlternative && cause == "nobody_left") {
		return Coordinator
	}
	return Navigator
}

const silence = "silence" // why an agency is called

// raiseTask makes the task that the step names.
func (d *decision) raiseTask() error {
	if err := d.clockOnly(); err != nil {
		return err
	}
	if d.Facts.openTask(d.c.TaskKind, d.c.Offer) {
		return nil
	}
	role, person := RaisedFor(d.c.TaskKind, d.c.Reason), d.Facts.Owner
	if role == Coordinator {
		person = nobody
	}
	d.raise(d.c.TaskKind, d.c.Offer, d.c.Reason, role, person)
	return nil
}

// escalateTask hands an overdue task to the coordinators; one that is theirs already is called out again.
func (d *decision) escalateTask() error {
	if err := d.clockOnly(); err != nil {
		return err
	}
	t := d.Facts.task(d.c.Task)
	if t == nil {
		return NotFound("task")
	}
	if t.State != TaskOpen {
		return conflict(string(t.State))
	}
	if t.Due.After(d.now) {
		return nil
	}
	d.hand(t)
	d.Events = append(d.Events, Event{What: EscalateTask, Offer: t.Offer, Task: t.ID, Code: string(t.Kind)})
	return nil
}

// hand gives a task to the coordinators with a new due time, further off each time nobody took it up.
func (d *decision) hand(t *Task) {
	t.Escalations++
	t.Role, t.Assignee = Coordinator, nobody
	t.Due = d.pace().EscalateAgain.doubled(t.Escalations).From(d.now, d.Facts.Helpline)
}
