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

// together makes one promise of all the news of a referral: its workflow reads the record, so the latest says it all.
func together(rows []db.OutboxRow) []promise {
	var promises []promise
	news := map[uuid.UUID]int{} // by referral: which promise tells of its changes
	for _, row := range rows {
		isNews := row.Kind == db.OutboxChanged
		if at, known := news[row.Referral]; isNews && known {
			p := &promises[at]
			p.rows = append(p.rows, row.ID)
			if row.Version > p.Version {
				p.OutboxRow = row
			}
			continue
		}
		if isNews {
			news[row.Referral] = len(promises)
		}
		promises = append(promises, promise{row, []int64{row.ID}})
	}
	return promises
}
