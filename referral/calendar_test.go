package referral

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// local reads "2027-03-12 10:00" in a zone.
func local(t testing.TB, zone *time.Location, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestBusinessDays(t *testing.T) {
	t.Parallel()
	office, kenora, atikokan := Calendar{}, Calendar{Zone: Winnipeg}, Calendar{Zone: Atikokan}
	for _, c := range []struct {
		about    string
		calendar Calendar
		from     string
		days     int
		want     string
	}{
		{"an ordinary day", office, "2026-11-23 10:00", 1, "2026-11-24 10:00"},
		{"no days is the next opening", office, "2026-11-23 18:30", 0, "2026-11-24 09:00"},
		{"over a weekend", office, "2026-11-27 15:00", 1, "2026-11-30 15:00"},
		{"in the night it counts from the morning", office, "2026-11-23 03:00", 1, "2026-11-24 09:00"},
		{"at closing time it counts from tomorrow", office, "2026-11-23 17:00", 1, "2026-11-25 09:00"},
		{"on a Saturday it counts from Monday", office, "2026-11-28 12:00", 2, "2026-12-02 09:00"},
		{"over Good Friday", office, "2027-03-25 11:00", 1, "2027-03-29 11:00"},
		{"over Christmas and Boxing Day taken on Monday and Tuesday", office, "2027-12-24 16:00", 1, "2027-12-29 16:00"},
		{"over New Year's Day taken on Monday", office, "2027-12-31 10:00", 1, "2028-01-04 10:00"},
		{"into daylight saving", office, "2027-03-12 10:00", 1, "2027-03-15 10:00"},
		{"out of daylight saving", office, "2027-11-05 16:59", 1, "2027-11-08 16:59"},
		{"Kenora keeps its own noon", kenora, "2027-03-12 12:00", 2, "2027-03-16 12:00"},
		{"Kenora out of daylight saving", kenora, "2027-11-05 12:00", 2, "2027-11-09 12:00"},
		{"Atikokan never changes its clocks", atikokan, "2027-03-12 10:00", 1, "2027-03-15 10:00"},
		{"what falls into the lunch break waits for its end", lunchBreak, "2026-11-23 12:30", 0, "2026-11-23 13:00"},
		{"through a lunch break", lunchBreak, "2026-11-23 11:00", 1, "2026-11-24 11:00"},
		{"an evening's work on a day without evening", mixed, "2026-11-24 19:00", 1, "2026-11-25 12:00"},
		{"a Saturday opening is no business day", closedMonday, "2026-11-21 11:00", 1, "2026-11-24 10:00"},
		{"a Monday when closed keeps office hours", closedMonday, "2026-11-23 11:00", 1, "2026-11-24 11:00"},
		{"around the clock on a Saturday", aroundTheClock, "2026-11-28 23:30", 1, "2026-12-01 00:00"},
		{"around the clock in the evening", aroundTheClock, "2026-11-23 23:30", 1, "2026-11-24 23:30"},
		{"an agency that opens on Fridays only is not asked for weeks", fridays, "2026-11-23 14:00", 3, "2026-11-26 14:00"},
		{"on its one day its hours count", fridays, "2026-11-23 14:00", 4, "2026-11-27 11:00"},
		{"twenty days", office, "2026-12-01 10:00", 20, "2026-12-31 10:00"},
	} {
		zone := c.calendar.zone()
		got := c.calendar.AddDays(local(t, zone, c.from), c.days)
		if want := local(t, zone, c.want); !got.Equal(want) {
			t.Errorf("%s: %s + %d business days = %s, want %s", c.about, c.from, c.days, got, want)
		}
	}
}

// fridays opens for one hour a week.
var fridays = Calendar{Hours: []Hours{{time.Friday, 10 * 60, 11 * 60}}}

// mixed opens late on Tuesdays and in the mornings only on Wednesdays.
var mixed = Calendar{Hours: []Hours{{time.Tuesday, 12 * 60, 20 * 60}, {time.Wednesday, 8 * 60, 12 * 60}}}

// Ten in Toronto is nine in Kenora, which has not opened: the same wait ends an hour later there.
func TestTheSameInstantInTwoZones(t *testing.T) {
	t.Parallel()
	at := local(t, Toronto, "2026-11-23 09:30")
	if got, want := (Calendar{Zone: Winnipeg}).NextOpen(at), local(t, Winnipeg, "2026-11-23 09:00"); !got.Equal(want) {
		t.Errorf("in Kenora the next opening is %s, want %s", got, want)
	}
	if got := (Calendar{}).NextOpen(at); !got.Equal(at) {
		t.Errorf("in Toronto the next opening is %s, want %s", got, at)
	}
	// In July, Toronto's nine is Atikokan's eight.
	at = local(t, Toronto, "2027-07-05 09:00")
	if got, want := (Calendar{Zone: Atikokan}).NextOpen(at), local(t, Atikokan, "2027-07-05 09:00"); !got.Equal(want) || got.Sub(at) != time.Hour {
		t.Errorf("in Atikokan the next opening is %s, want %s", got, want)
	}
}

// Clocks change on a Sunday, when no business time passes: a working day is as long as ever on both sides.
func TestOpenTimeAcrossDaylightSaving(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, want string }{
		{"2027-03-12 12:00", "2027-03-15 12:00"},
		{"2027-11-05 12:00", "2027-11-08 12:00"},
		{"2026-11-27 12:00", "2026-11-30 12:00"},
	} {
		if got, want := aroundTheClock.AddOpen(local(t, Toronto, c.from), 24*time.Hour), local(t, Toronto, c.want); !got.Equal(want) {
			t.Errorf("%s + 24 hours = %s, want %s", c.from, got, want)
		}
	}
	if got := aroundTheClock.OpenBetween(local(t, Toronto, "2027-03-12 00:00"), local(t, Toronto, "2027-03-16 00:00")); got != 48*time.Hour {
		t.Errorf("Friday and Monday about the change are open for %s, want 48h", got)
	}
}

func TestACalendarThatNeverOpensKeepsOfficeHours(t *testing.T) {
	t.Parallel()
	never := Calendar{Hours: []Hours{{time.Monday, 9 * 60, 9 * 60}, {time.Tuesday, 17 * 60, 9 * 60}}}
	from := local(t, Toronto, "2026-11-28 12:00")
	if got, want := never.AddDays(from, 1), (Calendar{}).AddDays(from, 1); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := never.OpenBetween(from, from.AddDate(0, 0, 7)); got != 40*time.Hour {
		t.Errorf("a week is open for %s, want 40h", got)
	}
}

// A directory lists the same hours per service and per site; an hour counts once.
func TestOverlappingHoursCountOnce(t *testing.T) {
	t.Parallel()
	double := Calendar{Hours: []Hours{{time.Monday, 540, 1020}, {time.Monday, 540, 1020}, {time.Monday, 600, 1080}, {time.Monday, 1080, 1140}}}
	day := local(t, Toronto, "2026-11-23 00:00")
	if got := double.OpenBetween(day, day.AddDate(0, 0, 1)); got != 10*time.Hour {
		t.Errorf("open for %s, want 10h", got)
	}
	if got, want := double.AddOpen(day, 9*time.Hour), local(t, Toronto, "2026-11-23 18:00"); !got.Equal(want) {
		t.Errorf("nine hours on: %s, want %s", got, want)
	}
}

// someCalendar has openings in five-minute steps, overlapping or not, in any of the three zones.
func someCalendar(t *rapid.T) Calendar {
	opening := rapid.Custom(func(t *rapid.T) Hours {
		opens := rapid.IntRange(0, 287).Draw(t, "opens")
		return Hours{Day: time.Weekday(rapid.IntRange(0, 6).Draw(t, "day")), Opens: opens * 5,
			Closes: rapid.IntRange(opens, 288).Draw(t, "closes") * 5}
	})
	return Calendar{Zone: rapid.SampledFrom([]*time.Location{nil, Toronto, Winnipeg, Atikokan}).Draw(t, "zone"),
		Hours: rapid.SliceOfN(opening, 0, 12).Draw(t, "hours")}
}

func someInstant(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(1735700000, 1861900000).Draw(t, "seconds"), 0)
}

func TestOpenTimeAddedIsOpenTimeBetween(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, from := someCalendar(t), someInstant(t)
		open := time.Duration(rapid.Int64Range(0, 60*3600).Draw(t, "open")) * time.Second
		to := c.AddOpen(from, open)
		if got := c.OpenBetween(from, to); got != open {
			t.Fatalf("%s of open time from %s is %s, but between them lie %s", open, from, to, got)
		}
		if got := c.OpenBetween(to, from); !to.Equal(from) && got != 0 {
			t.Fatalf("backwards lie %s", got)
		}
	})
}

func TestCalendarsNeverGoBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, from := someCalendar(t), someInstant(t)
		open := c.NextOpen(from)
		if open.Before(from) || !c.NextOpen(open).Equal(open) || c.OpenBetween(from, open) != 0 {
			t.Fatalf("next opening after %s is %s, and after that %s", from, open, c.NextOpen(open))
		}
		n := rapid.IntRange(0, 15).Draw(t, "days")
		first, second := c.AddDays(from, n), c.AddDays(from, n+1)
		if first.Before(open) || !second.After(first) {
			t.Fatalf("%d days from %s is %s, one more %s", n, from, first, second)
		}
		later := from.Add(time.Duration(rapid.Int64Range(0, 14*24*3600).Draw(t, "later")) * time.Second)
		if c.AddDays(later, n).Before(first) {
			t.Fatalf("%d days from %s end before those from %s", n, later, from)
		}
	})
}

func BenchmarkNext(b *testing.B) {
	f := at(b, Sent, Routine, "b", "c", "d", "e")
	for b.Loop() {
		Next(f, Standard(), monday10)
	}
}

func BenchmarkTwoYearsOfBusinessDays(b *testing.B) {
	for b.Loop() {
		(Calendar{}).AddDays(monday10, 500)
	}
}
