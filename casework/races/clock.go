package races

import (
	"fmt"
	"slices"
)

// String is a duty in the words of an answer.
func (d Duty) String() string {
	return fmt.Sprintf("due %s %s %s %s", d.Do, d.Offer, d.Task, d.Kind)
}

func (d Duty) same(o Duty) bool { o.waits = d.waits; return d == o }

// Alarm says that a duty has come due by the passing of time, and that a while has passed.
func (r Referral) Alarm(d Duty) Referral {
	r = r.clone()
	d.waits = r.waitsOf(d)
	r.Due = &d
	for i := range r.Offers {
		r.Offers[i].NewLink = false
	}
	return r
}

func (r *Referral) waitsOf(d Duty) int {
	if d.Task != "" {
		return r.task(d.Task).Escalations
	}
	if o := r.Offer(d.Offer); o != nil {
		return o.waits
	}
	return 0
}

// duties are what the clock has to do at this moment, in no order.
func (r *Referral) duties() []Duty {
	if r.State != "open" {
		return nil
	}
	var list []Duty
	if d := r.Due; d != nil && d.waits == r.waitsOf(*d) && (d.Task == "" || r.task(d.Task).State == "open") {
		list = append(list, *d)
	}
	for _, o := range r.Offers {
		if o.State == "info_requested" && !o.answering {
			list = append(list, Duty{Do: "raise_task", Offer: o.Name, Kind: "answer_agency"})
		}
		if o.State == "contacting" && o.Attempts >= Attempts && !o.reaching {
			list = append(list, Duty{Do: "raise_task", Offer: o.Name, Kind: "reach_client"})
		}
	}
	if !slices.ContainsFunc(r.Offers, Offer.has) {
		list = append(list, r.moveOn()...)
	}
	return list
}

// Attempts is how often an agency tries to reach the client before the navigator helps, in the policy of the races.
const Attempts = 3

// moveOn is what happens when no agency has the referral: the next in line is asked; but after a yes that came to
// nothing a person looks first, and with nobody in line, or only a place on a waitlist, a person looks for another.
func (r *Referral) moveOn() []Duty {
	why, since := r.whyNobody()
	next := slices.IndexFunc(r.Offers, func(o Offer) bool { return o.State == "queued" })
	searching := r.openTask("find_alternative", "") != nil
	searched := searching || slices.ContainsFunc(r.Tasks, func(t Task) bool { return t.Kind == "find_alternative" && t.raised >= since })
	searched = searched && since > 0
	switch {
	case next >= 0 && (why != "failed" || (searched && !searching)):
		return []Duty{{Do: "send", Offer: r.Offers[next].Name}}
	case !searching && !searched:
		return []Duty{{Do: "raise_task", Kind: "find_alternative"}}
	}
	return nil
}

// whyNobody says why an agency is wanted, and since which version; 0 when only an agency ends the search.
func (r *Referral) whyNobody() (why string, since int) {
	why = "nobody_left"
	last := Offer{}
	for _, o := range r.Offers {
		if o.State == "waitlisted" {
			why, since = "waitlisted", o.entered
		}
		if o.over() && o.entered >= last.entered {
			last = o
		}
	}
	if why == "nobody_left" && last.State == "withdrawn" && last.Reason == "consent_withdrawn" {
		why = "consent_withdrawn"
	}
	if why == "nobody_left" && last.State == "failed" {
		why = "failed"
		if slices.ContainsFunc(r.Offers, func(o Offer) bool { return o.State == "queued" }) {
			since = last.entered
		}
	}
	return why, since
}

// next is what a worker may be told comes next.
func (r *Referral) next() []string {
	if r.State == "closed" {
		return []string{"none"}
	}
	duties := r.duties()
	if len(duties) == 0 {
		return []string{"later"}
	}
	answers := make([]string, len(duties))
	for i, d := range duties {
		answers[i] = d.String()
	}
	return answers
}

// byClock is a worker that carries out what it took to be due. What is not due any more is left alone; with two things
// due the clock does the one that came due first, which the model does not know.
func (r Referral) byClock(c Call) []Turn {
	left := Turn{After: r, Answers: r.next()}
	want := Duty{Do: c.Do, Offer: c.Offer, Task: c.Task, Kind: c.Kind}
	duties := r.duties()
	if c.Do == "look" || !slices.ContainsFunc(duties, want.same) {
		return []Turn{left}
	}
	d := r.begin(c)
	d.clock()
	done := d.end(r)
	done.Answers = done.After.next()
	if len(duties) == 1 {
		return []Turn{done}
	}
	return []Turn{done, left}
}

// clock does what is due.
func (d *doing) clock() {
	o := d.r.Offer(d.c.Offer)
	switch d.c.Do {
	case "send":
		d.move(o, "sent", "send", "")
		d.letter(o, "offer")
	case "lapse":
		d.move(o, "lapsed", "lapse", "")
	case "remind":
		o.Reminded = true
		o.waits++
		d.line(Line{What: "remind", Offer: o.Name})
		d.letter(o, "reminder")
	case "ask_agency":
		o.waits++
		d.line(Line{What: "ask_agency", Offer: o.Name, Code: o.State})
		d.letter(o, "ask")
	case "escalate":
		d.escalate(o)
	case "escalate_task":
		t := d.r.task(d.c.Task)
		hand(t)
		d.line(Line{What: "escalate_task", Offer: t.Offer, Task: t.Name, Code: t.Kind})
	case "raise_task":
		d.raiseTask(o)
	}
}

// escalate gives a silent agency to the coordinators, with the call that someone may have to make already.
func (d *doing) escalate(o *Offer) {
	o.Escalated = true
	o.waits++
	d.line(Line{What: "escalate", Offer: o.Name, Code: o.State})
	if t := d.r.openTask("call_agency", o.Name); t != nil {
		hand(t)
		return
	}
	d.raise("call_agency", o.Name, "coordinator", "")
}

func hand(t *Task) {
	t.Role, t.Person = "coordinator", ""
	t.Escalations++
}

func (d *doing) raiseTask(o *Offer) {
	role, person := "navigator", d.r.Owner
	switch d.c.Kind {
	case "answer_agency":
		o.answering = true
	case "reach_client":
		o.reaching = true
	case "check_on_client":
		o.waits++
	case "find_alternative":
		if why, _ := d.r.whyNobody(); why == "nobody_left" {
			role, person = "coordinator", ""
		}
	}
	d.raise(d.c.Kind, d.c.Offer, role, person)
}

func (d *doing) raise(kind, offer, role, person string) {
	t := Task{Name: fmt.Sprintf("t%d", len(d.r.Tasks)+1), Kind: kind, Offer: offer, State: "open", Role: role, Person: person, raised: d.r.Version}
	d.r.Tasks = append(d.r.Tasks, t)
	d.line(Line{What: "raise_task", Offer: offer, Task: t.Name, Code: kind})
}
