package casework

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// CaseRow is a case in a list. It holds personal data.
type CaseRow = db.CaseListRow

// QueueFilter chooses referrals for a list.
type QueueFilter = db.QueueFilter

// TaskFilter chooses open tasks for a list.
type TaskFilter struct {
	Mine          bool // of this person, and of anyone of the same role
	Limit, Offset int
}

const maxRows = 100

// rows bounds a page of a list: 50 rows unless asked otherwise, 100 at most.
func rows(limit, offset int) (int, int) {
	if limit <= 0 {
		limit = 50
	}
	return min(limit, maxRows), max(offset, 0)
}

// look reads in one transaction with the audit entry that says who looked at what.
func (d *Desk) look(ctx context.Context, who Actor, subject string, id uuid.UUID, read func(ctx context.Context, tx *sqlx.Tx) error) error {
	return d.lookOver(ctx, who, db.Look{Kind: db.AuditView, Action: "view", Subject: subject, ID: id},
		func(ctx context.Context, tx *sqlx.Tx) ([]uuid.UUID, error) { return nil, read(ctx, tx) })
}

// lookOver is look for what shows several cases, or shows them in another way: the entry names each that read gives. When
// it gives nil, they are the case of the subject.
func (d *Desk) lookOver(ctx context.Context, who Actor, at db.Look, read func(ctx context.Context, tx *sqlx.Tx) (whose []uuid.UUID, err error)) error {
	if err := who.may(SeeCases); err != nil {
		return err
	}
	return d.audited(ctx, who, who, at, read)
}

// audited reads, by the reach of as, and keeps who looked at whose data, or does neither.
func (d *Desk) audited(ctx context.Context, as, who Actor, at db.Look, read func(ctx context.Context, tx *sqlx.Tx) (whose []uuid.UUID, err error)) error {
	return d.read(ctx, as, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if at.Whose, err = read(ctx, tx); err != nil {
			return err
		}
		return db.Audit(ctx, tx, who.line(), d.Clock.Now(), at)
	})
}

// listOf is the entry of a list.
func listOf(subject string) db.Look {
	return db.Look{Kind: db.AuditList, Action: "view", Subject: subject}
}

// casesOf names each case of a list once, in its order.
func casesOf[T any](list []T, of func(T) uuid.UUID) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(list))
	for _, row := range list {
		if id := of(row); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Case reads a folder with all its referrals, newest first; not_found also when it is another organisation's.
func (d *Desk) Case(ctx context.Context, who Actor, id uuid.UUID) (c Case, list []Referral, err error) {
	err = d.look(ctx, who, "case", id, func(ctx context.Context, tx *sqlx.Tx) error {
		row, err := db.FindCase(ctx, tx, who.Organisation, id)
		if err != nil {
			return err
		}
		p, err := d.place(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if err := d.openCase(&row); err != nil {
			return err
		}
		c = caseOf(row)
		c.ByGlass = p.OnlyByGlass()
		views, err := db.ReferralViews(ctx, tx, who.Organisation, id)
		if err != nil {
			return err
		}
		list = make([]Referral, len(views))
		for i, v := range views {
			if list[i], err = d.referralOf(v); err != nil {
				return err
			}
		}
		return nil
	})
	return c, list, err
}

// Referral reads a referral; not_found also when it is another organisation's.
func (d *Desk) Referral(ctx context.Context, who Actor, id uuid.UUID) (r Referral, err error) {
	err = d.look(ctx, who, "referral", id, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if r, err = d.readReferral(ctx, tx, who, id); err != nil {
			return err
		}
		return d.sees(ctx, tx, who, r.CaseID)
	})
	if err != nil {
		return Referral{}, err
	}
	return r, nil
}

func (d *Desk) readReferral(ctx context.Context, tx *sqlx.Tx, who Actor, id uuid.UUID) (Referral, error) {
	v, err := db.FindReferralView(ctx, tx, who.Organisation, id)
	if err != nil {
		return Referral{}, err
	}
	return d.referralOf(v)
}

// Timeline reads what happened to a referral, oldest first.
func (d *Desk) Timeline(ctx context.Context, who Actor, id uuid.UUID) (list []TimelineEntry, err error) {
	err = d.look(ctx, who, "timeline", id, func(ctx context.Context, tx *sqlx.Tx) error {
		of, err := db.FindReferralView(ctx, tx, who.Organisation, id)
		if err != nil {
			return err
		}
		if err := d.sees(ctx, tx, who, of.CaseID); err != nil {
			return err
		}
		if list, err = db.Timeline(ctx, tx, who.Organisation, id); err != nil {
			return err
		}
		v := d.vault(of.CaseID, of.CaseKey)
		for i := range list {
			v.openLine(id, &list[i])
		}
		return v.err
	})
	return list, err
}

// Queue lists referrals and counts them all: open and draft ones by when their step is due, or closed ones.
func (d *Desk) Queue(ctx context.Context, who Actor, f QueueFilter) (list []QueueItem, total int, err error) {
	f.Limit, f.Offset = rows(f.Limit, f.Offset)
	now := d.Clock.Now()
	err = d.lookOver(ctx, who, listOf("queue"), func(ctx context.Context, tx *sqlx.Tx) ([]uuid.UUID, error) {
		found, err := db.Queue(ctx, tx, who.scope(d), f)
		if err != nil {
			return nil, err
		}
		list = make([]QueueItem, len(found))
		if len(found) == 0 && f.Offset > 0 {
			total, err = db.CountQueue(ctx, tx, who.scope(d), f)
			return []uuid.UUID{}, err
		}
		for i, r := range found {
			total = r.Total
			list[i].QueueRow = r
			step, err := stepOf(r.Step, r.PersonName)
			if err != nil {
				return nil, err
			}
			if step != nil {
				list[i].Step, list[i].Overdue = *step, step.Due.Before(now)
			}
		}
		return casesOf(found, func(r db.QueueRow) uuid.UUID { return r.CaseID }), nil
	})
	return list, total, err
}

// Tasks lists open tasks by when they are due, and counts them all.
func (d *Desk) Tasks(ctx context.Context, who Actor, f TaskFilter) (list []Task, total int, err error) {
	in := db.TaskFilter{}
	in.Limit, in.Offset = rows(f.Limit, f.Offset)
	if f.Mine {
		in.Assignee, in.Role = who.ID, who.Role.As()
	}
	err = d.lookOver(ctx, who, listOf("tasks"), func(ctx context.Context, tx *sqlx.Tx) ([]uuid.UUID, error) {
		found, err := db.Tasks(ctx, tx, who.scope(d), in)
		if err != nil {
			return nil, err
		}
		list = append([]Task{}, found...) // none is a list too
		for i := range list {
			if err := d.openTask(&list[i]); err != nil {
				return nil, err
			}
		}
		if len(found) > 0 {
			total = found[0].Total
		} else if in.Offset > 0 {
			total, err = db.CountTasks(ctx, tx, who.scope(d), in)
		}
		return casesOf(found, func(t db.TaskRow) uuid.UUID { return t.CaseID }), err
	})
	return list, total, err
}

// Task reads one task, open or not; not_found also when it is another organisation's.
func (d *Desk) Task(ctx context.Context, who Actor, id uuid.UUID) (t Task, err error) {
	err = d.look(ctx, who, "task", id, func(ctx context.Context, tx *sqlx.Tx) error {
		found, err := db.Tasks(ctx, tx, who.scope(d), db.TaskFilter{Task: id, Limit: 1})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return referral.NotFound("task")
		}
		t = found[0]
		if err := d.sees(ctx, tx, who, t.CaseID); err != nil {
			return taskNotFound(err)
		}
		return d.openTask(&t)
	})
	return t, err
}

func taskNotFound(err error) error {
	if referral.CodeOf(err) == referral.CodeNotFound {
		return referral.NotFound("task")
	}
	return err
}

func caseOf(r db.CaseRow) Case {
	c := Case{ID: r.ID, Reference: r.Reference, Version: r.Version, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt, ErasedAt: r.ErasedAt, ErasedWhy: r.ErasedWhy, CaseInput: CaseInput{
		Anonymous: r.Anonymous, Name: r.Name, Phone: r.Phone, Email: r.Email, ContactTimes: r.ContactTimes,
		SafeToCall: r.SafeToCall, SafeToLeaveMessage: r.SafeToLeaveMessage, Municipality: r.Municipality,
		PostalCode: r.PostalCode, Language: r.Language, Notes: r.Notes, Restricted: r.Restricted}}
	c.BirthYear = yearOf(r.BirthYear)
	return c
}

// yearOf reads a year of birth as it is kept; 0 when it is unknown.
func yearOf(text string) int {
	year, _ := strconv.Atoi(text) // empty, or written by newCase
	return year
}

func (d *Desk) openTask(t *Task) error {
	v := d.vault(t.CaseID, t.CaseKey)
	v.openTask(t)
	return v.err
}

func (d *Desk) referralOf(v db.ReferralView) (Referral, error) {
	r := Referral{ID: v.ID, ShortName: referral.ShortName(v.ID), CaseID: v.CaseID, Reference: v.Reference, EpisodeOf: v.EpisodeOf, Need: v.Need, Details: v.Details,
		Urgency: v.Urgency, State: v.State, Outcome: v.Outcome, Unmet: v.Unmet, Evidence: v.Evidence, Version: v.Version,
		OwnerID: v.OwnerID, OwnerName: v.OwnerName, CreatedAt: v.CreatedAt, OpenedAt: v.OpenedAt, ClosedAt: v.ClosedAt, Erased: destroyed(v.CaseKey)}
	var err error
	if r.Step, err = stepOf(v.Step, v.PersonName); err != nil {
		return r, err
	}
	if r.Offers, err = db.Rows[Offer](v.Offers); err != nil {
		return r, fmt.Errorf("read offers: %w", err)
	}
	for i := range r.Offers {
		o := &r.Offers[i]
		o.TaskStatus = o.State.TaskStatus()
		o.Can = append(staffCommands(v.State, o.State), referral.MailCommands(v.State, o.State, o.Mail)...)
	}
	if r.Tasks, err = db.Rows[Task](v.Tasks); err != nil {
		return r, fmt.Errorf("read tasks: %w", err)
	}
	for i := range r.Tasks {
		t := &r.Tasks[i]
		t.ReferralID, t.CaseID, t.Reference, t.Need, t.Urgency = v.ID, v.CaseID, v.Reference, v.Need, v.Urgency
	}
	in := d.vault(v.CaseID, v.CaseKey)
	if err := r.readConsents(in, v.Consents, d.Clock.Now()); err != nil {
		return r, fmt.Errorf("read consents: %w", err)
	}
	in.openReferral(&r)
	return r, in.err
}

// staffCommands lists what staff may record of an offer, on their own or on another's word.
func staffCommands(state referral.State, at referral.OfferState) []referral.Name {
	can := []referral.Name{}
	if state == referral.Closed {
		return can
	}
	for _, role := range []referral.Role{referral.Agency, referral.Navigator, referral.Client} {
		for _, do := range referral.OfferCommands(at, role) {
			if (state == referral.Open || do == referral.Withdraw) && !slices.Contains(can, do) {
				can = append(can, do)
			}
		}
	}
	return can
}

func stepOf(raw []byte, person string) (*Step, error) {
	if raw == nil {
		return nil, nil
	}
	var s referral.Step
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("read step: %w", err)
	}
	return &Step{Do: s.Do, OfferID: some(s.Offer), TaskID: some(s.Task), TaskKind: s.TaskKind, Cause: s.Cause, Due: s.Due,
		Role: s.Role, PersonID: some(s.Person), PersonName: person}, nil
}

func some(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}
