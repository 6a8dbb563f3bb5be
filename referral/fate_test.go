package referral

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type heard struct {
	word MailWord
	at   time.Time
}

func fateOf(words []heard) (f Fate) {
	for _, h := range words {
		f = f.Hear(h.word, h.at)
	}
	return f
}

func TestWhatEventsMakeOfALetter(t *testing.T) {
	t.Parallel()
	minute := func(n int) time.Time { return monday10.Add(time.Duration(n) * time.Minute) }
	for name, c := range map[string]struct {
		heard    []heard
		final    MailWord
		at       int
		deferred int
	}{
		"nothing":                             {nil, "", 0, 0},
		"taken":                               {[]heard{{WordProcessed, minute(1)}}, "", 0, 0},
		"hints":                               {[]heard{{"open", minute(1)}, {"click", minute(2)}, {"something_new", minute(3)}}, "", 0, 0},
		"delivered":                           {[]heard{{WordProcessed, minute(1)}, {WordDelivered, minute(2)}}, WordDelivered, 2, 0},
		"put off, then delivered":             {[]heard{{WordDeferred, minute(1)}, {WordDeferred, minute(5)}, {WordDelivered, minute(9)}}, WordDelivered, 9, 1},
		"delivered, a deferral heard after":   {[]heard{{WordDelivered, minute(9)}, {WordDeferred, minute(5)}}, WordDelivered, 9, 5},
		"put off, then refused":               {[]heard{{WordDeferred, minute(1)}, {WordBlocked, minute(9)}}, WordBlocked, 9, 1},
		"sent back after it was taken":        {[]heard{{WordDelivered, minute(1)}, {WordBounce, minute(9)}}, WordBounce, 9, 0},
		"delivered heard after the bounce":    {[]heard{{WordBounce, minute(9)}, {WordDelivered, minute(1)}}, WordBounce, 9, 0},
		"delivered happened after a bounce":   {[]heard{{WordBounce, minute(1)}, {WordDelivered, minute(9)}}, WordBounce, 1, 0},
		"a complaint":                         {[]heard{{WordDelivered, minute(1)}, {WordSpamReport, minute(9)}, {WordUnsubscribe, minute(8)}}, WordUnsubscribe, 8, 0},
		"a person says it is there":           {[]heard{{WordBounce, minute(1)}, {WordArrived, minute(9)}}, WordArrived, 9, 0},
		"a bounce from before a person's":     {[]heard{{WordArrived, minute(9)}, {WordBounce, minute(1)}, {WordDelivered, minute(2)}}, WordArrived, 9, 0},
		"a complaint after a person's word":   {[]heard{{WordArrived, minute(9)}, {WordSpamReport, minute(10)}}, WordSpamReport, 10, 0},
		"never sent: it has bounced before":   {[]heard{{WordDropped, minute(1)}}, WordDropped, 1, 0},
		"the unsubscribed group is a refusal": {[]heard{{WordGroupUnsubscribe, minute(1)}}, WordGroupUnsubscribe, 1, 0},
	} {
		want := Fate{Final: c.final}
		if c.at > 0 {
			want.At = minute(c.at)
		}
		if c.deferred > 0 {
			want.Deferred = minute(c.deferred)
		}
		if got := fateOf(c.heard); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// Events come in any order, and more than once: what they make of a letter is the same.
func TestTheOrderOfEventsMakesNoDifference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) heard {
			return heard{rapid.SampledFrom(append(slices.Clone(MailWords), MailHints...)).Draw(t, "word"),
				monday10.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "seconds")) * time.Second)}
		}), 0, 8).Draw(t, "words")
		other := rapid.Permutation(append(slices.Clone(words), rapid.SliceOfN(rapid.SampledFrom(append(words, heard{"open", monday10})), 0, 3).Draw(t, "again")...)).Draw(t, "order")
		if a, b := fateOf(words), fateOf(other); a != b {
			t.Fatalf("%v makes %+v, %v makes %+v", words, a, other, b)
		}
	})
}
