package referral

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBuiltInPoliciesAreValid(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"standard", "demo"} {
		p, ok := Named(name)
		if !ok || p.Name != name {
			t.Fatalf("%s: %v, %q", name, ok, p.Name)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParsePolicy(raw)
		if err != nil || back != p {
			t.Errorf("%s came back as %+v, %v", name, back, err)
		}
	}
	if _, ok := Named("other"); ok {
		t.Error("a policy nobody made has a name")
	}
}

func TestParseWait(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Wait{"2bd": {2, "bd"}, "7d": {7, "d"}, "4h": {4, "h"}, "15m": {15, "m"}, "10s": {10, "s"}, "999999s": {999999, "s"}} {
		if got, err := ParseWait(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2", "bd", "-1h", "1.5h", "2 bd", "2BD", "2w", "1234567d", "2bd ", "２h", "1h\n"} {
		if got, err := ParseWait(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		w := Wait{rapid.IntRange(0, 999999).Draw(t, "n"), rapid.SampledFrom([]string{"bd", "d", "h", "m", "s"}).Draw(t, "unit")}
		if back, err := ParseWait(w.String()); err != nil || back != w {
			t.Fatalf("%v came back as %v, %v", w, back, err)
		}
	})
}

// faults lists the fields that an error names.
func faults(err error) []string {
	var fields []string
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, e := range many.Unwrap() {
			fields = append(fields, faults(e)...)
		}
		return fields
	}
	var e *Error
	if errors.As(err, &e) {
		fields = append(fields, e.Field)
	}
	return fields
}

// edited is the standard policy's JSON with one field of it changed, or taken out when value is nil.
func edited(t testing.TB, path string, value any) []byte {
	t.Helper()
	raw, err := json.Marshal(Standard())
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	part, field := whole, path
	if at, inner, found := strings.Cut(path, "."); found {
		part, field = whole[at].(map[string]any), inner
	}
	part[field] = value
	if value == nil {
		delete(part, field)
	}
	if raw, err = json.Marshal(whole); err != nil {
		t.Fatal(err)
	}
	return raw
}

// Every wait of both urgencies, with every kind of bad value, is refused by its own name.
func TestABadPolicyNamesItsField(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(Standard().Routine)
	if err != nil {
		t.Fatal(err)
	}
	var pace map[string]any
	if err := json.Unmarshal(raw, &pace); err != nil {
		t.Fatal(err)
	}
	check := func(path string, value any) {
		t.Helper()
		if _, err := ParsePolicy(edited(t, path, value)); CodeOf(err) != CodeInvalid || !slices.Contains(faults(err), path) {
			t.Errorf("%s = %v: %v", path, value, err)
		}
	}
	for field, v := range pace {
		for _, u := range Urgencies {
			bad := []any{nil, 0, -1, 21}
			if _, wait := v.(string); wait {
				bad = []any{nil, "0h", "0bd", "731d", "731bd", "106752d", "999999d", "999999bd", "", "soon", "2 bd"}
			}
			for _, b := range bad {
				if b == nil && (field == "deferred" || field == "unheard") {
					continue // younger than policies that people have on file
				}
				check(string(u)+"."+field, b)
			}
		}
	}
	check("routine.remind", "2bd") // not before escalate
	check("urgent.remind", "3h")
	check("name", "")
	check("name", nil)
	check("link_days", 0)
	check("link_days", 731)
	check("link_days", nil)
	check("routine.remind", 7)
	check("urgent.contact_attempts", "three")
	check("link_days", "long")
}

// A policy from before letters were followed up keeps working, with the standard's waits for them.
func TestAnOlderPolicyLacksTheWaitsForLetters(t *testing.T) {
	t.Parallel()
	p := Demo()
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var older map[string]any
	if err := json.Unmarshal(raw, &older); err != nil {
		t.Fatal(err)
	}
	for _, u := range Urgencies {
		delete(older[string(u)].(map[string]any), "deferred")
		delete(older[string(u)].(map[string]any), "unheard")
	}
	if raw, err = json.Marshal(older); err != nil {
		t.Fatal(err)
	}
	p.Routine.Deferred, p.Routine.Unheard, p.Urgent.Deferred, p.Urgent.Unheard = w("4h"), w("24h"), w("30m"), w("2h")
	for name, read := range map[string]func([]byte) (Policy, error){"a file": ParsePolicy, "the record": StoredPolicy} {
		if got, err := read(raw); err != nil || got != p {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := StoredPolicy([]byte(`{"routine":7}`)); err == nil {
		t.Error("what is no policy was read as one")
	}
	if got, err := StoredPolicy(edited(t, "urgent.unheard", "9h")); err != nil || got.Urgent.Unheard != w("9h") {
		t.Errorf("%+v, %v", got.Urgent, err)
	}
}

func TestAPolicyNamesAllItsFaultsAtOnce(t *testing.T) {
	t.Parallel()
	p := Standard()
	p.Name, p.LinkDays, p.Urgent.AskClient, p.Routine.ContactAttempts = "", 0, Wait{}, 99
	want := []string{"name", "link_days", "routine.contact_attempts", "urgent.ask_client"}
	for range 3 {
		if got := faults(p.Validate()); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if got := faults(second(ParsePolicy(edited(t, "routine.task_due", "x")))); !slices.Equal(got, []string{"routine.task_due"}) {
		t.Errorf("got %v", got)
	}
}

func second(_ Policy, err error) error { return err }

func TestPolicyIsReadStrictly(t *testing.T) {
	t.Parallel()
	good := edited(t, "name", "ours")
	for _, raw := range []string{"", "null", "[]", "{", `{"name":"x"}`, `{"surprise":1}`, string(good) + "}", string(good) + "{}", string(good) + " x",
		string(edited(t, "routine.surprise", "1h")), string(edited(t, "routine", 7)), string(edited(t, "routine.remind", 7))} {
		if _, err := ParsePolicy([]byte(raw)); CodeOf(err) != CodeInvalid {
			t.Errorf("%.40q: %v, want invalid", raw, err)
		}
	}
	if _, err := ParsePolicy([]byte(string(good) + " \n")); err != nil {
		t.Errorf("white space at the end: %v", err)
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(`{"name":"x","routine":{"remind":"1bd"},"link_days":7}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := ParsePolicy(raw)
		if err == nil {
			err = p.Validate()
		} else if CodeOf(err) == CodeInternal {
			t.Errorf("%v is not a typed answer", err)
			return
		}
		if err == nil && p.Routine.Remind.From(monday10, Calendar{}).Before(monday10) {
			t.Error("a wait ends before it begins")
		}
	})
}

func TestWaitsDoubleUpToAFortnight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wait string
		n    int
		want string
	}{
		{"2h", 0, "2h"}, {"2h", 1, "2h"}, {"2h", 2, "4h"}, {"2h", 4, "16h"}, {"2h", 100, "336h"}, {"1bd", 3, "4bd"},
		{"1bd", 9, "10bd"}, {"3bd", 9, "10bd"}, {"30d", 5, "30d"}, {"60s", 1000, "1209600s"}, {"14d", 3, "14d"},
	} {
		if got := w(c.wait).doubled(c.n).String(); got != c.want {
			t.Errorf("%s for the %d-th time is %s, want %s", c.wait, c.n, got, c.want)
		}
	}
}

func TestWaitsRunOnTheirOwnClock(t *testing.T) {
	t.Parallel()
	friday := local(t, Toronto, "2027-03-12 16:00")
	for wait, want := range map[string]string{
		"1bd": "2027-03-15 16:00", "1d": "2027-03-15 09:00", "3d": "2027-03-15 16:00", "24h": "2027-03-13 16:00",
		"48h": "2027-03-14 17:00", "30m": "2027-03-12 16:30", "90s": "2027-03-12 16:01",
	} {
		if got := w(wait).From(friday, Calendar{}).Truncate(time.Minute); !got.Equal(local(t, Toronto, want)) {
			t.Errorf("%s from %s is %s, want %s", wait, friday, got, want)
		}
	}
}

func TestZones(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]*time.Location{
		"K9H 1A1": Toronto, "p9n1a1": Winnipeg, "P8N 2P3": Winnipeg, " P9A ": Winnipeg, "P0T 1C0": Atikokan, "P0T 2E0": Toronto,
		"p0v 3a0": Atikokan, "P0V 1A0": Winnipeg, "": Toronto, "90210": Toronto, "P9": Toronto,
	} {
		if got := ZoneOfPostalCode(code); got != want {
			t.Errorf("%q is on %s, want %s", code, got, want)
		}
	}
	if z, err := ZoneNamed(""); err != nil || z != Toronto {
		t.Errorf("no name: %v, %v", z, err)
	}
	if z, err := ZoneNamed("America/Winnipeg"); err != nil || z.String() != "America/Winnipeg" {
		t.Errorf("Winnipeg: %v, %v", z, err)
	}
	if _, err := ZoneNamed("Mars/Phobos"); CodeOf(err) != CodeInvalid {
		t.Errorf("Mars: %v, want invalid", err)
	}
}
