package server

import "regexp"

// healthNumber is an Ontario health number as cards print it, 4-3-3 and a version code; the check digit decides.
var healthNumber = regexp.MustCompile(`\b([0-9]{4})[ -]?([0-9]{3})[ -]?([0-9]{3})([ -]?[A-Za-z]{1,2})?\b`)

// holdsHealthNumber reports a text with what may be a health number, which no referral needs.
func holdsHealthNumber(text string) bool {
	for _, m := range healthNumber.FindAllStringSubmatch(text, -1) {
		if luhn(m[1] + m[2] + m[3]) {
			return true
		}
	}
	return false
}

// luhn checks the last digit by ISO/IEC 7812-1, annex B.
func luhn(digits string) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return sum%10 == 0
}
