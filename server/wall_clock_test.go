package server

import (
	"testing"
	"time"

	"throughline/referral"
)

func TestWallClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		date, clock string
		zone        *time.Location
		want        []string
		fault       string
	}{
		{"2026-12-01", "14:30", referral.Toronto, []string{"2026-12-01T19:30:00Z"}, ""},
		{"2026-07-01", "00:00", referral.Toronto, []string{"2026-07-01T04:00:00Z"}, ""},
		{"2026-12-01", "14:30", referral.Winnipeg, []string{"2026-12-01T20:30:00Z"}, ""},
		{"2027-03-14", "01:59", referral.Toronto, []string{"2027-03-14T06:59:00Z"}, ""},
		{"2027-03-14", "02:00", referral.Toronto, nil, "gap"},
		{"2027-03-14", "02:59", referral.Toronto, nil, "gap"},
		{"2027-03-14", "03:00", referral.Toronto, []string{"2027-03-14T07:00:00Z"}, ""},
		{"2026-11-01", "00:59", referral.Toronto, []string{"2026-11-01T04:59:00Z"}, ""},
		{"2026-11-01", "01:00", referral.Toronto, []string{"2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z"}, ""},
		{"2026-11-01", "01:59", referral.Winnipeg, []string{"2026-11-01T06:59:00Z", "2026-11-01T07:59:00Z"}, ""},
		{"2026-11-01", "02:00", referral.Toronto, []string{"2026-11-01T07:00:00Z"}, ""},
		{"2026-11-01", "01:30", referral.Atikokan, []string{"2026-11-01T06:30:00Z"}, ""},
		{"2028-02-29", "12:00", referral.Toronto, []string{"2028-02-29T17:00:00Z"}, ""},
		{"2027-02-29", "12:00", referral.Toronto, nil, "date"},
		{"", "12:00", referral.Toronto, nil, "date"},
		{"01/02/2027", "12:00", referral.Toronto, nil, "date"},
		{"2027-02-01", "", referral.Toronto, nil, "time"},
		{"2027-02-01", "24:00", referral.Toronto, nil, "time"},
	} {
		got, fault := wallClock(c.date, c.clock, c.zone)
		if fault != c.fault || len(got) != len(c.want) {
			t.Errorf("%s %s in %s: %v %q, want %v %q", c.date, c.clock, c.zone, got, fault, c.want, c.fault)
			continue
		}
		for i, at := range got {
			if at.Format(time.RFC3339) != c.want[i] {
				t.Errorf("%s %s in %s: %s, want %s", c.date, c.clock, c.zone, at.Format(time.RFC3339), c.want[i])
			}
		}
	}
}
