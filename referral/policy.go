package referral

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Wait is a length of time as a coordinator writes it: "2bd" business days, "4h" hours, "7d" days, "15m", "10s".
// Business days are counted on the agency's or the helpline's calendar. Days keep the local time of day and end on an
// open day. Hours, minutes and seconds run on the wall clock, around the clock, because the helpline does.
type Wait struct {
	N    int
	Unit string
}

var waitForm = regexp.MustCompile(`^([0-9]{1,6})(bd|d|h|m|s)$`)

// ParseWait reads "2bd", "7d", "4h", "15m" or "10s".
func ParseWait(s string) (Wait, error) {
	m := waitForm.FindStringSubmatch(s)
	if m == nil {
		return Wait{}, errors.New(`must be a number and bd, d, h, m or s, as in "2bd"`)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return Wait{}, err
	}
	return Wait{N: n, Unit: m[2]}, nil
}

func (w Wait) String() string { return strconv.Itoa(w.N) + w.Unit }

// MarshalText writes the form ParseWait reads.
func (w Wait) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the form ParseWait reads.
func (w *Wait) UnmarshalText(b []byte) (err error) {
	*w, err = ParseWait(string(b))
	return err
}

// business reports that the wait is counted in open time.
func (w Wait) business() bool { return w.Unit == "bd" }

// From is the instant when the wait, begun at t, is over.
func (w Wait) From(t time.Time, c Calendar) time.Time {
	switch w.Unit {
	case "bd":
		return c.AddDays(t, w.N)
	case "d":
		return c.NextOpen(t.In(c.zone()).AddDate(0, 0, w.N))
	default:
		return t.Add(w.clock())
	}
}

// fortnight is how far doubling takes a wait, in each unit: even what nobody heeds comes up again every other week.
var fortnight = map[string]int{"bd": 10, "d": 14, "h": 14 * 24, "m": 14 * 24 * 60, "s": 14 * 24 * 60 * 60}

// doubled is the wait when it comes for the n-th time, twice as long each time up to a fortnight. One that is longer from
// the start stays. Of two waits in one unit the shorter is never doubled beyond the longer.
func (w Wait) doubled(n int) Wait {
	most := max(w.N, fortnight[w.Unit])
	for i := 1; i < n && w.N < most; i++ {
		w.N = min(2*w.N, most)
	}
	return w
}

// clock is the wait on a wall clock; for days and business days, of 24 hours each, which only compares them. Beyond
// maxWait it stays just above it.
func (w Wait) clock() time.Duration {
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "bd": 24 * time.Hour}[w.Unit]
	if unit > 0 && time.Duration(w.N) > maxWait/unit {
		return maxWait + unit
	}
	return time.Duration(w.N) * unit
}

// Pace is how long each step may take at one urgency. DESIGN's table of states names the source of each.
type Pace struct {
	FinishDraft     Wait `json:"finish_draft"`      // navigator completes a draft
	Unsent          Wait `json:"unsent"`            // mail not handed over by then → phone task
	Deferred        Wait `json:"deferred"`          // mail still put off by the agency's server → phone task
	Unheard         Wait `json:"unheard"`           // no final word of the provider on a mail → phone task
	Remind          Wait `json:"remind"`            // agency silent → reminder
	Escalate        Wait `json:"escalate"`          // still silent → a coordinator calls
	Lapse           Wait `json:"lapse"`             // still silent → the offer ends, the next agency is asked
	AnswerAgency    Wait `json:"answer_agency"`     // navigator answers the agency's question
	PauseCap        Wait `json:"pause_cap"`         // the agency's clock pauses no longer than this for a question
	FirstContact    Wait `json:"first_contact"`     // accepted → the client is contacted
	Contacting      Wait `json:"contacting"`        // attempts to reach the client
	ContactAttempts int  `json:"contact_attempts"`  // after so many the navigator helps
	AfterVisit      Wait `json:"after_appointment"` // appointment → how did it go
	InServiceFirst  Wait `json:"in_service_first"`  // first question during service
	InServiceThen   Wait `json:"in_service_then"`   // and every so long after
	WaitlistRecheck Wait `json:"waitlist_recheck"`  // is the place coming
	AskGrace        Wait `json:"ask_grace"`         // agency asked and silent → a coordinator calls
	AskClient       Wait `json:"ask_client"`        // outcome reported → the client is asked
	TaskDue         Wait `json:"task_due"`          // a task's time for the person who has it
	EscalateAgain   Wait `json:"escalate_again"`    // an escalated task nobody did → escalated again
}

// Policy is a helpline's pace at each urgency. Its owner is the coordinator.
type Policy struct {
	Name    string `json:"name"`
	Routine Pace   `json:"routine"`
	Urgent  Pace   `json:"urgent"`
	// LinkDays is how long an emailed link stays good.
	LinkDays int `json:"link_days"`
	// ConsentDays is how long what a client agrees to holds unless they say otherwise, ConsentMostDays the longest they
	// can say, and ConsentAskDays how long before its end they are asked again.
	ConsentDays     int `json:"consent_days"`
	ConsentMostDays int `json:"consent_most_days"`
	ConsentAskDays  int `json:"consent_ask_days"`
}

// Pace gives the pace of an urgency.
func (p Policy) Pace(u Urgency) Pace {
	if u == Urgent {
		return p.Urgent
	}
	return p.Routine
}

func w(s string) Wait {
	v, err := ParseWait(s)
	if err != nil {
		panic(err)
	}
	return v
}

// Standard is the policy a helpline starts with.
func Standard() Policy { return standard }

// standard is written out once: every step of a helpline that has set no other begins with it.
var standard = func() Policy {
	return Policy{
		Name: "standard",
		Routine: Pace{FinishDraft: w("1bd"), Unsent: w("15m"), Deferred: w("4h"), Unheard: w("24h"), Remind: w("1bd"), Escalate: w("2bd"), Lapse: w("4bd"),
			AnswerAgency: w("1bd"), PauseCap: w("2bd"), FirstContact: w("3bd"), Contacting: w("5bd"), ContactAttempts: 3,
			AfterVisit: w("1d"), InServiceFirst: w("7d"), InServiceThen: w("30d"), WaitlistRecheck: w("30d"),
			AskGrace: w("2bd"), AskClient: w("7d"), TaskDue: w("1bd"), EscalateAgain: w("1bd")},
		Urgent: Pace{FinishDraft: w("1h"), Unsent: w("5m"), Deferred: w("30m"), Unheard: w("2h"), Remind: w("1h"), Escalate: w("2h"), Lapse: w("4h"),
			AnswerAgency: w("1h"), PauseCap: w("2h"), FirstContact: w("4h"), Contacting: w("1bd"), ContactAttempts: 3,
			AfterVisit: w("1d"), InServiceFirst: w("7d"), InServiceThen: w("30d"), WaitlistRecheck: w("7d"),
			AskGrace: w("4h"), AskClient: w("2d"), TaskDue: w("1h"), EscalateAgain: w("2h")},
		LinkDays: 90, ConsentDays: 365, ConsentMostDays: 365, ConsentAskDays: 14,
	}
}()

// Demo turns business days into seconds, so that a whole life can be watched in two minutes.
func Demo() Policy {
	pace := Pace{FinishDraft: w("30s"), Unsent: w("15s"), Deferred: w("15s"), Unheard: w("25s"), Remind: w("10s"), Escalate: w("20s"), Lapse: w("40s"),
		AnswerAgency: w("20s"), PauseCap: w("30s"), FirstContact: w("20s"), Contacting: w("20s"), ContactAttempts: 3,
		AfterVisit: w("10s"), InServiceFirst: w("20s"), InServiceThen: w("60s"), WaitlistRecheck: w("30s"),
		AskGrace: w("15s"), AskClient: w("15s"), TaskDue: w("20s"), EscalateAgain: w("60s")}
	urgent := pace
	urgent.Remind, urgent.Escalate, urgent.Lapse = w("5s"), w("10s"), w("20s")
	return Policy{Name: "demo", Routine: pace, Urgent: urgent, LinkDays: 7, ConsentDays: 365, ConsentMostDays: 365, ConsentAskDays: 14}
}

// Named gives the built-in policy of a name; ok is false for any other.
func Named(name string) (p Policy, ok bool) {
	switch name {
	case "standard":
		return Standard(), true
	case "demo":
		return Demo(), true
	}
	return Policy{}, false
}

// maxWait keeps every wait below two years: a referral must never be out of sight longer.
const maxWait = 2 * 365 * 24 * time.Hour

// Validate refuses a policy with a wait of nothing or beyond two years, or whose agency is reminded after it lapses.
// All faults are reported at once.
func (p Policy) Validate() error {
	var errs []error
	if p.Name == "" {
		errs = append(errs, Invalid("name", "is missing"))
	}
	if p.LinkDays < 1 || p.LinkDays > 730 {
		errs = append(errs, Invalid("link_days", "must be from 1 to 730"))
	}
	if p.ConsentMostDays < 1 || p.ConsentMostDays > 730 {
		errs = append(errs, Invalid("consent_most_days", "must be from 1 to 730"))
	}
	if p.ConsentDays < 1 || p.ConsentDays > p.ConsentMostDays {
		errs = append(errs, Invalid("consent_days", "must be from 1 to consent_most_days"))
	}
	if p.ConsentAskDays < 1 || p.ConsentAskDays > 365 {
		errs = append(errs, Invalid("consent_ask_days", "must be from 1 to 365"))
	}
	for _, at := range Urgencies {
		errs = append(errs, p.Pace(at).validate(string(at))...)
	}
	return errors.Join(errs...)
}

func (p Pace) validate(at string) []error {
	raw, err := json.Marshal(p)
	if err != nil {
		return []error{err}
	}
	var waits map[string]any
	if err := json.Unmarshal(raw, &waits); err != nil {
		return []error{err}
	}
	var errs []error
	for _, field := range slices.Sorted(maps.Keys(waits)) {
		text, ok := waits[field].(string)
		if !ok {
			continue
		}
		if w, err := ParseWait(text); err != nil || w.N < 1 || w.clock() > maxWait {
			errs = append(errs, Invalid(at+"."+field, "must be more than nothing and at most two years"))
		}
	}
	if p.ContactAttempts < 1 || p.ContactAttempts > 20 {
		errs = append(errs, Invalid(at+".contact_attempts", "must be from 1 to 20"))
	}
	if p.Remind.clock() >= p.Escalate.clock() || p.Escalate.clock() >= p.Lapse.clock() {
		errs = append(errs, Invalid(at+".remind", "must come before escalate, and escalate before lapse"))
	}
	return errs
}

// younger are the waits and days that policies written before them lack, as the standard policy has them; all else is zero.
func younger() Policy {
	var p Policy
	s := Standard()
	p.Routine.Deferred, p.Routine.Unheard = s.Routine.Deferred, s.Routine.Unheard
	p.Urgent.Deferred, p.Urgent.Unheard = s.Urgent.Deferred, s.Urgent.Unheard
	p.ConsentDays, p.ConsentMostDays, p.ConsentAskDays = s.ConsentDays, s.ConsentMostDays, s.ConsentAskDays
	return p
}

// StoredPolicy reads a policy that was valid when it was put in force; waits that have come since are the standard's.
func StoredPolicy(raw []byte) (Policy, error) {
	p := younger()
	if err := json.Unmarshal(raw, &p); err != nil {
		return Policy{}, fmt.Errorf("stored policy: %w", err)
	}
	return p, nil
}

// ParsePolicy reads a policy from JSON, refusing unknown fields, and validates it. Waits younger than the file may be
// missing; they are the standard's.
func ParsePolicy(raw []byte) (Policy, error) {
	p := younger()
	if err := strict(raw, &p); err != nil {
		if faults := unreadableWaits(raw); faults != nil {
			return Policy{}, faults
		}
		field := "policy"
		if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) && kind.Field != "" {
			field = kind.Field
		}
		return Policy{}, Invalid(field, "can't be read: %v", err)
	}
	return p, p.Validate()
}

// unreadableWaits names every wait that is not written as one; nil when the fault lies elsewhere. The JSON decoder
// stops at the first and does not say which.
func unreadableWaits(raw []byte) error {
	var parts map[string]json.RawMessage
	if json.Unmarshal(raw, &parts) != nil {
		return nil
	}
	var errs []error
	for _, at := range Urgencies {
		var fields map[string]any
		if json.Unmarshal(parts[string(at)], &fields) != nil {
			continue
		}
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			text, ok := fields[field].(string)
			if !ok {
				continue
			}
			if _, err := ParseWait(text); err != nil {
				errs = append(errs, Invalid(string(at)+"."+field, "%v", err))
			}
		}
	}
	return errors.Join(errs...)
}
