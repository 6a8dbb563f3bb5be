package referral

import (
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the zones must be the same on every machine
)

// Ontario keeps two times. Most of it is on Eastern time; Kenora and Rainy River districts, and Thunder Bay District
// west of 90° W, are on Central time (Time Act, R.S.O. 1990, c. T.9, s. 1). Atikokan and Pickle Lake keep Eastern
// standard time all year by local custom.
var (
	Toronto  = mustZone("America/Toronto")
	Winnipeg = mustZone("America/Winnipeg")
	Atikokan = mustZone("America/Atikokan")
)

func mustZone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

// centralFSAs are the forward sortation areas on Central time: Red Lake and the north (P0V), Rainy River (P0W),
// Kenora's surroundings (P0X, P0Y), Dryden (P8N), Sioux Lookout (P8T), Fort Frances (P9A) and Kenora (P9N).
var centralFSAs = map[string]bool{"P0V": true, "P0W": true, "P0X": true, "P0Y": true, "P8N": true, "P8T": true,
	"P9A": true, "P9N": true}

// ZoneOfPostalCode gives the zone of an Ontario postal code, in any case and spacing; Toronto when it is not known.
func ZoneOfPostalCode(code string) *time.Location {
	code = strings.ToUpper(strings.Join(strings.Fields(code), ""))
	switch {
	case strings.HasPrefix(code, "P0T1C"), strings.HasPrefix(code, "P0V3A"):
		return Atikokan
	case len(code) >= 3 && centralFSAs[code[:3]]:
		return Winnipeg
	}
	return Toronto
}

// zones keeps what was read: reading a zone takes longer than all the rest of a decision.
var zones sync.Map

// ZoneNamed gives an IANA zone by name; Toronto when name is empty, an invalid error when it does not exist.
func ZoneNamed(name string) (*time.Location, error) {
	if name == "" {
		return Toronto, nil
	}
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, Invalid("time_zone", "is not an IANA time zone")
	}
	zones.Store(name, loc)
	return loc, nil
}
