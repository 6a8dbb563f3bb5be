package directory

import (
	"database/sql"
	"strings"

	"throughline/referral"
)

// provinceZones holds the zone in which most people of a Canadian province live. Ontario's is referral's to tell.
var provinceZones = map[string]string{
	"BC": "America/Vancouver", "AB": "America/Edmonton", "SK": "America/Regina", "MB": "America/Winnipeg",
	"QC": "America/Toronto", "NB": "America/Moncton", "NS": "America/Halifax", "PE": "America/Halifax",
	"NL": "America/St_Johns", "YT": "America/Whitehorse", "NT": "America/Yellowknife", "NU": "America/Iqaluit",
}

// zoneOf gives the IANA zone of an address in Canada, and "" where it can't be told. In Ontario the postal code decides,
// and 90° W where there is none.
func zoneOf(province, postal string, longitude sql.NullFloat64) string {
	province = strings.ToUpper(strings.TrimSpace(province))
	switch {
	case province != "ON" && province != "ONTARIO":
		return provinceZones[province]
	case strings.TrimSpace(postal) == "" && longitude.Valid && longitude.Float64 < -90:
		return referral.Winnipeg.String()
	}
	return referral.ZoneOfPostalCode(postal).String()
}
