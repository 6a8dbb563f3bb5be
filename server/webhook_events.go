package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/referral"
)

const (
	// maxEvents of one request; SendGrid sends about a thousand at most.
	maxEvents = 10_000
	// Events that claim to be older or newer than this are no news: SendGrid tries for three days and tells for one more.
	oldestEvent, newestEvent = 30 * 24 * time.Hour, 24 * time.Hour
)

// sendGridEvent is what we read of an event. The custom argument mid stands among SendGrid's own fields. Each is read by
// itself, so that one of an unexpected type spoils nothing else.
type sendGridEvent struct {
	ID        json.RawMessage `json:"sg_event_id"`
	Event     json.RawMessage `json:"event"`
	Type      json.RawMessage `json:"type"`
	Timestamp json.RawMessage `json:"timestamp"`
	MID       json.RawMessage `json:"mid"`
}

// readEvents reads a batch. Every event of it comes back: what can't be understood has a fault, and an id made of
// what it says, so that it is not kept twice when it comes twice. ok is false when the body is no list of events at all.
func readEvents(body []byte, now time.Time) (events []casework.ProviderEvent, ok bool) {
	var batch []json.RawMessage
	if err := json.Unmarshal(body, &batch); err != nil || batch == nil {
		return nil, false
	}
	for _, raw := range batch {
		events = append(events, readEvent(raw, now))
	}
	return events, true
}

var (
	eventID   = regexp.MustCompile(`^[\x21-\x7e]{1,200}$`)
	eventWord = regexp.MustCompile(`^[a-z_]{1,40}$`)
)

func readEvent(raw json.RawMessage, now time.Time) casework.ProviderEvent {
	sum := sha256.Sum256(raw)
	e := casework.ProviderEvent{ID: "sha256:" + hex.EncodeToString(sum[:]), Raw: raw}
	var in sendGridEvent
	if !bytes.HasPrefix(raw, []byte("{")) || json.Unmarshal(raw, &in) != nil {
		e.Fault = casework.FaultNotAnObject
		return e
	}
	if word := textOf(in.Event); eventWord.MatchString(word) {
		e.Word = wordOf(word, textOf(in.Type))
	}
	id := textOf(in.ID)
	if !eventID.MatchString(id) {
		e.Fault = casework.FaultNoID
		return e
	}
	e.ID = id
	e.At, e.Letter, e.Fault = whenAndWhat(in, now)
	return e
}

// whenAndWhat reads when it happened, and of which letter it speaks.
func whenAndWhat(in sendGridEvent, now time.Time) (at time.Time, letter uuid.UUID, fault casework.Fault) {
	mid := textOf(in.MID)
	letter, err := uuid.Parse(mid)
	switch {
	case in.MID == nil:
		// Somebody else's mail by the same account, or a word about the account itself.
		return time.Time{}, uuid.Nil, casework.FaultNoLetter
	case err != nil || len(mid) != 36:
		return time.Time{}, uuid.Nil, casework.FaultBadLetter
	}
	var seconds int64
	if json.Unmarshal(in.Timestamp, &seconds) != nil {
		return time.Time{}, letter, casework.FaultTime
	}
	at = time.Unix(seconds, 0).UTC()
	if at.Before(now.Add(-oldestEvent)) || at.After(now.Add(newestEvent)) {
		return time.Time{}, letter, casework.FaultTime
	}
	return at, letter, ""
}

// wordOf is SendGrid's word as we use it: it calls a block a bounce of another type.
func wordOf(event, kind string) referral.MailWord {
	if word := referral.MailWord(event); word != referral.WordBounce || kind != "blocked" {
		return word
	}
	return referral.WordBlocked
}

// textOf is a JSON string's text; "" for anything else.
func textOf(raw json.RawMessage) (text string) {
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}
