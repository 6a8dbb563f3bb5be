package casework

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"throughline/db"
)

// Retirement is that the beginning of an organisation's audit was taken away, by what an entry of its chain says.
type Retirement struct {
	Organisation uuid.UUID `json:"organisation_id"`
	Seq          int64     `json:"seq"`      // of the entry
	Entry        int64     `json:"audit_id"` // its number
	UpTo         int64     `json:"up_to"`    // the last place whose entry was taken away
	At           time.Time `json:"at"`
	Via          string    `json:"via"` // clock: the schedule; cli: the owner of the database
}

const (
	// auditYears is how long each entry is kept at least, as audit_retire holds to.
	auditYears = 10
	// linkedLate is how long after an entry was written its link may be made while nobody is at fault: no process runs.
	linkedLate = 24 * time.Hour
)

// retires notes what retention took away: an entry of the chain itself says so.
func (w *walk) retires(e db.AuditRow) {
	if e.Action != "retire_audit" {
		return
	}
	if up, err := strconv.ParseInt(e.Why, 10, 64); err == nil && up < w.seq {
		w.retirements = append(w.retirements, Retirement{Organisation: w.organisation, Seq: w.seq, Entry: e.ID, UpTo: up, At: e.At, Via: e.Via})
	}
}

// retired is up to where entries were taken away.
func (w *walk) retired() (up int64) {
	for _, r := range w.retirements {
		up = max(up, r.UpTo)
	}
	return up
}

// tooSoon finds what was taken away before its ten years were over, whatever the entry says of it: what comes after an
// exported head was written since, and an entry is no younger than a head that has it. What was written before the first
// export can't be dated by it.
func (v *verifying) tooSoon(w *walk) {
	heads := slices.SortedFunc(slices.Values(w.exported), func(a, b ExportedHead) int { return cmp.Compare(a.Seq, b.Seq) })
	from := func(seq int64) int {
		i, _ := slices.BinarySearchFunc(heads, seq, func(h ExportedHead, seq int64) int { return cmp.Compare(h.Seq, seq) })
		return i
	}
	newest := make([]ExportedHead, len(heads)) // of those up to each
	for i, h := range heads {
		if newest[i] = h; i > 0 && newest[i-1].At.After(h.At) {
			newest[i] = newest[i-1]
		}
	}
	first := slices.Clone(heads) // of those from each on
	for i := len(heads) - 2; i >= 0; i-- {
		if first[i+1].At.Before(first[i].At) {
			first[i] = first[i+1]
		}
	}
	for _, r := range w.retirements {
		done := earlier(r.At, v.now)
		if i := from(r.Seq); i < len(heads) {
			done = earlier(done, first[i].At)
		}
		i := from(r.UpTo)
		if i == 0 || !newest[i-1].At.Add(-linkedLate).AddDate(auditYears, 0, 0).After(done) {
			continue
		}
		v.found(Tampering{Organisation: w.organisation, Seq: r.Seq, Entry: r.Entry, What: fmt.Sprintf(
			"it took the entries up to %d away too soon: a head that ends before them was exported at %s", r.UpTo, newest[i-1].At.UTC().Format(time.RFC3339))})
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
