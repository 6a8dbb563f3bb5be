package faults

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Entry is one answer in the outside log, or the end of trying to get one. It holds no personal data.
type Entry struct {
	At   time.Time `json:"at"`
	Life int       `json:"life"`
	// Mark stands in the record beside what the operation did: in the details of a new referral, in the note of anything
	// else. No other operation has it.
	Mark     string    `json:"mark"`
	Via      string    `json:"via"` // api, link
	Do       string    `json:"do"`
	Key      string    `json:"key,omitempty"`
	Referral uuid.UUID `json:"referral"`
	Offer    uuid.UUID `json:"offer,omitzero"`
	Task     uuid.UUID `json:"task,omitzero"`
	// Page is the version of the referral when the agency's page was made; If the version that the request insisted on.
	Page int `json:"page,omitempty"`
	If   int `json:"if,omitempty"`
	// Try counts the attempts at the same request; Again says that it had been answered before.
	Try   int  `json:"try"`
	Again bool `json:"again,omitempty"`
	// Forged says that the key of an answered request was sent with another body.
	Forged bool `json:"forged,omitempty"`
	// Machine says that a form was posted without a name, as mail scanners do.
	Machine bool `json:"machine,omitempty"`

	Status  int    `json:"status"` // 0: nobody knows what became of it
	Version int    `json:"version,omitempty"`
	State   string `json:"state,omitempty"`
	Code    string `json:"code,omitempty"`    // of a refusal
	Outcome string `json:"outcome,omitempty"` // what was told to a loser
	Digest  string `json:"digest,omitempty"`  // of a good answer's body
	// Clock is the appointment that was made, as the agency's own clock shows it: "2027-11-07 01:30 -05:00", the offset in
	// the repeated hour only.
	Clock string `json:"clock,omitempty"`
}

// Good reports an operation that was acknowledged as done.
func (e Entry) Good() bool { return e.Status >= 200 && e.Status < 400 }

// Ledger is the outside log. What it has taken is on disk.
type Ledger struct {
	file    *os.File
	pending chan noted
	ended   chan struct{}
	once    sync.Once
	failed  error // set before ended is closed
}

type noted struct {
	line []byte
	done chan error
}

// OpenLedger begins an outside log.
func OpenLedger(path string) (*Ledger, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("outside log: %w", err)
	}
	l := &Ledger{file: file, pending: make(chan noted, 256), ended: make(chan struct{})}
	go l.write()
	return l, nil
}

// Note returns when the entry is on disk.
func (l *Ledger) Note(e Entry) error {
	e.At = time.Now().UTC()
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("outside log: %w", err)
	}
	n := noted{append(line, '\n'), make(chan error, 1)}
	l.pending <- n
	return <-n.done
}

// write takes what has come together at once, so that those who wait share one flush to the disk.
func (l *Ledger) write() {
	defer close(l.ended)
	for n := range l.pending {
		batch := []noted{n}
		for more := true; more && len(batch) < cap(l.pending); {
			select {
			case n, open := <-l.pending:
				if more = open; open {
					batch = append(batch, n)
				}
			default:
				more = false
			}
		}
		var lines []byte
		for _, n := range batch {
			lines = append(lines, n.line...)
		}
		_, err := l.file.Write(lines)
		err = errors.Join(err, l.file.Sync())
		l.failed = errors.Join(l.failed, err)
		for _, n := range batch {
			n.done <- err
		}
	}
}

// Close ends the log. Nobody may note anything from then on.
func (l *Ledger) Close() error {
	l.once.Do(func() { close(l.pending) })
	<-l.ended
	return errors.Join(l.failed, l.file.Close())
}

// ReadLedger reads an outside log.
func ReadLedger(path string) ([]Entry, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("outside log: %w", err)
	}
	defer file.Close()
	var all []Entry
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("outside log: line %d: %w", len(all)+1, err)
		}
		all = append(all, e)
	}
	return all, lines.Err()
}
