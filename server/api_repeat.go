package server

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// Headers that make a change safe to send twice.
const (
	idempotencyKey = "Idempotency-Key"
	ifMatch        = "If-Match"
)

// change reads what a POST or a PATCH asks for: its body into a struct, and its key together with all that the key stands for. The
// path belongs to that, or a key used on one referral would give its answer on another. Fields, when given, are the
// only ones of the struct that this request takes.
func change(c echo.Context, into any, fields ...string) (*casework.Key, error) {
	key, err := readKey(c.Request().Header)
	if err != nil {
		return nil, err
	}
	raw, err := readJSON(c.Request(), into)
	if err != nil {
		return nil, err
	}
	if err := onlyFields(raw, fields); err != nil {
		return nil, err
	}
	return &casework.Key{Key: key, Body: append([]byte(c.Request().URL.Path+"\n"), raw...)}, nil
}

func onlyFields(raw []byte, fields []string) error {
	var sent map[string]jsontext.Value
	if len(fields) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, &sent); err != nil {
		return malformed("the body must be one JSON object")
	}
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		if !slices.Contains(fields, name) {
			return referral.Invalid("/"+name, "is not a field of this command")
		}
	}
	return nil
}

// readKey takes one Idempotency-Key of 8 to 200 visible ASCII characters.
func readKey(h http.Header) (string, error) {
	keys := h.Values(idempotencyKey)
	visible := func(r rune) bool { return r >= '!' && r <= '~' }
	if len(keys) != 1 || len(keys[0]) < 8 || len(keys[0]) > 200 || strings.ContainsFunc(keys[0], func(r rune) bool { return !visible(r) }) {
		return "", &referral.Error{Code: referral.CodeMalformed, Field: idempotencyKey,
			Message: "send one Idempotency-Key of 8 to 200 visible ASCII characters"}
	}
	return keys[0], nil
}

// etag names a version of a referral or a case.
func etag(version int) string { return `"` + strconv.Itoa(version) + `"` }

// versionWanted reads If-Match: 0 when any version will do. What can't be an ETag of ours matches nothing, as RFC 9110
// has it, and is stale.
func versionWanted(h http.Header) (int, error) {
	tag := strings.TrimSpace(h.Get(ifMatch))
	if tag == "" || tag == "*" {
		return 0, nil
	}
	version, err := strconv.Atoi(strings.Trim(tag, `"`))
	if err != nil || version < 1 || tag != etag(version) {
		return 0, &referral.Error{Code: referral.CodeStale, Field: ifMatch, Message: "is not the current ETag"}
	}
	return version, nil
}
