package db

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// AuditRow is an entry of the audit as it stands there.
type AuditRow struct {
	ID           int64      `db:"id"`
	Organisation uuid.UUID  `db:"organisation_id"`
	At           time.Time  `db:"at"`
	Role         string     `db:"actor_role"`
	For          string     `db:"actor_for"`
	Actor        *uuid.UUID `db:"actor_id"`
	Kind         AuditKind  `db:"kind"`
	Action       string     `db:"action"`
	Subject      string     `db:"subject"`
	SubjectID    *uuid.UUID `db:"subject_id"`
	Whose        uuids      `db:"whose"`
	Via          string     `db:"via"`
	Why          string     `db:"why"`
	WhyID        *uuid.UUID `db:"why_id"`
}

const auditColumns = `a.id, a.organisation_id, a.at, a.actor_role, a.actor_for, a.actor_id, a.kind, a.action, a.subject, a.subject_id, a.whose,
	a.via, a.why, a.why_id`

// uuids reads a uuid[].
type uuids []uuid.UUID

// Scan reads what PostgreSQL sends.
func (u *uuids) Scan(from any) error { return pq.Array((*[]uuid.UUID)(u)).Scan(from) }

// Form is the entry as it is hashed at a place in its chain, byte for byte what the function audit_form makes: after a
// line that names the form, each field as its length in bytes, a colon and its text, or a dash for none. Times are
// microseconds since 1970, lists have commas.
func (r AuditRow) Form(seq int64) []byte {
	whose := make([]string, len(r.Whose))
	for i, id := range r.Whose {
		whose[i] = id.String()
	}
	var b strings.Builder
	b.WriteString("throughline audit 1\n")
	for _, field := range []*string{some(strconv.FormatInt(seq, 10)), some(strconv.FormatInt(r.ID, 10)), some(r.Organisation.String()),
		some(strconv.FormatInt(r.At.UnixMicro(), 10)), &r.Role, &r.For, named(r.Actor), some(string(r.Kind)), &r.Action, &r.Subject,
		named(r.SubjectID), some(strings.Join(whose, ",")), &r.Via, &r.Why, named(r.WhyID)} {
		if field == nil {
			b.WriteString("-")
			continue
		}
		fmt.Fprintf(&b, "%d:%s", len(*field), *field)
	}
	return []byte(b.String())
}

func some(s string) *string { return &s }

func named(id *uuid.UUID) *string {
	if id == nil {
		return nil
	}
	return some(id.String())
}

// Hash is the link that an entry makes at a place, after the link before it.
func (r AuditRow) Hash(seq int64, prev []byte) [32]byte {
	return sha256.Sum256(append(append(make([]byte, 0, 1024), prev...), r.Form(seq)...))
}

// ChainStart is what the first link follows.
var ChainStart = make([]byte, sha256.Size)

// ChainLink is a place in the chain of an organisation, with the entry that stands there; nil when it is gone.
type ChainLink struct {
	Seq        int64
	AuditID    int64
	Hash, Prev []byte
	Entry      *AuditRow
}

// AuditLinks reads the links of an organisation that follow a place, most of them at once, in their order.
func AuditLinks(ctx context.Context, q sqlx.QueryerContext, organisation uuid.UUID, after int64, most int) ([]ChainLink, error) {
	var places []struct {
		Seq     int64  `db:"seq"`
		AuditID int64  `db:"audit_id"`
		Hash    []byte `db:"hash"`
		Prev    []byte `db:"prev"`
	}
	err := sqlx.SelectContext(ctx, q, &places, `SELECT seq, audit_id, hash, prev FROM audit_chain WHERE organisation_id = $1 AND seq > $2
		ORDER BY seq LIMIT $3`, organisation, after, most)
	if err != nil {
		return nil, fmt.Errorf("read the chain: %w", Translate(err))
	}
	ids := make([]int64, len(places))
	for i, p := range places {
		ids[i] = p.AuditID
	}
	// By number alone: an entry that was given to another organisation is found, and found changed.
	var entries []AuditRow
	if err := sqlx.SelectContext(ctx, q, &entries, `SELECT `+auditColumns+` FROM audit a WHERE a.id = ANY ($1)`, pq.Array(ids)); err != nil {
		return nil, fmt.Errorf("read the audit: %w", Translate(err))
	}
	byID := map[int64]*AuditRow{}
	for i := range entries {
		byID[entries[i].ID] = &entries[i]
	}
	links := make([]ChainLink, len(places))
	for i, p := range places {
		links[i] = ChainLink{Seq: p.Seq, AuditID: p.AuditID, Hash: p.Hash, Prev: p.Prev, Entry: byID[p.AuditID]}
	}
	return links, nil
}

// StrayEntries reads the entries after a number that neither stand in a chain nor wait to, most of them at once.
func StrayEntries(ctx context.Context, q sqlx.QueryerContext, after int64, most int) (list []AuditRow, err error) {
	err = sqlx.SelectContext(ctx, q, &list, `SELECT `+auditColumns+` FROM audit a WHERE a.id > $1
		AND NOT EXISTS (SELECT FROM audit_chain c WHERE c.audit_id = a.id) AND NOT EXISTS (SELECT FROM audit_waiting w WHERE w.audit_id = a.id)
		ORDER BY a.id LIMIT $2`, after, most)
	if err != nil {
		return nil, fmt.Errorf("read the audit: %w", Translate(err))
	}
	return list, nil
}

// AuditWaiting counts the entries that wait to be linked, and lists the numbers of those that are gone before they were.
func AuditWaiting(ctx context.Context, q sqlx.QueryerContext) (waiting int, gone []int64, err error) {
	err = sqlx.SelectContext(ctx, q, &gone, `SELECT audit_id FROM audit_waiting w WHERE NOT EXISTS (SELECT FROM audit a WHERE a.id = w.audit_id)
		ORDER BY 1 LIMIT 1000`)
	if err == nil {
		err = sqlx.GetContext(ctx, q, &waiting, `SELECT count(*) FROM audit_waiting`)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("read what waits: %w", Translate(err))
	}
	return waiting - len(gone), gone, nil
}

// LinkAudit makes links of entries that wait, most of them at once, and says how many; 0 too while another session does.
func LinkAudit(ctx context.Context, q sqlx.QueryerContext, most int) (made int, err error) {
	if err := sqlx.GetContext(ctx, q, &made, `SELECT audit_link_up($1)`, most); err != nil {
		return 0, fmt.Errorf("link the audit: %w", Translate(err))
	}
	return made, nil
}

// Head is the last link of an organisation's chain.
type Head struct {
	Organisation uuid.UUID `db:"organisation_id"`
	Seq          int64     `db:"seq"`
	Hash         []byte    `db:"hash"`
}

const heads = `SELECT o.id AS organisation_id, h.seq, h.hash FROM organisations o
	CROSS JOIN LATERAL (SELECT c.seq, c.hash FROM audit_chain c WHERE c.organisation_id = o.id ORDER BY c.seq DESC LIMIT 1) h `

// AuditHeads reads the head of each chain.
func AuditHeads(ctx context.Context, q sqlx.QueryerContext) (list []Head, err error) {
	if err := sqlx.SelectContext(ctx, q, &list, heads+`ORDER BY o.id`); err != nil {
		return nil, fmt.Errorf("read the heads: %w", Translate(err))
	}
	return list, nil
}

// HeadsToExport reads the heads that have not been exported, and those that were exported before an instant.
func HeadsToExport(ctx context.Context, q sqlx.QueryerContext, before time.Time) (list []Head, err error) {
	err = sqlx.SelectContext(ctx, q, &list, heads+`LEFT JOIN audit_exports e ON e.organisation_id = o.id
		WHERE e.seq IS NULL OR e.seq < h.seq OR e.at < $1 ORDER BY o.id`, before)
	if err != nil {
		return nil, fmt.Errorf("read the heads: %w", Translate(err))
	}
	return list, nil
}

// LastExport is when heads were exported last; the zero time when never.
func LastExport(ctx context.Context, q sqlx.QueryerContext) (at time.Time, err error) {
	var last *time.Time
	if err := sqlx.GetContext(ctx, q, &last, `SELECT max(at) FROM audit_exports`); err != nil {
		return at, fmt.Errorf("read the last export: %w", Translate(err))
	}
	if last != nil {
		at = *last
	}
	return at, nil
}

// SaveExports keeps that heads have been exported.
func SaveExports(ctx context.Context, q sqlx.ExecerContext, list []Head, at time.Time) error {
	for _, h := range list {
		_, err := q.ExecContext(ctx, `INSERT INTO audit_exports (organisation_id, seq, at) VALUES ($1, $2, $3)
			ON CONFLICT (organisation_id) DO UPDATE SET seq = greatest(audit_exports.seq, excluded.seq), at = excluded.at`, h.Organisation, h.Seq, at)
		if err != nil {
			return fmt.Errorf("save the export: %w", Translate(err))
		}
	}
	return nil
}
