package races

// moves is DESIGN's table: from each state of an offer, where each command leads.
var moves = map[string]map[string]string{
	"queued": {"withdraw": "withdrawn", "mark_in_error": "in_error"},
	"sent": {"ask": "info_requested", "accept": "accepted", "decline": "declined", "waitlist": "waitlisted",
		"withdraw": "withdrawn", "mark_in_error": "in_error"},
	"info_requested": {"ask": "info_requested", "answer": "sent", "accept": "accepted", "decline": "declined",
		"waitlist": "waitlisted", "withdraw": "withdrawn", "mark_in_error": "in_error"},
	"accepted": {"contact": "contacting", "schedule": "scheduled", "start_service": "in_service", "waitlist": "waitlisted",
		"report_outcome": "outcome_reported", "fail": "failed", "confirm": "confirmed", "withdraw": "withdrawn",
		"mark_in_error": "in_error"},
	"contacting": {"contact": "contacting", "schedule": "scheduled", "start_service": "in_service", "waitlist": "waitlisted",
		"report_outcome": "outcome_reported", "fail": "failed", "confirm": "confirmed", "withdraw": "withdrawn",
		"mark_in_error": "in_error"},
	"scheduled": {"schedule": "scheduled", "start_service": "in_service", "waitlist": "waitlisted",
		"report_outcome": "outcome_reported", "fail": "failed", "confirm": "confirmed", "withdraw": "withdrawn",
		"mark_in_error": "in_error"},
	"in_service": {"continue": "in_service", "waitlist": "waitlisted", "report_outcome": "outcome_reported", "fail": "failed",
		"confirm": "confirmed", "withdraw": "withdrawn", "mark_in_error": "in_error"},
	"waitlisted": {"accept": "accepted", "waitlist": "waitlisted", "fail": "failed", "withdraw": "withdrawn",
		"mark_in_error": "in_error"},
	"outcome_reported": {"confirm": "confirmed", "dispute": "failed", "mark_in_error": "in_error"},
	"declined":         {"mark_in_error": "in_error"},
	"failed":           {"mark_in_error": "in_error"},
}

// command carries out what a person or an agency asks for.
func (d *doing) command() {
	switch d.c.Do {
	case "open":
		d.open()
	case "add_offer":
		d.addOffer()
	case "close":
		d.close()
	case "reassign":
		d.reassign(d.c.Person)
	case "finish_task":
		d.finishTask()
	case "resend":
		d.resend()
	case "withdraw":
		if d.c.Offer == "" {
			d.withdrawAll()
			return
		}
		d.ofOffer()
	default:
		d.ofOffer()
	}
}

// said reports that an offer is where the command leads, by the same words: then it is the same decision once more.
func (d *doing) said(o *Offer) bool {
	switch d.c.Do {
	case "accept":
		return o.State == "accepted"
	case "start_service":
		return o.State == "in_service"
	case "mark_in_error":
		return o.State == "in_error"
	case "decline":
		return o.State == "declined" && o.Reason == d.c.Reason
	case "fail":
		return o.State == "failed" && o.Reason == d.c.Reason
	case "withdraw":
		return o.State == "withdrawn" && o.Reason == d.c.Reason
	case "dispute":
		return o.State == "failed" && o.Reason == "outcome_disputed"
	case "schedule":
		return o.State == "scheduled" && o.Visit == d.c.Visit
	case "report_outcome":
		return o.State == "outcome_reported" && o.Outcome == d.c.Outcome
	case "confirm":
		return o.State == "confirmed" && d.r.Outcome == d.c.Outcome
	}
	return false
}

// ofOffer carries out a command on one offer. The loser is told where the offer, or the referral, has got to.
func (d *doing) ofOffer() {
	o := d.r.Offer(d.c.Offer)
	to, can := moves[o.State][d.c.Do]
	stays := d.c.Do == "mark_in_error" || d.c.Do == "withdraw" // a draft's offers can be taken back too
	switch {
	case d.said(o):
	case !can:
		d.refuse("409 %s", o.State)
	case d.r.State != "open" && !stays, d.r.State == "closed" && d.c.Do == "mark_in_error":
		d.refuse("409 %s", d.r.State)
	default:
		d.carryOut(o, to)
	}
}

func (d *doing) carryOut(o *Offer, to string) {
	switch d.c.Do {
	case "accept":
		d.accept(o)
		return
	case "waitlist":
		if o.asked() {
			d.move(o, "accepted", "accept", "")
		}
	case "contact":
		if o.State != "contacting" {
			o.Attempts = 0
		}
		o.Attempts++
	case "schedule":
		o.Visit = d.c.Visit
	case "decline", "fail", "withdraw":
		o.Reason = d.c.Reason
	case "report_outcome":
		o.Outcome = d.c.Outcome
	case "dispute":
		o.Reason = "outcome_disputed"
		d.done("check_on_client", o.Name)
	case "confirm":
		d.confirm(o)
		return
	case "answer":
		d.done("answer_agency", o.Name)
	case "mark_in_error":
		d.inError(o)
		return
	}
	queued := o.State == "queued"
	d.move(o, to, d.c.Do, codeOf(d.c))
	switch d.c.Do {
	case "answer":
		d.letter(o, "answered")
	case "withdraw":
		if d.c.Reason == "consent_withdrawn" {
			d.agreed(o.Service, false)
		}
		if !queued {
			d.letter(o, "withdrawn")
		}
	case "decline", "ask", "waitlist", "report_outcome", "fail":
		d.receipt(o)
	}
}

// agreed says whether the client agrees to a service, which counts for each turn that its agency had.
func (d *doing) agreed(service string, yes bool) {
	for i := range d.r.Offers {
		if o := &d.r.Offers[i]; o.Service == service {
			o.unagreed = !yes
		}
	}
}

// codeOf is the word of the lists that the timeline keeps of a command.
func codeOf(c Call) string {
	switch c.Do {
	case "decline", "fail", "withdraw":
		return c.Reason
	case "report_outcome":
		return c.Outcome
	case "dispute":
		return "outcome_disputed"
	}
	return ""
}

// receipt tells the agency's registered address what was decided with its link.
func (d *doing) receipt(o *Offer) {
	if d.c.Way == Link {
		d.letter(o, "receipt")
	}
}

// resend asks an agency once more that has something to answer. One that never had the letter gets its whole time.
func (d *doing) resend() {
	o := d.r.Offer(d.c.Offer)
	kind := "link"
	switch {
	case d.r.State != "open":
		d.refuse("409 %s", d.r.State)
		return
	case !o.asked() && !o.taken():
		d.refuse("409 %s", o.State)
		return
	case o.State == "sent" && o.mail == "answered", o.taken() && o.mail == "ask":
		kind = o.mail
	case o.State == "sent":
		kind = "offer"
	}
	d.line(Line{What: "resend", Offer: o.Name, Code: d.c.Reason})
	d.letter(o, kind)
	d.Letters[0].Again = true
	if kind == "link" {
		o.NewLink = true // whoever asks for one on the agency's page has it already
	}
	if o.State == "sent" && d.c.Reason != "mislaid" {
		o.Reminded, o.Escalated = false, false
		o.waits++
	}
}

// accept gives the referral to one agency: another that has said yes keeps it, another that is only asked is called off.
func (d *doing) accept(o *Offer) {
	var other *Offer
	for i := range d.r.Offers {
		if p := &d.r.Offers[i]; p.Name != o.Name && p.has() {
			other = p
		}
	}
	if other != nil && !other.asked() {
		d.refuse("409 %s", other.State)
		return
	}
	d.move(o, "accepted", "accept", "")
	d.receipt(o)
	if other != nil {
		d.takeBack(other, "met_elsewhere")
	}
}

func (d *doing) takeBack(o *Offer, reason string) {
	queued := o.State == "queued"
	o.Reason = reason
	d.move(o, "withdrawn", "withdraw", reason)
	if !queued {
		d.letter(o, "withdrawn")
	}
}

func (d *doing) inError(o *Offer) {
	d.move(o, "in_error", "mark_in_error", "")
	o.Escalated = false
	if d.c.Service != "" {
		d.queue(d.c.Service, o.Rank)
		d.done("find_alternative", "")
	}
}

// move takes an offer to a state. Whatever the clock waited for begins anew, and tasks that this made needless end.
func (d *doing) move(o *Offer, to, what, code string) {
	d.line(Line{What: what, Offer: o.Name, From: o.State, To: to, Code: code})
	if o.State != to || to != "info_requested" { // who asks once more gets no more time by it
		o.waits++
	}
	if o.State != to {
		o.State, o.entered = to, d.r.Version
		o.answering, o.reaching = false, false
	}
	if !o.asked() {
		o.Escalated = false
	}
	for i := range d.r.Tasks {
		t := &d.r.Tasks[i]
		needless := t.Offer == o.Name
		switch t.Kind {
		case "answer_agency":
			needless = needless && to != "info_requested"
		case "reach_client":
			needless = needless && to != "contacting"
		case "find_alternative":
			needless = to == "accepted"
		}
		if needless && t.State == "open" {
			t.State = "overtaken"
		}
	}
}

// done ends the open task that a command has carried out.
func (d *doing) done(kind, offer string) {
	for t := d.r.openTask(kind, offer); t != nil; t = d.r.openTask(kind, offer) {
		t.State = "done"
	}
}
