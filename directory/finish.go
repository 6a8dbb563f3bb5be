package directory

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

func finishTerm(r *row) {
	if r.text("code") == "" {
		r.values["code"] = r.sourceID
	}
}

func finishAgency(r *row) {
	if _, ok := r.values["mail_language"]; !ok {
		r.values["mail_language"] = "en"
	}
}

func finishService(r *row) {
	if _, ok := r.values["status"]; !ok {
		r.values["status"] = "active"
	}
	if needs, ok := r.values["needs"].(pq.StringArray); ok {
		r.values["needs_from"] = fromFile(len(needs) > 0)
	}
	if zone, ok := r.values["time_zone"].(string); ok {
		r.values["time_zone_from"] = fromFile(zone != "")
	}
	low, okLow := r.values["minimum_age"].(float64)
	high, okHigh := r.values["maximum_age"].(float64)
	if okLow && okHigh && high < low {
		r.values["minimum_age"], r.values["maximum_age"] = nil, nil
		r.repaired("maximum_age", "ages_reversed", "the oldest is younger than the youngest; both left out")
	}
}

func fromFile(given bool) string {
	if given {
		return "file"
	}
	return "derived"
}

// finishLocation keeps both coordinates or none, and takes 0, 0 for what it is: a blank that became a number.
func finishLocation(r *row) {
	lat, hasLat := r.values["latitude"].(float64)
	lon, hasLon := r.values["longitude"].(float64)
	if _, ok := r.values["latitude"]; !ok {
		return
	}
	if hasLat && hasLon && (lat != 0 || lon != 0) {
		return
	}
	if hasLat || hasLon {
		r.repaired("latitude", "bad_coordinates", "half a place, or the zero point; left out")
	} else if r.text("location_type") != "virtual" {
		r.find(Noted, "latitude", "no_coordinates", "how far it is can only be told from its town or postal code")
	}
	r.values["latitude"], r.values["longitude"] = nil, nil
}

func finishAddress(r *row) {
	if r.text("address_type") == "" {
		r.values["address_type"] = "physical"
		if strings.HasPrefix(strings.ToLower(r.file), "postal") {
			r.values["address_type"] = "postal"
		}
	}
	r.withhold("attention")
}

// withhold leaves out what names a member of an agency's staff, unless the import was asked to keep it.
func (r *row) withhold(columns ...string) {
	if r.im.in.StaffNames {
		return
	}
	for _, c := range columns {
		if r.text(c) != "" {
			r.values[c] = ""
			r.find(Noted, c, "staff_name_withheld", "names of staff are kept only when asked for")
		}
	}
}

// finishContact joins the phone number HSDS 1.1 gives in parts; what has no ten digits can't be called.
func finishContact(r *row) {
	r.withhold("name", "title", "title_fr")
	if _, ok := r.values["phone"]; !ok {
		return
	}
	given := r.text("phone")
	phone := strings.Trim(r.text("-areacode")+"-"+given, "-")
	if given != "" && countDigits(phone) < 10 {
		r.repaired("phone_number", "incomplete_phone", "fewer than ten digits; left out")
		given = ""
	}
	if given == "" {
		phone = ""
	} else if ext := r.text("-extension"); ext != "" {
		phone += " x" + ext
	}
	r.values["phone"] = phone
}

var phoneExtension = regexp.MustCompile(`(?i)^(.*\d)[\s,;]*(?:x|ext\.?|extension|poste|#)\s*\.?\s*(\d{1,8})$`)

func finishPhone(r *row) {
	number := strings.Trim(r.text("number"), `"' `)
	if m := phoneExtension.FindStringSubmatch(number); m != nil && r.text("extension") == "" {
		number = strings.TrimSpace(m[1])
		r.values["extension"] = m[2]
		r.repaired("number", "extension_in_number", "the extension put in its own field")
	} else if _, ok := r.values["extension"]; !ok {
		r.values["extension"] = ""
	}
	if number != "" && countDigits(number) < 3 {
		r.drop(Skipped, "number", "no_number", "fewer than three digits")
	}
	r.values["number"] = number
}

func countDigits(s string) int {
	n := 0
	for _, c := range s {
		if unicode.IsDigit(c) {
			n++
		}
	}
	return n
}

var hoursProblems = map[string]string{
	"bad_time":            "the hours can't be read for certain; kept as words",
	"open_equals_close":   "opening and closing are the same; kept as words",
	"closes_before_opens": "closing comes before opening; kept as words",
	"no_hours":            "no opening and closing time; kept as words",
	"bad_weekday":         "the days can't be read as days of a week; kept as words",
}

// finishSchedule reads days and hours, and keeps as words what can't be read for certain.
func finishSchedule(r *row) {
	opens, closes := r.text("-opens"), r.text("-closes")
	given := strings.TrimSpace(strings.Join([]string{r.text("-weekday"), r.text("byday")}, " "))
	days, ok := parseWeekdays(given)
	if len(days) == 0 && strings.EqualFold(r.text("freq"), "daily") {
		days = pq.Int64Array{1, 2, 3, 4, 5, 6, 7}
	}
	from, to, problem := openHours(opens, closes)
	if !ok {
		from, to, problem = nil, nil, "bad_weekday"
	}
	r.values["weekdays"], r.values["opens_at"], r.values["closes_at"] = days, from, to
	words := r.text("original_text")
	if problem != "" && words == "" {
		words = strings.TrimSpace(given + " " + strings.Trim(opens+"–"+closes, "–"))
	}
	r.values["original_text"] = words
	switch {
	case problem == "no_hours" && words+r.text("description")+r.text("notes") == "":
		r.drop(Skipped, "", "empty", "neither hours nor words about them")
	case problem != "":
		r.repaired("opens_at", problem, hoursProblems[problem])
	}
}

func finishServiceTerm(r *row) {
	if _, ok := r.values["service_id"].(uuid.UUID); !ok {
		return
	}
	if _, ok := r.values["term_id"].(uuid.UUID); !ok {
		r.drop(Skipped, "taxonomy_term_id", "no_term", "the term is not in the package")
	}
}
