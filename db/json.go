package db

import "encoding/json"

// asJSON gives a value as the text of a jsonb parameter.
func asJSON(v any) (string, error) {
	raw, err := json.Marshal(v)
	return string(raw), err
}
