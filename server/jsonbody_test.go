package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"throughline/referral"
)

type letter struct {
	Subject string      `json:"subject"`
	Year    int         `json:"year"`
	At      time.Time   `json:"at"`
	ID      uuid.UUID   `json:"id"`
	IDs     []uuid.UUID `json:"ids"`
	Inner   *struct {
		Given bool `json:"given"`
	} `json:"inner"`
}

func post(contentType string, body io.Reader) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.Header.Set("Content-Type", contentType)
	return r
}

func TestReadJSONRefuses(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return `{"inner":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}` }
	for name, c := range map[string]struct {
		body  string
		code  referral.Code
		field string
	}{
		"empty":                    {"", referral.CodeMalformed, ""},
		"only space":               {" \n", referral.CodeMalformed, ""},
		"truncated":                {`{"subject":"a`, referral.CodeMalformed, ""},
		"an array":                 {`[]`, referral.CodeMalformed, ""},
		"a string":                 {`"a"`, referral.CodeMalformed, ""},
		"byte order mark":          {"\xef\xbb\xbf{}", referral.CodeMalformed, ""},
		"comment":                  {`{/* */}`, referral.CodeMalformed, ""},
		"trailing comma":           {`{"year":1,}`, referral.CodeMalformed, ""},
		"duplicate key":            {`{"year":1,"year":2}`, referral.CodeMalformed, ""},
		"duplicate key, escaped":   {`{"year":1,"ye\u0061r":2}`, referral.CodeMalformed, ""},
		"duplicate key, deep":      {`{"inner":{"given":true,"given":false}}`, referral.CodeMalformed, ""},
		"second document":          {`{} {}`, referral.CodeMalformed, ""},
		"something after":          {`{}x`, referral.CodeMalformed, ""},
		"too deep":                 {deep(33), referral.CodeMalformed, ""},
		"far too deep":             {deep(100_000), referral.CodeMalformed, ""},
		"deep and unknown":         {deep(32), referral.CodeInvalid, "/inner"},
		"invalid UTF-8":            {"{\"subject\":\"\xff\"}", referral.CodeMalformed, ""},
		"overlong UTF-8":           {"{\"subject\":\"\xc0\x80\"}", referral.CodeMalformed, ""},
		"lone surrogate":           {`{"subject":"\ud800"}`, referral.CodeMalformed, ""},
		"surrogates reversed":      {`{"subject":"\udc00\ud800"}`, referral.CodeMalformed, ""},
		"NUL, escaped":             {`{"subject":"a\u0000"}`, referral.CodeInvalid, "/subject"},
		"NUL, raw":                 {"{\"subject\":\"a\x00\"}", referral.CodeMalformed, ""},
		"integer over 2^53":        {`{"year":9007199254740994}`, referral.CodeMalformed, ""},
		"integer far over":         {`{"year":123456789012345678901234567890}`, referral.CodeMalformed, ""},
		"below -2^53":              {`{"year":-9007199254740994}`, referral.CodeMalformed, ""},
		"NaN":                      {`{"year":NaN}`, referral.CodeMalformed, ""},
		"Infinity":                 {`{"year":Infinity}`, referral.CodeMalformed, ""},
		"1e999":                    {`{"year":1e999}`, referral.CodeMalformed, ""},
		"leading zero":             {`{"year":01}`, referral.CodeMalformed, ""},
		"fraction for an integer":  {`{"year":1980.5}`, referral.CodeInvalid, "/year"},
		"string for an integer":    {`{"year":"1980"}`, referral.CodeInvalid, "/year"},
		"number for a string":      {`{"subject":1}`, referral.CodeInvalid, "/subject"},
		"string for a boolean":     {`{"inner":{"given":"true"}}`, referral.CodeInvalid, "/inner/given"},
		"null":                     {`{"inner":null}`, referral.CodeInvalid, "/inner"},
		"unknown field":            {`{"colour":1}`, referral.CodeInvalid, "/colour"},
		"unknown field, deep":      {`{"inner":{"colour":1}}`, referral.CodeInvalid, "/inner/colour"},
		"unknown field, slash":     {`{"a/b~c":1}`, referral.CodeInvalid, "/a~1b~0c"},
		"other letters' case":      {`{"Subject":"a"}`, referral.CodeInvalid, "/Subject"},
		"unknown, then unreadable": {`{"colour":1,`, referral.CodeMalformed, ""},
		"a time without a zone":    {`{"at":"2026-11-23T10:00:00"}`, referral.CodeInvalid, "/at"},
		"a day that is not":        {`{"at":"2026-02-30T10:00:00Z"}`, referral.CodeInvalid, "/at"},
		"uuid in braces":           {`{"id":"{7d444840-9dc0-11d1-b245-5ffdce74fad2}"}`, referral.CodeInvalid, "/id"},
		"uuid with a letter":       {`{"ids":["7d444840-9dc0-11d1-b245-5ffdce74fad2","7d444840-9dc0-11d1-b245-5ffdce74fadx"]}`, referral.CodeInvalid, "/ids/1"},
		"uuid a number":            {`{"id":7}`, referral.CodeInvalid, "/id"},
		"too large":                {`{"subject":"` + strings.Repeat("a", maxBody) + `"}`, referral.CodeTooLarge, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var into letter
			_, err := readJSON(post("application/json", strings.NewReader(c.body)), &into)
			var answer *referral.Error
			if !errors.As(err, &answer) || answer.Code != c.code || answer.Field != c.field {
				t.Fatalf("got %v, want %s at %q", err, c.code, c.field)
			}
		})
	}
}

func TestReadJSONReads(t *testing.T) {
	t.Parallel()
	body := ` {"subject":"Zoë 👩‍👩‍👧 \ud83d\ude00 שלום","year":9007199254740992,"at":"2026-11-23T10:00:00-05:00",` +
		`"id":"7D444840-9dc0-11d1-b245-5ffdce74fad2","ids":[],"inner":{"given":true}} ` + "\n"
	for _, kind := range []string{"application/json", "application/json; charset=UTF-8", "Application/JSON"} {
		var into letter
		raw, err := readJSON(post(kind, strings.NewReader(body)), &into)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if string(raw) != body || into.Subject != "Zoë 👩‍👩‍👧 😀 שלום" || into.Year != 1<<53 || !into.Inner.Given ||
			into.ID.String() != "7d444840-9dc0-11d1-b245-5ffdce74fad2" || into.At.UTC().Hour() != 15 {
			t.Errorf("%s: read %+v", kind, into)
		}
	}
}

func TestReadJSONWantsJSON(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1",
		"application/jsonp", "text/json", ";"} {
		_, err := readJSON(post(kind, strings.NewReader(`{}`)), &letter{})
		if referral.CodeOf(err) != referral.CodeUnsupported {
			t.Errorf("%q: got %v", kind, err)
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestReadJSONOfABrokenConnection(t *testing.T) {
	t.Parallel()
	if _, err := readJSON(post("application/json", brokenPipe{}), &letter{}); referral.CodeOf(err) != referral.CodeMalformed {
		t.Errorf("got %v", err)
	}
}

// FuzzReadJSON holds that whatever is accepted is JSON for the standard library too and says the same there, and that
// every refusal is one of ours.
func FuzzReadJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"subject":"a","year":1}`, `{"inner":{"given":true}}`, `{"subject":"\ud800"}`,
		`{"year":1e3}`, `{"a":1,"a":2}`, `{"at":"2026-11-23T10:00:00Z"}`, "{\"subject\":\"\xff\"}", `[[[[`, `{"ids":["x"]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var ours, theirs letter
		err := decodeJSON(raw, &ours)
		if err != nil {
			if code := referral.CodeOf(err); code != referral.CodeMalformed && code != referral.CodeInvalid {
				t.Fatalf("refused with %s", code)
			}
			return
		}
		if err := json.Unmarshal(raw, &theirs); err != nil {
			t.Fatalf("the standard library refuses what we take: %v", err)
		}
		if ours.Subject != theirs.Subject || ours.Year != theirs.Year || ours.ID != theirs.ID || !ours.At.Equal(theirs.At) {
			t.Fatalf("two readings: %+v and %+v", ours, theirs)
		}
	})
}
