package races_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"throughline/casework/races"
	"throughline/db"
	"throughline/internal/seal"
	"throughline/internal/seal/sealtest"
)

// What the record, the provider and the clock were left with, held against the order that was found.

// line is a line of the timeline as it is kept.
type line struct {
	Version                        int
	At                             time.Time
	What, FromState, ToState, Code string
	OfferID, TaskID                *uuid.UUID
	ActorRole, ActorName, Via      string
	SealID                         uuid.UUID
}

// by is who stands behind a line; the name that an agency typed is sealed.
func (l *life) by(t line) string {
	if t.Via != "link" {
		return t.ActorName
	}
	k := read[db.CaseKey](l.lane, `SELECT k.wrapped AS case_key, k.kek AS case_kek FROM case_keys k JOIN referrals r ON r.case_id = k.case_id
		WHERE r.id = $1`, l.id)[0]
	of := read[uuid.UUID](l.lane, `SELECT case_id FROM referrals WHERE id = $1`, l.id)[0]
	key, err := sealtest.Keyring().Key(seal.Wrapped{Of: of, Bytes: k.Wrapped, KEK: k.KEK})
	must(err)
	name, err := key.Open(seal.Place("timeline", "actor_name", db.LineRow(l.id.String(), t.Version, t.What, t.SealID.String())), t.ActorName)
	must(err)
	return name
}

// timeline reads what happened and learns the names of what came to be.
func (l *life) timeline() (*naming, []races.Entry, error) {
	n := &naming{life: l, offers: map[uuid.UUID]string{}, tasks: map[uuid.UUID]string{}, services: map[uuid.UUID]string{}}
	for name, id := range l.offers {
		n.offers[id] = name
	}
	for name, id := range l.services {
		n.services[id] = name
	}
	var entries []races.Entry
	var last line
	var back error
	for _, t := range read[line](l.lane, `SELECT version, at, what, from_state AS fromstate, to_state AS tostate, code, offer_id AS offerid,
			task_id AS taskid, actor_role AS actorrole, actor_name AS actorname, via, seal_id AS sealid FROM timeline WHERE referral_id = $1 ORDER BY id`, l.id) {
		if t.Version < last.Version || t.At.Before(last.At) {
			back = fmt.Errorf("the timeline goes back: %s of v%d at %s comes after v%d at %s", t.What, t.Version, t.At.Format(time.StampMicro),
				last.Version, last.At.Format(time.StampMicro))
		}
		last = t
		if t.Version == 1 && t.What == "refer" {
			continue
		}
		e := races.Entry{Version: t.Version, By: l.by(t), Line: races.Line{What: t.What, From: t.FromState, To: t.ToState, Code: t.Code}}
		if t.ActorRole == "system" {
			e.By = map[string]string{"clock": "clock", "cli": "house"}[t.Via]
		}
		if t.OfferID != nil {
			if n.offers[*t.OfferID] == "" {
				n.offers[*t.OfferID] = fmt.Sprintf("o%d", len(n.offers)+1)
			}
			e.Offer = n.offers[*t.OfferID]
		}
		if t.TaskID != nil {
			if n.tasks[*t.TaskID] == "" {
				n.tasks[*t.TaskID] = fmt.Sprintf("t%d", len(n.tasks)+1)
			}
			e.Task = n.tasks[*t.TaskID]
		}
		entries = append(entries, e)
	}
	return n, entries, back
}

// history puts what was done into the model's words.
func (l *life) history() (races.History, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, entries, err := l.timeline()
	h := races.History{Begin: l.begin, Timeline: entries}
	for _, m := range l.made {
		if m.Way == races.Clock && m.Do != "look" {
			d := n.duty(m.asked)
			m.Offer, m.Task, m.Kind = d.Offer, d.Task, d.Kind
		}
		if m.Do == "finish_task" {
			m.Task = n.tasks[m.task]
		}
		if m.Alarm != nil {
			d := n.duty(m.asked)
			m.Alarm = &d
		} else {
			m.Answer = n.answer(m)
		}
		h.Made = append(h.Made, m.Made)
	}
	slices.SortFunc(h.Made, func(a, b races.Made) int { return a.Began - b.Began })
	return h, err
}

// holds checks a referral after a race: there is one order, and everything else follows from it.
func (l *life) holds() error {
	h, err := l.history()
	steps, disorder := h.Order()
	if err = errors.Join(err, disorder); disorder == nil {
		err = errors.Join(err, l.letters(steps), l.outbox(steps), l.audit(steps), l.alike())
	}
	l.count(steps)
	if err == nil {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v\nEverything that was asked, by when it began:\n", err)
	for _, m := range h.Made {
		fmt.Fprintf(&b, "    %s\n", m)
	}
	b.WriteString("The timeline:\n")
	for _, e := range h.Timeline {
		fmt.Fprintf(&b, "    v%d %s: %s %s %s %s->%s %s\n", e.Version, e.By, e.What, e.Offer, e.Task, e.From, e.To, e.Code)
	}
	return errors.New(b.String())
}

// count keeps what came of each kind of call.
func (t *tally) count(steps []races.Step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range steps {
		if s.Alarm != nil {
			continue
		}
		name := string(s.Way) + " " + s.Do
		t.asked[name]++
		if s.Changed() || s.NewLink {
			t.won[name]++
		}
	}
}

// same compares two lists in any order.
func same(what string, want, got []string) error {
	slices.Sort(want)
	slices.Sort(got)
	if slices.Equal(want, got) {
		return nil
	}
	return fmt.Errorf("%s: the record has\n    %v\nand the order wants\n    %v", what, got, want)
}

// letter is a letter as it is kept.
type letter struct {
	ID, Offer                      uuid.UUID
	Letter, Occasion, State, Tells string
}

// letters: one for each occasion, each handed over once, or not at all because it was overtaken.
func (l *life) letters(steps []races.Step) error {
	n, _, _ := l.timeline()
	var want, got []string
	receipts, told := map[string][]string{}, map[string]string{} // by offer: occasions for a receipt, and what the last one tells
	for _, s := range steps {
		for _, m := range s.Letters {
			occasion := fmt.Sprintf("v%d", m.Version)
			switch {
			case m.Kind == "receipt":
				receipts[m.Offer], told[m.Offer] = append(receipts[m.Offer], occasion), s.After.Offer(m.Offer).State
				continue
			case m.Again:
				occasion = "again"
			case m.Kind == "link":
				occasion = "asked"
			}
			want = append(want, fmt.Sprintf("%s to %s %s", m.Kind, m.Offer, occasion))
		}
	}
	taken := map[string]int{}
	for _, m := range l.sendgrid.Messages() {
		taken[m.MID]++
	}
	var errs []error
	last := map[string]string{}
	for _, m := range read[letter](l.lane, `SELECT id, offer_id AS offer, letter, CASE WHEN reason = '' THEN split_part(step_key, ' ', 1) ELSE 'again' END AS occasion,
			trim(state || ' ' || error_class) AS state, offer_state AS tells FROM messages WHERE referral_id = $1 ORDER BY created_at`, l.id) {
		offer := n.offers[m.Offer]
		times, known := map[string]int{"accepted": 1, "rejected overtaken": 0, "pending": 0}[m.State]
		if taken[m.ID.String()] != times || !known || (m.State == "pending" && m.Letter != "receipt") {
			errs = append(errs, fmt.Errorf("a letter %s that is %s was handed over %d times", m.Letter, m.State, taken[m.ID.String()]))
		}
		if m.Letter != "receipt" {
			got = append(got, fmt.Sprintf("%s to %s %s", m.Letter, offer, m.Occasion))
			continue
		}
		// A receipt that had not gone out when more was answered tells the newest.
		at := slices.Index(receipts[offer], m.Occasion)
		if at < 0 {
			errs = append(errs, fmt.Errorf("nothing calls for a receipt to %s at %s", offer, m.Occasion))
			continue
		}
		receipts[offer], last[offer] = receipts[offer][at+1:], m.Tells
	}
	if !maps.Equal(told, last) {
		errs = append(errs, fmt.Errorf("the last receipts tell %v, and the order wants %v", last, told))
	}
	return errors.Join(append(errs, same("letters", want, got))...)
}

// outbox: the workflow is told once of its start and of each change that it did not make itself.
func (l *life) outbox(steps []races.Step) error {
	var want, got []string
	for _, s := range steps {
		if s.Told != "" {
			want = append(want, fmt.Sprintf("%s v%d", s.Told, s.After.Version))
		}
	}
	if l.begin.State == "open" {
		want = append(want, "start v1")
	}
	var last int
	for _, o := range read[struct {
		Kind    string
		Version int
	}](l.lane, `SELECT kind, version FROM outbox WHERE referral_id = $1 AND kind <> 'deliver' ORDER BY id`, l.id) {
		got = append(got, fmt.Sprintf("%s v%d", o.Kind, o.Version))
		if o.Kind == "changed" {
			last = max(last, o.Version)
		}
	}
	err := l.heard(len(got), last)
	// News of a policy is about no version in particular. While a referral is open each policy is news.
	extra := slices.Clone(got)
	for _, w := range want {
		if i := slices.Index(extra, w); i >= 0 {
			extra = slices.Delete(extra, i, i+1)
		}
	}
	policies := int(l.policies.Load())
	open := l.begin.State == "open" && (len(steps) == 0 || steps[len(steps)-1].After.State == "open")
	if len(got)-len(want) == len(extra) && len(extra) <= policies && (len(extra) == policies || !open) {
		return err
	}
	return errors.Join(err, same(fmt.Sprintf("what the workflow is told, beside %d policies", policies), want, got))
}

// heard: what came together is told once, and the latest is told.
func (l *life) heard(promises, last int) error {
	starts, latest := 0, 0
	for _, v := range l.told {
		if latest = max(latest, v); v == 0 {
			starts++
		}
	}
	if len(l.told) > promises || latest != last || starts > 1 || (starts == 0 && promises > 0) {
		return fmt.Errorf("the workflow heard of %v, of %d promises whose last is v%d", l.told, promises, last)
	}
	return nil
}

// audit: one entry for each change, and for each look and each answer that was given again. Letters have theirs besides, and so
// has each try by a link that a newer one has replaced.
func (l *life) audit(steps []races.Step) error {
	want := []string{"refer referral"}
	for _, s := range steps {
		switch {
		case s.Changed():
			want = append(want, s.Lines[0].What+" referral")
		case s.NewLink:
			want = append(want, "new_link referral")
		case s.Way == races.Staff && s.Repeated:
			want = append(want, "view referral")
		}
	}
	for _, m := range l.made {
		if m.err == nil && m.page != nil {
			want = append(want, "view offer")
		}
	}
	return same("audit", want, read[string](l.lane, `SELECT action || ' ' || subject FROM audit
		WHERE kind NOT IN ('mail', 'refused') AND (subject_id = $1 OR subject_id IN (SELECT id FROM offers WHERE referral_id = $1))`, l.id))
}

// alike: whoever asks again with the same key gets the same answer, to the letter.
func (l *life) alike() error {
	first := map[string]string{}
	for _, m := range l.made {
		if m.Key == "" || m.err != nil {
			continue
		}
		name, answer := m.Account+"/"+m.Key, inJSON(m.staff)
		if was, ok := first[name]; ok && was != answer {
			return fmt.Errorf("the key %s was answered with\n    %s\nand with\n    %s", name, was, answer)
		}
		first[name] = answer
	}
	return nil
}
