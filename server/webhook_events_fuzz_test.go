package server

import (
	"bytes"
	"testing"

	"throughline/casework"
)

// Whatever SendGrid signs, each event of a batch comes back as itself: understood whole, or with a fault.
func FuzzReadEvents(f *testing.F) {
	f.Add([]byte(`[{"email":"a@b.example","event":"bounce","type":"blocked","sg_event_id":"x","timestamp":1795446000,"mid":"7f2c1b34-9d5e-4c7a-8f10-2b3c4d5e6f70"}]`))
	f.Add([]byte(`[null,7,"x",{},{"mid":""},{"sg_event_id":"\u0000"},{"timestamp":1e999},{"event":["bounce"]}]`))
	f.Add([]byte("[{\"sg_event_id\":\"\xff\",\"mid\":\"\xed\xa0\x80\"}]"))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, ok := readEvents(body, mondayTen)
		if !ok && events != nil {
			t.Fatal("what is no batch has events")
		}
		again, _ := readEvents(body, mondayTen)
		for i, e := range events {
			if e.ID == "" || e.ID != again[i].ID || len(e.ID) > 200 || !eventID.MatchString(e.ID) {
				t.Fatalf("the id %q is not one, or not the same twice", e.ID)
			}
			if !bytes.Contains(body, e.Raw) {
				t.Fatal("an event is not kept as it came")
			}
			if e.Word != "" && !eventWord.MatchString(string(e.Word)) {
				t.Fatalf("the word %q", e.Word)
			}
			if e.Fault == "" && (e.At.IsZero() || e.At.Sub(mondayTen) > newestEvent || mondayTen.Sub(e.At) > oldestEvent) {
				t.Fatalf("it happened %s", e.At)
			}
			if e.Fault == casework.FaultTime && !e.At.IsZero() {
				t.Fatalf("a bad time is used: %s", e.At)
			}
		}
	})
}
