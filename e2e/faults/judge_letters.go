package faults

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"throughline/referral"
)

// letters holds what the provider took against what the record says of each letter.
func (j *judge) letters() {
	taken := map[uuid.UUID]int{}
	for _, m := range j.Taken {
		id, err := uuid.Parse(m.MID)
		if err != nil {
			j.broken(RuleKnown, uuid.Nil, "the provider has a letter without an id of ours")
			continue
		}
		taken[id]++
	}
	occasions := map[string][]messageRow{}
	for _, m := range j.Messages {
		n := taken[m.ID]
		delete(taken, m.ID)
		switch {
		case n > 1:
			j.broken(RuleOnce, m.Referral, "letter %s (%s) left %d times", m.ID, m.Letter, n)
		// A person may say that a letter of unknown fate arrived, and be wrong: that is theirs to say.
		case m.State == "accepted" && n == 0 && m.Final != "arrived":
			j.broken(RuleKnown, m.Referral, "letter %s (%s) is said to have left, and did not", m.ID, m.Letter)
		case m.State == "rejected" && n > 0:
			j.broken(RuleKnown, m.Referral, "letter %s (%s, %s) is said not to have left, and did", m.ID, m.Letter, m.Class)
		case (m.State == "pending" || m.State == "claimed") && !m.Waits:
			j.broken(RuleLeft, m.Referral, "letter %s (%s) is still %s", m.ID, m.Letter, m.State)
		}
		if n > 0 {
			key := fmt.Sprint(m.Offer, m.Letter, m.StepKey, m.Recipient)
			occasions[key] = append(occasions[key], m)
		}
	}
	for id := range taken {
		j.broken(RuleKnown, uuid.Nil, "letter %s left, and the record does not know it", id)
	}
	for _, sent := range occasions {
		for _, m := range sent {
			if len(sent) > 1 && (m.Generation == 1) != (m.Reason == "") {
				j.broken(RuleOnce, m.Referral, "letter %s (%s) left once more without a reason", m.ID, m.Letter)
			}
		}
		if first := slices.IndexFunc(sent, func(m messageRow) bool { return m.Generation > 1 }); len(sent) > 1 && first < 0 {
			j.broken(RuleOnce, sent[0].Referral, "letter %s (%s) left twice for one occasion", sent[0].ID, sent[0].Letter)
		}
	}
}

// heard wants every event to be told in the end, and each that was told to be kept once, and done.
func (j *judge) heard() {
	kept := map[string]int{}
	for _, e := range j.Events {
		kept[e.ID]++
		if !e.Done {
			j.broken(RuleHeard, uuid.Nil, "an event of letter %s is not done yet", e.Message)
		}
	}
	for _, e := range j.Said {
		switch n := kept[e.ID]; {
		case e.Told == 0 && !e.Dropped:
			j.broken(RuleHeard, uuid.Nil, "%s of letter %s can't be told", e.Word, e.MID)
		case e.Told > 0 && n != 1:
			j.broken(RuleHeard, uuid.Nil, "%s of letter %s was told %d times and is kept %d times", e.Word, e.MID, e.Told, n)
		}
	}
}

// refused are the letters that the provider told us did not arrive, or whose address it will not write to any more.
func (j *judge) refused() map[string]bool {
	refused := map[string]bool{}
	for _, e := range j.Said {
		if e.Told > 0 && referral.MailWord(e.Word).Hard() {
			refused[e.MID] = true
		}
	}
	return refused
}

// calls wants a phone call for every letter that failed, or whose fate is not known, unless its offer has moved since.
func (j *judge) calls() {
	refused := j.refused()
	called := map[uuid.UUID]bool{}
	for _, t := range j.Tasks {
		if t.Kind == referral.CallAgency && t.Offer != nil {
			called[*t.Offer] = true
		}
	}
	for _, m := range j.Messages {
		failed := m.State == "ambiguous" || m.State == "rejected" && m.Class != "overtaken" || refused[m.ID.String()]
		if !failed || called[m.Offer] {
			continue
		}
		version, err := strconv.Atoi(strings.TrimPrefix(m.StepKey, "v"))
		if err != nil {
			continue // a further link, which an agency asked for itself
		}
		moved := slices.ContainsFunc(j.lines[m.Referral], func(l lineRow) bool {
			return l.Version > version && (l.What == referral.Close || l.Offer != nil && *l.Offer == m.Offer && l.To != "")
		})
		if !moved {
			j.broken(RuleCall, m.Referral, "letter %s (%s) is %s, and nobody is asked to call", m.ID, m.Letter, m.State)
		}
	}
}

// answered wants no letter to be begun that asks for an answer which had been acknowledged. Both moments are of one
// machine's clock.
func (j *judge) answered() {
	if j.Moved {
		return
	}
	acknowledged := map[uuid.UUID]time.Time{} // when, by offer
	ends := []string{string(referral.Accept), string(referral.Decline)}
	for _, e := range j.log {
		// An offer that was taken back and begun anew is another offer.
		if before, ok := acknowledged[e.Offer]; e.Good() && !e.Again && slices.Contains(ends, e.Do) && (!ok || e.At.Before(before)) {
			acknowledged[e.Offer] = e.At
		}
	}
	left := map[string]bool{}
	for _, m := range j.Taken {
		left[m.MID] = true
	}
	for _, m := range j.Messages {
		at, ok := acknowledged[m.Offer]
		asks := m.Letter == referral.OfferLetter || m.Letter == referral.ReminderLetter
		if ok && asks && m.Generation == 1 && left[m.ID.String()] && m.Attempted != nil && m.Attempted.After(at) {
			j.broken(RuleAnswered, m.Referral, "letter %s (%s) was begun after the answer to it", m.ID, m.Letter)
		}
	}
}
