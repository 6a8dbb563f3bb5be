package races

import (
	"fmt"
	"slices"
	"strings"
)

// Made is a call that was made, between which moments of one count, and how it was answered.
type Made struct {
	Call
	By           string // who the timeline names; Clock and House by these names
	Began, Ended int
	Answer       string
	Alarm        *Duty // not a call: the clock was moved on to here, and nothing else was at work
}

// Entry is a line of the timeline with who stands behind it.
type Entry struct {
	Version int
	By      string
	Line
}

// History is everything that was done to one referral, by whom, and what the record says happened.
type History struct {
	Begin    Referral
	Made     []Made
	Timeline []Entry // without the first version's
}

// Step is a call at its place in the order.
type Step struct {
	Made
	Turn
}

// Order finds an order of all calls, one after the other, in which the model answers each as it was answered, makes each
// version as the timeline tells it, and takes none before one that had ended when it began: the history is linearizable.
// The error says how far an order goes and which calls have no place in it.
func (h History) Order() ([]Step, error) {
	s := search{h: h, versions: map[int][]Entry{}, links: map[int][]string{}, works: map[string][]int{}, seen: map[string]bool{}}
	for _, e := range h.Timeline {
		if e.What == "new_link" {
			s.links[e.Version] = append(s.links[e.Version], e.Offer)
			continue
		}
		if len(s.versions[e.Version]) == 0 {
			s.works[e.By] = append(s.works[e.By], e.Version)
		}
		s.versions[e.Version] = append(s.versions[e.Version], e)
		s.last = max(s.last, e.Version)
	}
	s.last = max(s.last, h.Begin.Version)
	// What is left is always in the order of its end, so that its first says what is early.
	all := make([]int, len(h.Made))
	for i := range all {
		all[i] = i
		s.alike = append(s.alike, h.Made[i].By+h.Made[i].Call.String()+h.Made[i].Answer)
	}
	slices.SortFunc(all, func(a, b int) int { return h.Made[a].Ended - h.Made[b].Ended })
	if s.from(h.Begin, all, nil) {
		return s.found, nil
	}
	return nil, s.explain()
}

// patience is how many places are tried before a history counts as one without an order. Where there is an order it is
// found after a few.
const patience = 5_000

// search looks for an order, depth first.
type search struct {
	h        History
	versions map[int][]Entry  // of each version, its lines
	links    map[int][]string // at each version, the offers that got a new link
	works    map[string][]int // by who did it, versions in order
	alike    []string         // of each call, what it has in common with those that could take its place
	last     int              // version
	seen     map[string]bool  // where no order was found before
	found    []Step
	best     *place // as far as an order goes
}

// place is somewhere on the way: what has happened, and which calls are left.
type place struct {
	r    Referral
	left []int
}

// from goes on from a place. What changes nothing is taken as soon as it fits: it can't stand in the way of others.
func (s *search) from(r Referral, left []int, so []Step) bool {
	so = slices.Clip(so)
	for found := true; found; {
		for _, free := range []func(Turn, Made) bool{
			func(t Turn, m Made) bool { return t.idle() && !s.wanted(m, r.Version) },
			func(t Turn, _ Made) bool { return t.stored && !t.Changed() },
			func(t Turn, _ Made) bool { return t.NewLink },
		} {
			if r, left, so, found = s.take(r, left, so, free); found {
				break
			}
		}
	}
	if s.best == nil || r.Version > s.best.r.Version || (r.Version == s.best.r.Version && len(left) < len(s.best.left)) {
		s.best = &place{r, left}
	}
	if len(left) == 0 && r.Version == s.last && s.linked(so) {
		s.found = so
		return true
	}
	key := fmt.Sprint(left, r.Version, r.gone)
	if s.seen[key] || len(s.seen) > patience {
		return false
	}
	s.seen[key] = true
	return s.branch(r, left, so)
}

// take takes the calls of a kind, the one that ended first before the others: all that change nothing, or the first that
// does.
func (s *search) take(r Referral, left []int, so []Step, kind func(Turn, Made) bool) (Referral, []int, []Step, bool) {
	found := false
	for _, i := range left {
		m := s.h.Made[i]
		if s.early(m, left) {
			continue
		}
		if turns := s.turns(r, m); len(turns) == 1 && kind(turns[0], m) {
			r, left, so, found = turns[0].After, without(left, i), append(so, Step{m, turns[0]}), true
			if !turns[0].idle() {
				break
			}
		}
	}
	return r, left, so, found
}

// branch tries what makes the next version, then that someone leaves, and last that nothing comes of what a later version
// may be the work of. Of calls that are alike the one that ended first goes first: exchanged, they would make the same order.
func (s *search) branch(r Referral, left []int, so []Step) bool {
	for _, kind := range []func(Turn) bool{Turn.Changed, func(t Turn) bool { return t.left && !t.Changed() }, Turn.idle} {
		tried := map[string]bool{}
		for _, i := range left {
			m := s.h.Made[i]
			if s.early(m, left) || tried[s.alike[i]] {
				continue
			}
			tried[s.alike[i]] = true
			for _, t := range s.turns(r, m) {
				if t.idle() && !s.spare(m, r.Version, left) {
					continue
				}
				if kind(t) && s.from(t.After, without(left, i), append(slices.Clip(so), Step{m, t})) {
					return true
				}
			}
		}
	}
	return false
}

// turns are what may happen at a call's turn that was answered as it was, and as the timeline tells it.
func (s *search) turns(r Referral, m Made) []Turn {
	if m.Alarm != nil {
		return []Turn{{After: r.Alarm(*m.Alarm), stored: true}}
	}
	if m.Answer == "409 in_flight" && s.busy(m) {
		return []Turn{{After: r, Answers: []string{m.Answer}}}
	}
	return slices.DeleteFunc(r.Turns(m.Call), func(t Turn) bool { return !slices.Contains(t.Answers, m.Answer) || !s.fits(t, m, r.Version) })
}

// busy reports that another request with the same key was at work meanwhile.
func (s *search) busy(m Made) bool {
	return m.Key != "" && slices.ContainsFunc(s.h.Made, func(o Made) bool {
		return o.Key == m.Key && o.Account == m.Account && o.Began != m.Began && o.Began < m.Ended && m.Began < o.Ended
	})
}

// fits holds a turn against the timeline.
func (s *search) fits(t Turn, m Made, version int) bool {
	if t.NewLink {
		return slices.Contains(s.links[version], m.Offer)
	}
	if !t.Changed() {
		return true
	}
	told := s.versions[version+1]
	return len(told) == len(t.Lines) && !slices.ContainsFunc(told, func(e Entry) bool { return e.By != m.By }) &&
		slices.EqualFunc(told, t.Lines, func(e Entry, l Line) bool { return e.Line == l })
}

// linked reports that every new link of the timeline was asked for by someone.
func (s *search) linked(so []Step) bool {
	made := 0
	for _, offers := range s.links {
		made += len(offers)
	}
	for _, step := range so {
		if step.NewLink {
			made--
		}
	}
	return made == 0
}

// early reports a call that began when another, still left, had ended.
func (s *search) early(m Made, left []int) bool { return m.Began > s.h.Made[left[0]].Ended }

// wanted reports a call that a later version may be the work of, so that it is not to be passed over lightly.
func (s *search) wanted(m Made, version int) bool {
	if m.Do == "look" || m.Alarm != nil {
		return false
	}
	return slices.ContainsFunc(s.works[m.By], func(v int) bool {
		first := s.versions[v][0]
		sameThing := m.Offer == "" || m.Offer == first.Offer
		return v > version && sameThing && (m.Way != Clock || (first.What == m.Do && (m.Kind == "" || first.Code == m.Kind)))
	})
}

// spare reports that someone has made more calls, of those left, than there are later versions of theirs.
func (s *search) spare(m Made, version int, left []int) bool {
	calls, versions := 0, 0
	for _, i := range left {
		if o := s.h.Made[i]; o.By == m.By && o.Do != "look" {
			calls++
		}
	}
	for _, v := range s.works[m.By] {
		if v > version {
			versions++
		}
	}
	return calls > versions
}

func without(left []int, i int) []int {
	return slices.DeleteFunc(slices.Clone(left), func(o int) bool { return o == i })
}

// disorder is a history that has no order.
type disorder struct {
	at     string
	left   []string
	lines  []Entry
	gaveUp bool // before all beginnings were tried
}

func (s *search) explain() error {
	d := &disorder{at: s.best.r.StaffSee(), lines: s.versions[s.best.r.Version+1], gaveUp: len(s.seen) > patience}
	for _, i := range s.best.left {
		m := s.h.Made[i]
		line := m.String()
		if !s.early(m, s.best.left) && m.Alarm == nil {
			var may []string
			for _, t := range s.best.r.Turns(m.Call) {
				may = append(may, t.Answers...)
			}
			line += fmt.Sprintf("\n        here it would be %s", strings.Join(may, ", or "))
		}
		d.left = append(d.left, line)
	}
	return d
}

func (d *disorder) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no order of the calls explains their answers and the timeline. It goes as far as\n    %s\n", d.at)
	if len(d.lines) > 0 {
		fmt.Fprintf(&b, "where the timeline goes on with %v\n", d.lines)
	}
	if d.gaveUp {
		fmt.Fprintf(&b, "(not all orders were tried, only %d beginnings), ", patience)
	}
	b.WriteString("and these have no place in it:\n")
	for _, l := range d.left {
		fmt.Fprintf(&b, "    %s\n", l)
	}
	return b.String()
}

// String is a call with its moments and its answer.
func (m Made) String() string {
	if m.Alarm != nil {
		return fmt.Sprintf("[%d] time passes: %s", m.Began, m.Alarm)
	}
	return fmt.Sprintf("[%d-%d] %s: %s -> %s", m.Began, m.Ended, m.By, m.Call, m.Answer)
}
