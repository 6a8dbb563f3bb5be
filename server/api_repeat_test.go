package server

import (
	"sync"
	"testing"

	"github.com/google/uuid"
)

func TestSameKeySameAnswer(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	key, body := uuid.NewString(), h.referBody(nil)
	first := h.ask("POST", "/referrals", h.navigator, body, idempotencyKey, key).is(201)
	again := h.ask("POST", "/referrals", h.navigator, body, idempotencyKey, key).is(201)
	if string(first.Raw) != string(again.Raw) || again.Header.Get("Location") != first.Header.Get("Location") {
		t.Errorf("two answers:\n%s\n%s", first.Raw, again.Raw)
	}
	h.ask("POST", "/referrals", h.navigator, h.referBody(map[string]any{"need": "housing"}), idempotencyKey, key).
		is(422, "invalid", idempotencyKey)
	h.ask("POST", "/cases", h.navigator, `{}`, idempotencyKey, key).is(422, "invalid", idempotencyKey)
	h.ask("POST", "/cases", h.stranger, `{}`, idempotencyKey, key).is(201)
	h.count(1, `SELECT count(*) FROM referrals`)

	key = uuid.NewString()
	opened := h.ask("POST", "/cases", h.navigator, `{"name":"Bo"}`, idempotencyKey, key).is(201)
	repeated := h.ask("POST", "/cases", h.navigator, `{"name":"Bo"}`, idempotencyKey, key).is(201)
	if string(opened.Raw) != string(repeated.Raw) {
		t.Errorf("two answers:\n%s\n%s", opened.Raw, repeated.Raw)
	}
}

func TestSameKeyOnACommand(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	one, _ := h.offered()
	two, _ := h.offered()
	key := uuid.NewString()
	first := h.ask("POST", "/referrals/"+one.ReferralID.String()+"/accept", h.navigator, `{"told_by":"Sam"}`, idempotencyKey, key).is(200)
	h.ask("POST", "/referrals/"+one.ReferralID.String()+"/contact", h.navigator, `{"told_by":"Sam"}`).is(200)
	again := h.ask("POST", "/referrals/"+one.ReferralID.String()+"/accept", h.navigator, `{"told_by":"Sam"}`, idempotencyKey, key).is(200)
	if string(first.Raw) != string(again.Raw) {
		t.Errorf("two answers:\n%s\n%s", first.Raw, again.Raw)
	}
	h.ask("POST", "/referrals/"+two.ReferralID.String()+"/accept", h.navigator, `{"told_by":"Sam"}`, idempotencyKey, key).
		is(422, "invalid", idempotencyKey)
}

func TestSameKeyAtOnce(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	key, body := uuid.NewString(), h.referBody(nil)
	var all sync.WaitGroup
	answers := make([]apiReply, 20)
	for i := range answers {
		all.Go(func() { answers[i] = h.ask("POST", "/referrals", h.navigator, body, idempotencyKey, key) })
	}
	all.Wait()
	ids := map[string]bool{}
	for _, a := range answers {
		switch a.Status {
		case 201:
			ids[a.text("id")] = true
		case 409:
			if a.Header.Get("Retry-After") == "" || a.field() != idempotencyKey {
				t.Errorf("in flight: %v %s", a.Header, a.Raw)
			}
		default:
			t.Errorf("got %d: %s", a.Status, a.Raw)
		}
	}
	if len(ids) != 1 {
		t.Errorf("%d referrals were answered", len(ids))
	}
	h.count(1, `SELECT count(*) FROM referrals`)
}

// TestSameKeyInFlight holds a key as a request at work does.
func TestSameKeyInFlight(t *testing.T) {
	t.Parallel()
	h := newHelpline(t, Config{})
	key := uuid.NewString()
	tx, err := h.db.BeginTxx(t.Context(), nil)
	h.must(err)
	defer tx.Rollback()
	_, err = tx.Exec(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, h.account.ID.String()+"/"+key)
	h.must(err)
	busy := h.ask("POST", "/cases", h.navigator, `{}`, idempotencyKey, key).is(409, "conflict", idempotencyKey)
	if busy.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	h.must(tx.Rollback())
	h.ask("POST", "/cases", h.navigator, `{}`, idempotencyKey, key).is(201)
}
