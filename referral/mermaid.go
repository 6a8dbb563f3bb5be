package referral

import (
	"fmt"
	"slices"
	"strings"
)

// StatesMarkdown is docs/states.md: the graph drawn and listed from the same tables that the rules walk along.
func StatesMarkdown() string {
	var b strings.Builder
	b.WriteString(`# States

Made from the transition table in ` + "`referral/transitions.go`" + `; a test fails when this page differs from it. To write it anew:
` + "`go test ./referral -run States -update`" + `.

A decline, a lapse or a withdrawal ends an offer, never the referral: the referral stays open, with a next step and
someone accountable, until it is closed with an outcome.

## Referral

`)
	drawReferral(&b)
	b.WriteString("\n## Offer\n\nOne agency's turn at a referral.\n\n")
	drawOffer(&b)
	b.WriteString("\n")
	listMoves(&b)
	b.WriteString("\n" + legend + "\n## Codes\n\nA reason is a code with an attribution: whose circumstances it speaks of.\n")
	for _, list := range []struct {
		title string
		codes []Reason
	}{
		{"Why an agency declines", DeclineReasons},
		{"Why help failed after a yes", FailReasons},
		{"Why an offer or a referral is withdrawn", append(slices.Clone(WithdrawReasons), ServiceClosed)},
		{"Outcomes", Outcomes},
		{"Why a need stays unmet", UnmetReasons},
	} {
		listCodes(&b, list.title, list.codes)
	}
	return b.String()
}

const legend = `An agency's commands are also recorded by staff when the agency answers by phone, and a client's when the client calls:
the record then names both. *system* is the clock, acting by policy.
`

func drawReferral(b *strings.Builder) {
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> draft\n    [*] --> open\n")
	for _, t := range ReferralTransitions {
		fmt.Fprintf(b, "    %s --> %s : %s\n", t.From, t.To, words(t.Do))
	}
	fmt.Fprintf(b, "    %s --> [*]\n```\n", Closed)
	b.WriteString("\n| from | by | command | to |\n|---|---|---|---|\n")
	for _, t := range ReferralTransitions {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", t.From, words(t.By), words(t.Do), t.To)
	}
}

// drawOffer draws the offer's life. The two ways out that nearly every state has, withdraw and mark_in_error, are left
// to the table: drawn, they would hide the rest.
func drawOffer(b *strings.Builder) {
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> queued\n")
	for _, t := range Transitions {
		if t.To == Withdrawn || t.To == InError {
			continue
		}
		for _, f := range t.From {
			if t.Via == "" {
				fmt.Fprintf(b, "    %s --> %s : %s\n", f, t.To, t.Do)
			} else {
				fmt.Fprintf(b, "    %s --> %s : %s (as %s)\n", f, t.To, t.Do, t.Via)
			}
		}
	}
	for _, s := range OfferStates {
		if s.Ended() && s != Withdrawn && s != InError {
			fmt.Fprintf(b, "    %s --> [*]\n", s)
		}
	}
	b.WriteString("```\n\nEvery state before the end can also be withdrawn, and marked in error; the table has them all.\n")
}

func listMoves(b *strings.Builder) {
	b.WriteString("| state | Task.status | by | command | to |\n|---|---|---|---|---|\n")
	for _, s := range OfferStates {
		var moves int
		for _, t := range Transitions {
			if !slices.Contains(t.From, s) {
				continue
			}
			to := string(t.To)
			if t.Via != "" {
				to = fmt.Sprintf("%s, then %s", t.Via, t.To)
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", s, s.TaskStatus(), words(t.By), t.Do, to)
			moves++
		}
		if moves == 0 {
			fmt.Fprintf(b, "| %s | %s | | | the end |\n", s, s.TaskStatus())
		}
	}
}

func listCodes(b *strings.Builder, title string, codes []Reason) {
	fmt.Fprintf(b, "\n### %s\n\n| code | of |\n|---|---|\n", title)
	for _, r := range codes {
		fmt.Fprintf(b, "| %s | %s |\n", r.Code, r.Of)
	}
}

func words[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, w := range list {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}
