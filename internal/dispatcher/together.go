package dispatcher

import (
	"github.com/google/uuid"

	"throughline/db"
)

// promise is what one call keeps: that of its row, and of the other rows that it keeps as well.
type promise struct {
	db.OutboxRow
	rows []int64 // its own row's id among them
}

// together makes one promise of a referral's start and all its news: a workflow reads the record, so the latest says it
// all, and one that is told of news before it was started is started by that.
func together(rows []db.OutboxRow) []promise {
	var promises []promise
	of := map[uuid.UUID]int{} // by referral: which promise its workflow is told by
	for _, row := range rows {
		if row.Kind == db.OutboxDeliver {
			promises = append(promises, promise{row, []int64{row.ID}})
			continue
		}
		at, known := of[row.Referral]
		if !known {
			of[row.Referral] = len(promises)
			promises = append(promises, promise{row, []int64{row.ID}})
			continue
		}
		p := &promises[at]
		p.rows = append(p.rows, row.ID)
		row.Attempts = max(row.Attempts, p.Attempts) // the pause is that of what has waited longest
		if row.Kind == db.OutboxChanged && (p.Kind == db.OutboxStart || row.Version > p.Version) {
			p.OutboxRow = row
		}
		p.Attempts = row.Attempts
	}
	return promises
}
