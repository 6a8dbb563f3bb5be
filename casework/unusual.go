package casework

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// Access is unusual for a reason, which is told; it need not be wrong.

// Oddity is why an access is unusual.
type Oddity string

// Oddities.
const (
	AfterHours Oddity = "after_hours" // at an hour at which this person does not otherwise work
	OwnName    Oddity = "own_name"    // the case has the person's own family name
	ManyInHour Oddity = "many_in_hour"
	ManyInDay  Oddity = "many_in_day"
	// OwnNameTried is OwnName of a case that the person was refused each time.
	OwnNameTried Oddity = "own_name_tried"
	ManyRefused  Oddity = "many_refused" // in a day: sign-ins, what the role may not do, cases out of reach
)

// Unusual is an access that someone should ask about.
type Unusual struct {
	Oddity     Oddity
	Person     uuid.UUID
	Name       string
	From, To   time.Time
	Cases      []uuid.UUID
	References []string
	Usual      int // how many cases this person looks at in such a time, by the median; of the many only
	Tries      int // that were refused; of ManyRefused only
}

// Bounds of what counts.
const (
	unusualDays  = 14 // which are looked at
	baselineDays = 90 // with which they are compared
	opensAt      = 7  // hours of the organisation's clock between which nothing is late
	closesAt     = 19
	habit        = 5 // days on which someone worked at an hour, so that it is theirs
	times        = 3 // as many as usual are many
	leastInHour  = 8
	leastInDay   = 25
	leastRefused = 5 // in a day; one or two are mistakes
)

// UnusualAccess lists what was unusual within the last two weeks, the newest first.
func (d *Desk) UnusualAccess(ctx context.Context, who Actor, export bool) (list []Unusual, err error) {
	if err := who.may(ReadAudit); err != nil {
		return nil, err
	}
	err = d.audited(ctx, machine, who, TrailQuery{Export: export}.look(db.AuditList, "audit", uuid.Nil), func(ctx context.Context, tx *sqlx.Tx) ([]uuid.UUID, error) {
		list, err = d.unusual(ctx, tx, who.Organisation)
		return everyCase(list, func(u Unusual) []uuid.UUID { return u.Cases }), err
	})
	return list, err
}

func (d *Desk) unusual(ctx context.Context, tx *sqlx.Tx, organisation uuid.UUID) ([]Unusual, error) {
	o, err := db.FindOrganisation(ctx, tx, organisation)
	if err != nil {
		return nil, err
	}
	zone, err := referral.ZoneNamed(o.TimeZone)
	if err != nil {
		return nil, err
	}
	now := d.Clock.Now()
	since, baseline := now.AddDate(0, 0, -unusualDays), now.AddDate(0, 0, -baselineDays)
	hours, err := db.SeenBy(ctx, tx, organisation, zone.String(), "hour", baseline)
	if err != nil {
		return nil, err
	}
	days, err := db.SeenBy(ctx, tx, organisation, zone.String(), "day", baseline)
	if err != nil {
		return nil, err
	}
	names, err := db.NamesSeen(ctx, tx, organisation, since)
	if err != nil {
		return nil, err
	}
	refused, err := db.RefusedBy(ctx, tx, organisation, zone.String(), since)
	if err != nil {
		return nil, err
	}
	for i := range names {
		n := &names[i]
		// One that does not open is like no name; who opens its page is told.
		d.vault(n.Case, n.CaseKey).open("cases", n.Case.String(), map[string]*string{"name": &n.CaseName})
	}
	list := slices.Concat(afterHours(hours, zone, since), many(hours, ManyInHour, leastInHour, zone, since), many(days, ManyInDay, leastInDay, zone, since),
		ownNames(names), manyRefused(refused, zone))
	slices.SortStableFunc(list, func(a, b Unusual) int { return b.From.Compare(a.From) })
	return list, nil
}

// onWall gives a stretch its instants: what the clock on the wall says, in the zone.
func onWall(start time.Time, zone *time.Location) time.Time {
	y, m, d := start.Date()
	return time.Date(y, m, d, start.Hour(), 0, 0, 0, zone)
}

// late reports an hour outside of the working day: at night, at a weekend, on a holiday.
func late(wall time.Time) bool {
	y, m, d := wall.Date()
	return wall.Hour() < opensAt || wall.Hour() >= closesAt || wall.Weekday() == time.Saturday || wall.Weekday() == time.Sunday ||
		referral.HolidayOn(y, m, d) != ""
}

// free tells working days from others: someone may be at work on Saturdays at ten and never on Mondays at night.
func free(wall time.Time) bool {
	y, m, d := wall.Date()
	return wall.Weekday() == time.Saturday || wall.Weekday() == time.Sunday || referral.HolidayOn(y, m, d) != ""
}

// afterHours finds late hours at which the person does not otherwise work.
func afterHours(hours []db.Seen, zone *time.Location, since time.Time) (list []Unusual) {
	type shift struct {
		actor uuid.UUID
		hour  int
		free  bool
	}
	worked := map[shift]int{}
	for _, h := range hours {
		worked[shift{h.Actor, h.Start.Hour(), free(h.Start)}]++
	}
	for _, h := range hours {
		from := onWall(h.Start, zone)
		if from.Before(since) || !late(h.Start) || worked[shift{h.Actor, h.Start.Hour(), free(h.Start)}] > habit {
			continue
		}
		list = append(list, Unusual{Oddity: AfterHours, Person: h.Actor, Name: h.Name, From: from, To: from.Add(time.Hour), Cases: h.Cases, References: h.References})
	}
	return list
}

// many finds stretches in which someone looked at far more cases than they do otherwise.
func many(seen []db.Seen, what Oddity, least int, zone *time.Location, since time.Time) (list []Unusual) {
	counts := map[uuid.UUID][]int{}
	for _, s := range seen {
		counts[s.Actor] = append(counts[s.Actor], len(s.Cases))
	}
	for _, s := range seen {
		from := onWall(s.Start, zone)
		usual := median(counts[s.Actor], len(s.Cases))
		if from.Before(since) || len(s.Cases) < max(least, times*usual) {
			continue
		}
		to := from.Add(time.Hour)
		if what == ManyInDay {
			to = from.AddDate(0, 0, 1)
		}
		list = append(list, Unusual{Oddity: what, Person: s.Actor, Name: s.Name, From: from, To: to, Cases: s.Cases, References: s.References, Usual: usual})
	}
	return list
}

// median of all but one of the counts; 0 when there is no other.
func median(counts []int, but int) int {
	sorted := slices.Sorted(slices.Values(counts))
	if i, ok := slices.BinarySearch(sorted, but); ok {
		sorted = slices.Delete(sorted, i, i+1)
	}
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}

// manyRefused finds days on which someone was refused again and again.
func manyRefused(days []db.Seen, zone *time.Location) (list []Unusual) {
	for _, s := range days {
		if s.Tries < leastRefused {
			continue
		}
		from := onWall(s.Start, zone)
		list = append(list, Unusual{Oddity: ManyRefused, Person: s.Actor, Name: s.Name, From: from, To: from.AddDate(0, 0, 1), Cases: s.Cases, References: s.References,
			Tries: s.Tries})
	}
	return list
}

// ownNames finds cases in whose name is the family name of who looked, or tried to.
func ownNames(names []db.NameSeen) (list []Unusual) {
	for _, n := range names {
		own := familyName(n.Name)
		words := nameWords(n.CaseName)
		if own == "" || !slices.Contains(words, own) {
			continue
		}
		what := OwnName
		if n.Refused {
			what = OwnNameTried
		}
		list = append(list, Unusual{Oddity: what, Person: n.Actor, Name: n.Name, From: n.First, To: n.Last, Cases: []uuid.UUID{n.Case}, References: []string{n.Reference}})
	}
	return list
}

// familyName is the last word of a name; "" of a name of one word.
func familyName(name string) string {
	words := nameWords(name)
	if len(words) < 2 {
		return ""
	}
	return words[len(words)-1]
}
