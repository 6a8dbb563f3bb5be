package casework

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"throughline/db"
	"throughline/internal/trace"
	"throughline/referral"
)

// machine is the house itself, at work for all organisations: the clock, the watchdog, and the look-ups that find out who
// asks. An agency's link is one: what it may touch is what its token was found to belong to.
var machine = Actor{Actor: referral.Actor{Role: referral.System}}

// scope is what the database is told of who asks.
func (a Actor) scope(d *Desk) db.Scope {
	switch {
	case a.Role == referral.System || a.Role == referral.Agency:
		return db.Scope{Role: referral.System}
	case slices.Contains(referral.AccountRoles, a.Role) && a.ID != uuid.Nil:
		return db.Scope{Organisation: a.Organisation, Account: a.ID, Role: a.Role, Region: a.Region, Partner: a.Partner, At: d.Clock.Now()}
	}
	return db.Scope{} // sees nothing
}

// as has what is done with the context be asked by somebody.
func (d *Desk) as(ctx context.Context, who Actor) context.Context { return db.As(ctx, who.scope(d)) }

// read runs one transaction that somebody asked for.
func (d *Desk) read(ctx context.Context, who Actor, do func(ctx context.Context, tx *sqlx.Tx) error) error {
	return db.Translate(db.InTx(d.as(ctx, who), d.DB, do))
}

// change runs one transaction that somebody asked for, and nudges the dispatcher once it has committed.
func (d *Desk) change(ctx context.Context, who Actor, do func(ctx context.Context, tx *sqlx.Tx) error) error {
	ctx, span := trace.Start(ctx, "casework.transaction")
	err := d.read(ctx, who, do)
	span.End(codeOf(err))
	if err != nil {
		return err
	}
	d.Nudge()
	return nil
}

// sees refuses a case that is out of reach, as one that does not exist: another organisation's, another region's, another
// partner's, or a restricted one of other people. The database holds the same limits by itself.
func (d *Desk) sees(ctx context.Context, q sqlx.QueryerContext, who Actor, caseID uuid.UUID) error {
	if who.Role == referral.System || who.Role == referral.Agency {
		return nil
	}
	_, err := d.place(ctx, q, who, caseID)
	return err
}

// goesOnSeeing is sees for someone who is to be given a case: broken glass, which is whole again in an hour, is not enough.
func (d *Desk) goesOnSeeing(ctx context.Context, q sqlx.QueryerContext, who Actor, caseID uuid.UUID) error {
	p, err := d.place(ctx, q, who, caseID)
	if err == nil && p.OnlyByGlass() {
		return referral.NotFound("record")
	}
	return err
}

// place reads where a case belongs; not_found when it is out of reach.
func (d *Desk) place(ctx context.Context, q sqlx.QueryerContext, who Actor, id uuid.UUID) (db.Place, error) {
	p, err := db.FindPlace(ctx, q, id, who.ID, d.Clock.Now())
	if err == nil && !within(p, who) {
		err = referral.NotFound("record")
	}
	return p, err
}

// within says of a place what the policy of the table cases says of its row.
func within(p db.Place, who Actor) bool {
	ours := p.Organisation == who.Organisation && May(who.Role, SeeCases)
	region := who.Region == uuid.Nil || (p.Region != nil && *p.Region == who.Region)
	partner := who.Role != referral.Partner || p.OpenedBy == who.ID || (p.Partner != "" && p.Partner == who.Partner)
	return ours && region && partner && (p.Restricted == "" || p.Named || p.ByGlass)
}
