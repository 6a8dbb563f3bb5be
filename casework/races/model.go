// Package races says what one referral does when commands come to it one after the other, and finds whether what many
// did to it at once can be put in such an order. The model is DESIGN's table of states written down a second time, from
// the other side and without any of our code, so that the two can disagree. It is used by tests only.
package races

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Referral is one referral as the model sees it. Offers, tasks and people go by short names: o1, t1, noor.
type Referral struct {
	State                    string // draft, open, closed
	Version                  int
	Outcome, Unmet, Evidence string
	Owner                    string
	Opened                   bool // it has been open at some time
	NoConsent                bool // the client has withdrawn consent
	Offers                   []Offer
	Tasks                    []Task
	Due                      *Duty // what had come due when the clock was last looked at

	gone     []string             // people whose account was closed
	answered map[string]firstTime // by account and key
	posted   []post
}

// Offer is one agency's turn.
type Offer struct {
	Name, Service       string
	Rank                int
	State               string
	Reason, Outcome     string
	Visit               string
	Attempts            int
	Reminded, Escalated bool
	NewLink             bool   // a new link was mailed a moment ago
	entered             int    // the version at which it came to its state
	waits               int    // how often what the clock waits for began anew
	answering, reaching bool   // in this stay: someone was asked to answer, to reach the client
	mail                string // the last letter that wants an answer
	unagreed            bool   // the client has withdrawn consent for its service
}

// Task is work for a person.
type Task struct {
	Name, Kind, Offer, State string
	Role, Person             string // person is "" for anyone of the role
	Escalations              int
	raised                   int // the version
}

// Duty is what the clock does when it is due.
type Duty struct {
	Do, Offer, Task, Kind string
	waits                 int // of the offer, or of the task, when it came due
}

// firstTime is what a key was answered with.
type firstTime struct{ body, answer string }

// post is what an agency sent by its page.
type post struct {
	offer, do, note string
	version         int
}

// Open is a referral as it is taken in, with the services in the order the client agreed to.
func Open(owner string, draft bool, services ...string) Referral {
	r := Referral{State: "open", Opened: true, Version: 1, Owner: owner}
	if draft {
		r.State, r.Opened = "draft", false
	}
	for i, s := range services {
		r.Offers = append(r.Offers, Offer{Name: fmt.Sprintf("o%d", i+1), Service: s, Rank: i + 1, State: "queued", entered: 1})
	}
	return r
}

func (r Referral) clone() Referral {
	r.Offers, r.Tasks = slices.Clone(r.Offers), slices.Clone(r.Tasks)
	r.gone, r.posted, r.answered = slices.Clone(r.gone), slices.Clone(r.posted), maps.Clone(r.answered)
	return r
}

// Offer finds an offer by its name; nil when there is none.
func (r *Referral) Offer(name string) *Offer {
	for i := range r.Offers {
		if r.Offers[i].Name == name {
			return &r.Offers[i]
		}
	}
	return nil
}

func (r *Referral) task(name string) *Task {
	for i := range r.Tasks {
		if r.Tasks[i].Name == name {
			return &r.Tasks[i]
		}
	}
	return nil
}

// openTask finds an open task of a kind about an offer.
func (r *Referral) openTask(kind, offer string) *Task {
	for i := range r.Tasks {
		if t := &r.Tasks[i]; t.State == "open" && t.Kind == kind && t.Offer == offer {
			return t
		}
	}
	return nil
}

// has reports an agency that has the referral, so that nobody else is asked. A place on a waitlist holds nobody back.
func (o Offer) has() bool {
	switch o.State {
	case "sent", "info_requested", "accepted", "contacting", "scheduled", "in_service", "outcome_reported":
		return true
	}
	return false
}

func (o Offer) asked() bool { return o.State == "sent" || o.State == "info_requested" }

// taken reports an agency that has said yes and not yet reported an outcome.
func (o Offer) taken() bool {
	return o.State == "waitlisted" || (o.has() && !o.asked() && o.State != "outcome_reported")
}

func (o Offer) over() bool { return !o.has() && o.State != "queued" && o.State != "waitlisted" }

// StaffSee is the whole referral on one line, as staff are shown it.
func (r Referral) StaffSee() string {
	var b strings.Builder
	fmt.Fprintf(&b, "v%d %s", r.Version, r.State)
	if r.State == "closed" {
		fmt.Fprintf(&b, "(%s %s by %s)", r.Outcome, r.Unmet, r.Evidence)
	}
	fmt.Fprintf(&b, " of %s", r.Owner)
	if r.NoConsent {
		b.WriteString(" without consent")
	}
	for _, o := range r.Offers {
		fmt.Fprintf(&b, "; %s %s #%d %s", o.Name, o.Service, o.Rank, o)
	}
	tasks := slices.Clone(r.Tasks)
	slices.SortFunc(tasks, func(a, b Task) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range tasks {
		fmt.Fprintf(&b, "; %s %s %s %s", t.Name, t.Kind, t.Offer, t.State)
		if t.State == "open" {
			fmt.Fprintf(&b, " %s %s %d", t.Role, t.Person, t.Escalations)
		}
	}
	return b.String()
}

// String is where an offer stands and what was said of it.
func (o Offer) String() string {
	s := fmt.Sprintf("%s(%s %s %s %d)", o.State, o.Reason, o.Outcome, o.Visit, o.Attempts)
	if o.Reminded {
		s += " reminded"
	}
	if o.Escalated {
		s += " escalated"
	}
	return s
}

// Page is what an agency's page shows.
type Page struct {
	Version         int
	Referral, State string
	Reason, Outcome string
	Visit           string
	Attempts        int
	Client          bool // who the client is
}

func (p Page) String() string {
	s := fmt.Sprintf("v%d %s %s(%s %s %s %d)", p.Version, p.Referral, p.State, p.Reason, p.Outcome, p.Visit, p.Attempts)
	if p.Client {
		s += " and the client"
	}
	return s
}

func (r Referral) page(o Offer) string {
	return Page{Version: r.Version, Referral: r.State, State: o.State, Reason: o.Reason, Outcome: o.Outcome, Visit: o.Visit,
		Attempts: o.Attempts, Client: r.State == "open" && o.taken()}.String()
}

// dead reports an offer whose link opens nothing.
func (r Referral) dead(o Offer) bool {
	return r.NoConsent || o.unagreed || o.State == "withdrawn" || o.State == "in_error" || o.State == "queued"
}
