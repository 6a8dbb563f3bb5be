package casework

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/referral"
)

// What an auditor reads: the audit, not the cases. Each look at it is in it. The house reads it for them: references, and
// whether a name is one's own, are of cases that no auditor sees.

// readAudit is the action of an auditor's look.
const readAudit = "read_audit"

// AuditEntry is an entry of the audit as an auditor reads it.
type AuditEntry = db.AuditTrailRow

// TrailQuery chooses a page of entries, the newest first.
type TrailQuery struct {
	Before int64 // entries with a smaller number; 0: the newest
	Limit  int   // 0: a page
	Export bool  // as a file, which the audit keeps as such
}

// TrailPage is how many entries a page has.
const TrailPage = 100

// trailExport bounds an export.
const trailExport = 50_000

func (q TrailQuery) filter(f db.AuditFilter) db.AuditFilter {
	most := TrailPage
	if q.Export {
		most = trailExport
	}
	f.Before, f.Limit = max(q.Before, 0), most
	if q.Limit > 0 {
		f.Limit = min(q.Limit, most)
	}
	return f
}

func (q TrailQuery) look(kind db.AuditKind, subject string, id uuid.UUID) db.Look {
	if q.Export {
		kind = db.AuditExport
	}
	return db.Look{Kind: kind, Action: readAudit, Subject: subject, ID: id}
}

// CaseOfReference finds the case that a reference names, however it is spaced; not_found when there is none.
func (d *Desk) CaseOfReference(ctx context.Context, who Actor, reference string) (id uuid.UUID, err error) {
	if err := who.may(ReadAudit); err != nil {
		return id, err
	}
	wanted := referenceWanted(reference)
	err = d.audited(ctx, machine, who, db.Look{Kind: db.AuditSearch, Action: readAudit, Subject: "cases"}, func(ctx context.Context, tx *sqlx.Tx) (_ []uuid.UUID, err error) {
		id, err = db.CaseByReference(ctx, tx, who.Organisation, wanted)
		return []uuid.UUID{id}, err
	})
	return id, err
}

// AuditOfCase reads who looked at a case or changed it. reference is the case's; not_found also when it is another
// organisation's.
func (d *Desk) AuditOfCase(ctx context.Context, who Actor, id uuid.UUID, q TrailQuery) (reference string, list []AuditEntry, err error) {
	if err := who.may(ReadAudit); err != nil {
		return "", nil, err
	}
	err = d.audited(ctx, machine, who, q.look(db.AuditView, "case", id), func(ctx context.Context, tx *sqlx.Tx) ([]uuid.UUID, error) {
		c, err := db.FindCase(ctx, tx, who.Organisation, id)
		if err != nil {
			return nil, err
		}
		reference = c.Reference
		list, err = db.AuditTrail(ctx, tx, who.Organisation, q.filter(db.AuditFilter{Case: id}))
		for i := range list {
			list[i].Whose, list[i].References = []uuid.UUID{id}, []string{reference} // a list names others too: they are none of this
		}
		return []uuid.UUID{id}, err
	})
	return reference, list, err
}

// AuditOfPerson reads what someone of the helpline looked at and changed; not_found also when they are of another.
func (d *Desk) AuditOfPerson(ctx context.Context, who Actor, id uuid.UUID, q TrailQuery) (name string, list []AuditEntry, err error) {
	if err := who.may(ReadAudit); err != nil {
		return "", nil, err
	}
	err = d.audited(ctx, machine, who, q.look(db.AuditList, "account", id), func(ctx context.Context, tx *sqlx.Tx) ([]uuid.UUID, error) {
		a, err := db.FindAccount(ctx, tx, id)
		if err == nil && a.OrganisationID != who.Organisation {
			err = referral.NotFound("account")
		}
		if err != nil {
			return nil, err
		}
		name = a.Name
		list, err = db.AuditTrail(ctx, tx, who.Organisation, q.filter(db.AuditFilter{Actor: id}))
		return everyCase(list, func(e AuditEntry) []uuid.UUID { return e.Whose }), err
	})
	return name, list, err
}

// AuditPeople lists whose looks can be read: everyone who has or had an account.
func (d *Desk) AuditPeople(ctx context.Context, who Actor) ([]Account, error) {
	if err := who.may(ReadAudit); err != nil {
		return nil, err
	}
	return allAccounts(d.as(ctx, who), d.DB, who.Organisation)
}

// everyCase names each case of a list of lists once.
func everyCase[T any](list []T, of func(T) []uuid.UUID) []uuid.UUID {
	ids, known := []uuid.UUID{}, map[uuid.UUID]bool{}
	for _, row := range list {
		for _, id := range of(row) {
			if !known[id] {
				known[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// AccessLine is one line of a client's access report: who looked, as what, how often on one day.
type AccessLine struct {
	Day          time.Time // midnight, in the helpline's zone
	First, Last  time.Time
	Times        int
	Kind         db.AuditKind
	Role, For    referral.Role
	Agency       string // "" for the helpline's own people
	AgencyFR     string
	Organisation string
	Audit        bool // who had looked was looked at, and not the case
}

// AccessReport is what a client is told of who looked at their case.
type AccessReport struct {
	Case      uuid.UUID
	Reference string
	Name      string // the client's own; "" for a case without one, and to an auditor, who reads no case
	Helpline  string
	Phone     string
	Zone      *time.Location
	Lines     []AccessLine // the newest first
}

// AccessReport tells a client who looked at their case, by role and organisation and not by name. It holds nothing about
// any other case, and for an auditor nothing of this one but its reference.
func (d *Desk) AccessReport(ctx context.Context, who Actor, id uuid.UUID) (r AccessReport, err error) {
	if err := who.may(ReportAccess); err != nil {
		return r, err
	}
	look := db.Look{Kind: db.AuditPrint, Action: "report_access", Subject: "case", ID: id}
	as := who // a supervisor reports what is within their reach; an auditor reads no case
	if who.may(ReadAudit) == nil {
		as = machine
	}
	err = d.audited(ctx, as, who, look, func(ctx context.Context, tx *sqlx.Tx) ([]uuid.UUID, error) {
		if err := d.sees(ctx, tx, as, id); err != nil {
			return nil, err
		}
		c, err := db.FindCase(ctx, tx, who.Organisation, id)
		if err != nil {
			return nil, err
		}
		name := ""
		if who.may(ReadAudit) != nil {
			if err := d.openCase(&c); err != nil {
				return nil, err
			}
			name = c.Name
		}
		o, err := db.FindOrganisation(ctx, tx, who.Organisation)
		if err != nil {
			return nil, err
		}
		r = AccessReport{Case: id, Reference: c.Reference, Name: name, Helpline: o.Name, Phone: o.Phone}
		if r.Zone, err = referral.ZoneNamed(o.TimeZone); err != nil {
			return nil, err
		}
		entries, err := db.AuditTrail(ctx, tx, who.Organisation, db.AuditFilter{Case: id, Limit: trailExport})
		r.Lines = accessLines(entries, o.Name, r.Zone)
		return []uuid.UUID{id}, err
	})
	return r, err
}

// accessLines gathers the looks of a day that are alike. What the system did by itself showed nobody anything, but for
// letters.
func accessLines(entries []AuditEntry, helpline string, zone *time.Location) []AccessLine {
	lines := []AccessLine{}
	for _, e := range entries {
		if e.Role == string(referral.System) && e.Kind != db.AuditMail && e.Kind != db.AuditCLI {
			continue
		}
		at := e.At.In(zone)
		y, m, day := at.Date()
		l := AccessLine{Day: time.Date(y, m, day, 0, 0, 0, 0, zone), First: at, Last: at, Times: 1, Kind: e.Kind, Role: referral.Role(e.Role),
			For: referral.Role(e.For), Organisation: helpline, Audit: e.Action == readAudit}
		if e.Kind == db.AuditMail || l.Role == referral.Agency {
			l.Agency, l.AgencyFR = e.Agency, e.AgencyFR
		}
		if i := like(lines, l); i >= 0 {
			lines[i].First, lines[i].Times = at, lines[i].Times+1
			continue
		}
		lines = append(lines, l)
	}
	return lines
}

// like finds the line of the same day that differs in nothing but the time.
func like(lines []AccessLine, l AccessLine) int {
	for i := len(lines) - 1; i >= 0 && lines[i].Day.Equal(l.Day); i-- {
		had := lines[i]
		if had.Kind == l.Kind && had.Role == l.Role && had.For == l.For && had.Agency == l.Agency && had.Audit == l.Audit {
			return i
		}
	}
	return -1
}
