package referral

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A coordinator who tightens a policy must never find a referral that is looked at later than before: whatever has
// happened to it, its next step is due no later under a policy with shorter waits.

// tighter is a policy with some waits of another made shorter, and not more attempts. Those that must come one after the
// other stay as they are when they would not any more.
func tighter(t *rapid.T, p Policy) Policy {
	for _, pace := range []*Pace{&p.Routine, &p.Urgent} {
		was := *pace
		fields := reflect.ValueOf(pace).Elem()
		for i := range fields.NumField() {
			name := fields.Type().Field(i).Name
			switch v := fields.Field(i).Addr().Interface().(type) {
			case *Wait:
				v.N = rapid.IntRange(1, v.N).Draw(t, name)
			case *int:
				*v = rapid.IntRange(1, *v).Draw(t, name)
			}
		}
		if p.Validate() != nil {
			pace.Remind, pace.Escalate, pace.Lapse = was.Remind, was.Escalate, was.Lapse
		}
	}
	return p
}

// someLife is what random people, agencies and the clock have made of a referral.
func someLife(t *rapid.T, p Policy) *walk {
	w := &walk{T: t, p: p, now: monday10}
	w.begin()
	for range rapid.IntRange(1, 60).Draw(t, "length") {
		w.live()
	}
	return w
}

func noLaterWhenTighter(t *rapid.T) {
	w := someLife(t, rapid.SampledFrom([]Policy{Standard(), Demo(), loose()}).Draw(t, "policy"))
	tight := tighter(t, w.p)
	if err := errors.Join(w.p.Validate(), tight.Validate()); err != nil {
		t.Fatalf("not policies that could be set: %v", err)
	}
	before, after := Next(w.f, w.p, w.now), Next(w.f, tight, w.now)
	if after.Due.After(before.Due) {
		t.Fatalf("%s at %s is later than %s at %s was", after.Do, after.Due.Format(time.RFC1123), before.Do, before.Due.Format(time.RFC1123))
	}
}

// loose is a policy with waits of every unit, long ones too.
func loose() Policy {
	p := Standard()
	p.Name = "loose"
	p.Routine.Remind, p.Routine.Escalate, p.Routine.Lapse = w("5d"), w("9d"), w("20d")
	p.Routine.InServiceThen, p.Routine.EscalateAgain, p.Routine.FirstContact = w("11d"), w("9bd"), w("200h")
	p.Urgent.PauseCap, p.Urgent.WaitlistRecheck = w("3d"), w("90m")
	return p
}

func TestATighterPolicyIsNeverLater(t *testing.T) {
	t.Parallel()
	rapid.Check(t, noLaterWhenTighter)
}

func FuzzATighterPolicyIsNeverLater(f *testing.F) { f.Fuzz(rapid.MakeFuzz(noLaterWhenTighter)) }
