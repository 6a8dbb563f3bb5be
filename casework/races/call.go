package races

import (
	"fmt"
	"slices"
	"strings"
)

// Way is how a call comes to the record.
type Way string

// Ways.
const (
	Link  Way = "link"  // the agency's page
	Staff Way = "staff" // a page of the helpline, or the API
	Clock Way = "clock" // a worker
	House Way = "house" // whoever runs the helpline's machine
)

// Call is what someone asks for. What it names must be known when it is made.
type Call struct {
	Way                Way
	Do                 string // a command, or "look"
	Offer, Task, Kind  string
	Reason, Outcome    string
	Unmet, Visit, Note string
	Person             string // who gets it, or who goes
	Service            string // of add_offer, and of mark_in_error when the agency is asked afresh
	Client             bool   // staff act on the client's word
	Account            string // of staff
	Key                string // makes it safe to repeat; "" is none
	Form               int    // the version that the agency's page showed; 0 is none
	IfVersion          int    // 0 is any
}

// Body is the request without what goes beside it.
func (c Call) Body() string {
	c.Key, c.Account = "", ""
	return fmt.Sprintf("%+v", c)
}

func (c Call) String() string {
	words := []string{string(c.Way), c.Do}
	for _, w := range []string{c.Offer, c.Task, c.Kind, c.Reason, c.Outcome, c.Unmet, c.Visit, c.Person, c.Service} {
		if w != "" {
			words = append(words, w)
		}
	}
	if c.Client {
		words = append(words, "for the client")
	}
	if c.Note != "" {
		words = append(words, fmt.Sprintf("%q", c.Note))
	}
	if c.Key != "" {
		words = append(words, "key "+c.Account+"/"+c.Key)
	}
	if c.Form != 0 {
		words = append(words, fmt.Sprintf("form of v%d", c.Form))
	}
	if c.IfVersion != 0 {
		words = append(words, fmt.Sprintf("if v%d", c.IfVersion))
	}
	return strings.Join(words, " ")
}

// Line is one line of the timeline.
type Line struct{ What, Offer, Task, From, To, Code string }

// Letter is mail to the agency of an offer.
type Letter struct {
	Offer, Kind string
	Version     int
	Again       bool // it was sent before, and is once more
}

// Turn is what a call does, and is answered, when it is its turn.
type Turn struct {
	After    Referral
	Answers  []string // any of these
	Lines    []Line   // of the new version; none when nothing happened
	Letters  []Letter
	Told     string // what the workflow is told: start, changed, or nothing
	NewLink  bool   // a new link was mailed, which makes no new version
	Repeated bool   // it was done before, and is answered as then
	stored   bool   // a key was kept with its answer
	left     bool   // an account was closed
}

// Changed reports a new version.
func (t Turn) Changed() bool { return len(t.Lines) > 0 }

// idle reports a turn after which everything is as before.
func (t Turn) idle() bool { return !t.Changed() && !t.NewLink && !t.stored && !t.left }

// Turns gives what may happen when it is the call's turn: one thing, but that the clock may find another duty first, and
// that a letter may still be on its way.
func (r Referral) Turns(c Call) []Turn {
	switch c.Way {
	case Link:
		return []Turn{r.byLink(c)}
	case Staff:
		if o := r.Offer(c.Offer); c.Do == "resend" && o.mail != "" {
			// Whether the letter before is out by now is between the dispatchers and the provider.
			return []Turn{r.byStaff(c), {After: r, Answers: []string{"409 pending"}}}
		}
		return []Turn{r.byStaff(c)}
	case House:
		return []Turn{r.leave(c)}
	}
	return r.byClock(c)
}

// doing is a call at work.
type doing struct {
	Turn
	c       Call
	r       *Referral // After
	refusal string
}

func (r Referral) begin(c Call) *doing {
	d := &doing{c: c}
	d.After = r.clone()
	d.After.Version++
	d.r = &d.After
	return d
}

// refuse ends a call with the answer that it gets instead.
func (d *doing) refuse(format string, args ...any) { d.refusal = fmt.Sprintf(format, args...) }

// end closes the account of a call: a refusal and a repetition leave everything as it was.
func (d *doing) end(before Referral) Turn {
	if d.refusal != "" || !d.Changed() {
		repeated := d.refusal == ""
		return Turn{After: before, Answers: []string{d.refusal}, Repeated: repeated}
	}
	switch {
	case before.State == "draft" && d.After.State == "open":
		d.Told = "start"
	case before.State == "open" && d.c.Way != Clock:
		d.Told = "changed"
	}
	return d.Turn
}

func (d *doing) line(l Line) { d.Lines = append(d.Lines, l) }

func (d *doing) letter(o *Offer, kind string) {
	d.Letters = append(d.Letters, Letter{Offer: o.Name, Kind: kind, Version: d.r.Version})
	if kind != "receipt" && kind != "withdrawn" {
		o.mail = kind
	}
}

// byLink is a post, or a look, at an agency's page.
func (r Referral) byLink(c Call) Turn {
	o := r.Offer(c.Offer)
	if c.Do == "new_link" {
		return r.newLink(*o)
	}
	if r.dead(*o) {
		return Turn{After: r, Answers: []string{"404"}}
	}
	twice := slices.ContainsFunc(r.posted, func(p post) bool {
		return c.Form != 0 && countable[c.Do] && p.offer == c.Offer && p.do == c.Do && p.version > c.Form && (c.Do != "ask" || p.note == c.Note)
	})
	switch {
	case c.Do == "look":
		return Turn{After: r, Answers: []string{r.page(*o)}, Repeated: true}
	case twice:
		return Turn{After: r, Answers: []string{"ok"}, Repeated: true}
	}
	d := r.begin(c)
	d.command()
	t := d.end(r)
	if d.refusal != "" {
		return t
	}
	for _, l := range t.Lines {
		t.After.posted = append(t.After.posted, post{l.Offer, l.What, c.Note, t.After.Version})
	}
	t.Answers = []string{"ok"}
	return t
}

// countable are the commands that may be given again and again, so that only the form tells a repetition.
var countable = map[string]bool{"contact": true, "continue": true, "waitlist": true, "ask": true}

// newLink mails a link to an agency that has something to answer, once in a while. Nobody learns whether it did.
func (r Referral) newLink(o Offer) Turn {
	t := Turn{After: r, Answers: []string{"ok"}}
	if r.State != "open" || r.NoConsent || o.NewLink || !(o.asked() || o.taken()) {
		return t
	}
	t.NewLink, t.After = true, r.clone()
	p := t.After.Offer(o.Name)
	p.NewLink, p.mail = true, "link"
	t.Letters, t.Told = []Letter{{Offer: o.Name, Kind: "link", Version: r.Version}}, "changed"
	return t
}

// byStaff is a command of the helpline, or a look.
func (r Referral) byStaff(c Call) Turn {
	if c.Do == "look" {
		return Turn{After: r, Answers: []string{r.StaffSee()}, Repeated: true}
	}
	name := c.Account + "/" + c.Key
	if was, ok := r.answered[name]; ok && c.Key != "" {
		if was.body != c.Body() {
			return Turn{After: r, Answers: []string{"400 Idempotency-Key"}}
		}
		return Turn{After: r, Answers: []string{was.answer}, Repeated: true}
	}
	d := r.begin(c)
	switch {
	case c.Do == "reassign" && slices.Contains(r.gone, c.Person):
		d.refuse("400 person_id")
	case c.IfVersion != 0 && c.IfVersion != r.Version:
		d.refuse("412")
	default:
		d.command()
	}
	t := d.end(r)
	if d.refusal != "" {
		return t
	}
	t.Answers = []string{t.After.StaffSee()}
	if c.Key != "" {
		t.After = t.After.clone()
		if t.After.answered == nil {
			t.After.answered = map[string]firstTime{}
		}
		t.After.answered[name], t.stored = firstTime{c.Body(), t.Answers[0]}, true
	}
	return t
}
