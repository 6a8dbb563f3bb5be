package directory

import (
	"database/sql"
	"strings"
)

// provinceZones holds the zone in which most people of a Canadian province live.
var provinceZones = map[string]string{
	"BC": "America/Vancouver", "AB": "America/Edmonton", "SK": "America/Regina", "MB": "America/Winnipeg",
	"ON": "America/Toronto", "ONTARIO": "America/Toronto", "QC": "America/Toronto", "NB": "America/Moncton",
	"NS": "America/Halifax", "PE": "America/Halifax", "NL": "America/St_Johns", "YT": "America/Whitehorse",
	"NT": "America/Yellowknife", "NU": "America/Iqaluit",
}

// zoneOf gives the IANA zone of an address in Canada, and "" where it can't be told. Ontario west of 90° W keeps
// Central time (Time Act, R.S.O. 1990, c. T.9); its postal codes there begin with P8 or P9, P0V to P0Y.
func zoneOf(province, postal string, longitude sql.NullFloat64) string {
	zone := provinceZones[strings.ToUpper(strings.TrimSpace(province))]
	if zone != "America/Toronto" {
		return zone
	}
	postal = strings.ToUpper(strings.TrimSpace(postal))
	west := longitude.Valid && longitude.Float64 < -90
	for _, area := range []string{"P8", "P9", "P0V", "P0W", "P0X", "P0Y"} {
		west = west || !longitude.Valid && strings.HasPrefix(postal, area)
	}
	if west {
		return "America/Winnipeg"
	}
	return zone
}
