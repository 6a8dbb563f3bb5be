package server

import (
	"bytes"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"throughline/referral"
)

// Bounds of a JSON body.
const (
	maxBody  = 256 << 10
	maxDepth = 32
	// maxExact is the largest integer that every JSON reader keeps exactly (RFC 8259, section 6).
	maxExact = 1 << 53
)

// readJSON reads the one JSON document of a request into a struct and returns its bytes. Errors: unsupported_type, when
// it does not call itself JSON; too_large; malformed, when two readers could disagree about what it says; invalid with
// a JSON Pointer, when a value is not what the field takes.
func readJSON(r *http.Request, into any) ([]byte, error) {
	if !callsItselfJSON(r.Header.Get("Content-Type")) {
		return nil, &referral.Error{Code: referral.CodeUnsupported, Message: "send application/json in UTF-8"}
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong), len(raw) > maxBody:
		return nil, &referral.Error{Code: referral.CodeTooLarge, Message: "the body is over 256 KiB"}
	case err != nil:
		return nil, malformed("the body could not be read to its end")
	}
	return raw, decodeJSON(raw, into)
}

func callsItselfJSON(header string) bool {
	kind, params, err := mime.ParseMediaType(header)
	if err != nil || kind != "application/json" {
		return false
	}
	charset, given := params["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}

func decodeJSON(raw []byte, into any) error {
	if err := inspect(raw); err != nil {
		return err
	}
	err := json.Unmarshal(raw, into, json.RejectUnknownMembers(true), json.WithUnmarshalers(json.UnmarshalFromFunc(plainUUID)))
	if err == nil {
		return nil
	}
	var wrong *json.SemanticError
	if !errors.As(err, &wrong) {
		return malformed("this is not one JSON document")
	}
	if errors.Is(err, json.ErrUnknownName) {
		return referral.Invalid(string(wrong.JSONPointer), "is not a field of this request")
	}
	return referral.Invalid(string(wrong.JSONPointer), "is not of the type that this field takes")
}

// inspect walks the whole document before any of it is used. The decoder itself refuses duplicate names, invalid UTF-8
// and lone surrogates.
func inspect(raw []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	if d.PeekKind() != '{' {
		return malformed("the body must be one JSON object")
	}
	var wrong error // a wrong value counts only when the whole document can be read
	for {
		token, err := d.ReadToken()
		if err != nil {
			return malformed("this is not JSON that can be read in just one way: " + whyUnreadable(err))
		}
		if d.StackDepth() > maxDepth {
			return malformed("the document is nested too deeply")
		}
		if token.Kind() == '0' && !exact(token.String()) {
			return malformed("a number is too large to be kept exactly")
		}
		if wrong == nil {
			wrong = wrongValue(token, d)
		}
		if d.StackDepth() == 0 {
			break
		}
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return malformed("there is something after the document")
	}
	return wrong
}

func wrongValue(token jsontext.Token, d *jsontext.Decoder) error {
	switch token.Kind() {
	case '"':
		if strings.ContainsRune(token.String(), 0) {
			return referral.Invalid(string(d.StackPointer()), "holds a NUL character")
		}
	case 'n':
		return referral.Invalid(string(d.StackPointer()), "is null; leave the field out instead")
	}
	return nil
}

// whyUnreadable names the fault without any of the text around it.
func whyUnreadable(err error) string {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "a name stands twice in one object"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ends too early"
	}
	return "a character is out of place"
}

func exact(number string) bool {
	f, err := strconv.ParseFloat(number, 64)
	return err == nil && math.Abs(f) <= maxExact
}

// plainUUID takes the one spelling of RFC 9562 that every system writes, not the braces and prefixes that uuid.Parse
// puts up with.
func plainUUID(d *jsontext.Decoder, id *uuid.UUID) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != '"' {
		return errNotUUID
	}
	text := token.String()
	if len(text) != 36 {
		return errNotUUID
	}
	if *id, err = uuid.Parse(text); err != nil {
		return errNotUUID
	}
	return nil
}

var errNotUUID = errors.New("not a UUID")

func malformed(why string) error {
	return &referral.Error{Code: referral.CodeMalformed, Message: why}
}
