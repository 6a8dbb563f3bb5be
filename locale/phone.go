package locale

import "github.com/nyaruka/phonenumbers"

// Phone writes a Canadian number as people read it, "(705) 555-0100"; what is not a number stays as it was typed.
func (l *Localizer) Phone(raw string) string {
	number, err := phonenumbers.Parse(raw, "CA")
	if err != nil || !phonenumbers.IsPossibleNumber(number) {
		return raw
	}
	extension := number.GetExtension()
	if extension == "" {
		return phonenumbers.Format(number, phonenumbers.NATIONAL)
	}
	number.Extension = nil
	return l.T("page.extension", map[string]any{"Number": phonenumbers.Format(number, phonenumbers.NATIONAL), "Extension": extension})
}
