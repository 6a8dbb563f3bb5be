package races

import (
	"fmt"
	"slices"
)

// What is done to the referral as a whole.

func (d *doing) open() {
	switch d.r.State {
	case "draft":
		d.r.State, d.r.Opened = "open", true
		d.line(Line{What: "open", From: "draft", To: "open"})
	case "closed":
		d.refuse("409 closed")
	}
}

func (d *doing) addOffer() {
	tried := slices.ContainsFunc(d.r.Offers, func(o Offer) bool {
		return o.Service == d.c.Service && o.State != "lapsed" && o.State != "withdrawn" && o.State != "in_error"
	})
	switch {
	case d.r.State == "closed":
		d.refuse("409 closed")
	case tried:
		d.refuse("400 service_ids")
	default:
		last := 0
		for _, o := range d.r.Offers {
			last = max(last, o.Rank)
		}
		d.queue(d.c.Service, last+1)
		d.agreed(d.c.Service, true)
		d.done("find_alternative", "")
	}
}

// queue puts a service in line, behind the others of its rank.
func (d *doing) queue(service string, rank int) {
	at := len(d.r.Offers)
	for i, o := range d.r.Offers {
		if o.Rank > rank {
			at = i
			break
		}
	}
	o := Offer{Name: fmt.Sprintf("o%d", len(d.r.Offers)+1), Service: service, Rank: rank, State: "queued", entered: d.r.Version}
	d.r.Offers = slices.Insert(d.r.Offers, at, o)
	d.line(Line{What: "add_offer", Offer: o.Name, To: "queued"})
}

// close ends a referral without the client's confirmation; evidence is who had said the same.
func (d *doing) close() {
	if d.r.State == "closed" {
		if d.r.Outcome != d.c.Outcome || d.r.Unmet != d.c.Unmet {
			d.refuse("409 closed")
		}
		return
	}
	agency := slices.ContainsFunc(d.r.Offers, func(o Offer) bool { return o.State == "outcome_reported" && o.Outcome == d.c.Outcome })
	evidence := "nobody"
	switch {
	case agency && d.c.Client:
		evidence = "both"
	case agency:
		evidence = "agency"
	case d.c.Client:
		evidence = "client"
	}
	d.finish(d.c.Outcome, d.c.Unmet, evidence, "met_elsewhere")
}

// confirm is the client's word that help came, or did not.
func (d *doing) confirm(o *Offer) {
	evidence := "client"
	if o.State == "outcome_reported" && o.Outcome == d.c.Outcome {
		evidence = "both"
	}
	d.done("check_on_client", o.Name)
	d.move(o, "confirmed", "confirm", d.c.Outcome)
	d.finish(d.c.Outcome, d.c.Unmet, evidence, "met_elsewhere")
}

// outcomes are what a referral closes with when it is taken back as a whole.
var outcomes = map[string]string{"moved": "moved", "consent_withdrawn": "declined_by_client", "other": "declined_by_client",
	"met_elsewhere": "met_elsewhere"}

func (d *doing) withdrawAll() {
	consent := d.c.Reason == "consent_withdrawn" && d.r.Opened
	if consent && !d.r.NoConsent {
		d.r.NoConsent = true
		d.line(Line{What: "consent_withdrawn"})
	}
	outcome := outcomes[d.c.Reason]
	if d.r.State == "closed" {
		if !consent && d.r.Outcome != outcome {
			d.refuse("409 closed")
		}
		return
	}
	evidence := "nobody"
	if d.c.Client || d.c.Reason == "consent_withdrawn" {
		evidence = "client"
	}
	d.finish(outcome, "", evidence, d.c.Reason)
}

// finish closes the referral and takes back what agencies still have of it.
func (d *doing) finish(outcome, unmet, evidence, reason string) {
	from := d.r.State
	d.r.State, d.r.Outcome, d.r.Unmet, d.r.Evidence = "closed", outcome, unmet, evidence
	for i := range d.r.Offers {
		if o := &d.r.Offers[i]; moves[o.State]["withdraw"] != "" {
			d.takeBack(o, reason)
		}
	}
	for i := range d.r.Tasks {
		if t := &d.r.Tasks[i]; t.State == "open" {
			t.State = "overtaken"
		}
	}
	d.line(Line{What: "close", From: from, To: "closed", Code: outcome})
}

// reassign hands a referral over, with every open task that is someone's own. A closed one keeps its owner.
func (d *doing) reassign(to string) {
	handed := false
	for i := range d.r.Tasks {
		if t := &d.r.Tasks[i]; t.State == "open" && t.Person != "" && t.Person != to {
			t.Person, handed = to, true
		}
	}
	switch {
	case d.r.State == "closed" && !handed:
		d.refuse("409 closed")
		return
	case d.r.Owner == to && !handed:
		return
	case d.r.State != "closed":
		d.r.Owner = to
	}
	d.line(Line{What: "reassign"})
}

// leave closes someone's account: what they had to do becomes the coordinator's, and they get nothing more.
func (r Referral) leave(c Call) Turn {
	d := r.begin(c)
	mine := r.Owner == c.Person && r.State != "closed"
	for _, t := range r.Tasks {
		mine = mine || (t.State == "open" && t.Person == c.Person)
	}
	if mine {
		d.reassign("cora")
	}
	t := d.end(r)
	if !slices.Contains(r.gone, c.Person) {
		t.After = t.After.clone()
		t.After.gone, t.left = append(t.After.gone, c.Person), true
	}
	t.Answers, t.Repeated = []string{"ok"}, false
	return t
}

// finishTask ends a task by hand: not a question, which wants an answer, nor a search that has found nobody.
func (d *doing) finishTask() {
	t := d.r.task(d.c.Task)
	found := slices.ContainsFunc(d.r.Offers, func(o Offer) bool { return o.has() || o.State == "waitlisted" || o.State == "queued" })
	switch {
	case t.State == "done":
		return
	case t.State == "overtaken":
		d.refuse("409 overtaken")
		return
	case t.Kind == "answer_agency", t.Kind == "find_alternative" && !found:
		d.refuse("400 task_id")
		return
	}
	t.State = "done"
	if o := d.r.Offer(t.Offer); o != nil && t.Kind == "call_agency" && o.taken() && d.r.State == "open" {
		o.waits++
		o.Escalated = false
	}
	d.line(Line{What: "finish_task", Offer: t.Offer, Task: t.Name, Code: t.Kind})
}
