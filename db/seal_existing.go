package db

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// sealTable says how the rows of a table that stood open before are walked along and sealed.
type sealTable struct {
	id    string // names a row, as text, and orders the walk
	after string // rows after $1
	row   string // what its sealed texts are bound to
	of    string // the case, or the organisation, whose key seals it
	from  string // t is the table
	text  string // %s of a column as text
	bytes bool
}

// OfAccounts is the table whose rows belong to accounts, and are sealed with a key of their organisation.
const OfAccounts = "second_factors"

var sealTables = map[string]sealTable{
	"cases":     byID("t.id", "cases t"),
	"referrals": byID("t.case_id", "referrals t"),
	"offers":    byID("r.case_id", "offers t JOIN referrals r ON r.id = t.referral_id"),
	"tasks":     byID("r.case_id", "tasks t JOIN referrals r ON r.id = t.referral_id"),
	"consents":  byID("t.case_id", "consents t"),
	"glass":     byID("t.case_id", "glass t"),
	// Sealed since they are there: only an erasure walks along these.
	"corrections":  byID("t.case_id", "corrections t"),
	"legal_holds":  byID("t.case_id", "legal_holds t"),
	"erasures":     byID("t.case_id", "erasures t"),
	"case_exports": byID("t.case_id", "case_exports t"),
	"timeline": {id: "t.id", after: "t.id > coalesce(nullif($1, '')::bigint, 0)", of: "r.case_id",
		row:  "t.referral_id || '/' || t.version || '/' || t.what || '/' || t.seal_id", // as LineRow
		from: "timeline t JOIN referrals r ON r.id = t.referral_id", text: "%s"},
	"idempotency": {id: "t.account_id || '/' || t.key", after: "t.account_id || '/' || t.key > $1", of: "t.case_id",
		row: "t.account_id || '/' || t.key", from: "idempotency t", text: "convert_from(%s, 'UTF8')", bytes: true},
	OfAccounts: {id: "t.account_id", after: "t.account_id > " + afterID, of: "t.organisation_id", row: "t.account_id", from: "second_factors t", text: "%s"},
}

const afterID = "coalesce(nullif($1, '')::uuid, '00000000-0000-0000-0000-000000000000')"

// byID is for a table whose rows are named by their id.
func byID(of, from string) sealTable {
	return sealTable{id: "t.id", after: "t.id > " + afterID, row: "t.id", of: of, from: from, text: "%s"}
}

// keys joins the key of each row.
func (t sealTable) keys() string {
	if strings.HasPrefix(t.from, OfAccounts+" ") {
		return " LEFT JOIN organisation_keys k ON k.organisation_id = t.organisation_id "
	}
	return withCaseKey(t.of)
}

// Sealing is how far a table has been walked along.
type Sealing struct {
	Table string `db:"table_name"`
	After string `db:"after"`
}

// SealingLeft lists the tables that are not wholly sealed, in the order in which they are.
func SealingLeft(ctx context.Context, q sqlx.QueryerContext) ([]Sealing, error) {
	var list []Sealing
	if err := sqlx.SelectContext(ctx, q, &list, `SELECT table_name, after FROM sealing WHERE done_at IS NULL ORDER BY position`); err != nil {
		return nil, fmt.Errorf("read sealing: %w", Translate(err))
	}
	return list, nil
}

// SealAgain has every table walked along anew.
func SealAgain(ctx context.Context, q sqlx.ExecerContext) error {
	_, err := q.ExecContext(ctx, `UPDATE sealing SET after = '', done_at = NULL`)
	return Translate(err)
}

// OpenRow is a row as it stands, with what may be to be sealed in it.
type OpenRow struct {
	ID           string    `db:"id"`
	Row          string    `db:"row"`
	Of           uuid.UUID `db:"of"` // the case, or the organisation, whose key seals it
	Organisation uuid.UUID `db:"organisation_id"`
	Raw          []byte    `db:"texts"`
	CaseKey
	Texts map[string]string
}

// NextToSeal locks the next n rows of a table in this transaction, and nobody else takes them; none when it is walked
// along, which is kept too.
func NextToSeal(ctx context.Context, tx *sqlx.Tx, table string, n int) ([]OpenRow, error) {
	t, columns := sealTables[table], []string{}
	var after string
	if err := tx.GetContext(ctx, &after, `SELECT after FROM sealing WHERE table_name = $1 FOR UPDATE`, table); err != nil {
		return nil, fmt.Errorf("read sealing: %w", Translate(err))
	}
	for _, c := range SealedColumns {
		if c.Table == table {
			columns = append(columns, "'"+c.Column+"', "+theirs(t, c))
		}
	}
	var rows []OpenRow
	err := tx.SelectContext(ctx, &rows, `SELECT (`+t.id+`)::text AS id, (`+t.row+`)::text AS row, `+t.of+` AS of, t.organisation_id,
			json_build_object(`+strings.Join(columns, ", ")+`) AS texts`+caseKey+`
		FROM `+t.from+t.keys()+` WHERE `+t.after+` AND `+t.of+` IS NOT NULL
		ORDER BY `+t.id+` LIMIT $2 FOR NO KEY UPDATE OF t`, after, n)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", table, Translate(err))
	}
	for i := range rows {
		if err := json.Unmarshal(rows[i].Raw, &rows[i].Texts); err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
	}
	last, done := after, len(rows) < n
	if len(rows) > 0 {
		last = rows[len(rows)-1].ID
	}
	_, err = tx.ExecContext(ctx, `UPDATE sealing SET after = $2, done_at = CASE WHEN $3 THEN now() END WHERE table_name = $1`, table, last, done)
	return rows, Translate(err)
}

// theirs is a column as far as it holds what is to be sealed: the name of a colleague stands open.
func theirs(t sealTable, c SealedColumn) string {
	column := fmt.Sprintf(t.text, "t."+c.Column)
	if c == (SealedColumn{"timeline", "actor_name"}) {
		return "CASE WHEN t.via = 'link' THEN " + column + " ELSE '' END"
	}
	return column
}

// SaveSealed writes the texts of rows, sealed. Of a text that is not there the row keeps its own.
func SaveSealed(ctx context.Context, tx *sqlx.Tx, table string, rows []OpenRow) error {
	if len(rows) == 0 {
		return nil
	}
	t := sealTables[table]
	var sets, fields []string
	for _, c := range SealedColumns {
		if c.Table != table {
			continue
		}
		sealed := "x." + c.Column
		if t.bytes {
			sealed = "convert_to(" + sealed + ", 'UTF8')"
		}
		sets = append(sets, c.Column+" = coalesce("+sealed+", t."+c.Column+")")
		fields = append(fields, c.Column+" text")
	}
	list := make([]map[string]string, len(rows))
	for i, r := range rows {
		list[i] = r.Texts
		list[i]["row_id"] = r.ID
	}
	raw, err := asJSON(list)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE `+table+` t SET `+strings.Join(sets, ", ")+`
		FROM jsonb_to_recordset($1) AS x(row_id text, `+strings.Join(fields, ", ")+`) WHERE (`+t.id+`)::text = x.row_id`, raw)
	if err != nil {
		return fmt.Errorf("save %s: %w", table, Translate(err))
	}
	return nil
}
