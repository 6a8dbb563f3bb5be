package db

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// Move is a way in which something was moved, as the timeline has it: by which command, from where to where, on whose
// word. Begun is the state of a referral that was just written down.
type Move struct {
	OfOffer bool   `db:"of_offer"`
	What    string `db:"what"`
	From    string `db:"from_state"`
	To      string `db:"to_state"`
	By      string `db:"by"`
}

// by is the role whose permission counts: staff act on the word of an agency or a client, too. When a waitlist comes to a
// place, the agency that is being asked meanwhile is let go on the helpline's behalf, though another agency's yes does it.
const by = `CASE WHEN what = 'withdraw' AND EXISTS (SELECT FROM timeline yes WHERE yes.referral_id = t.referral_id
		AND yes.version = t.version AND yes.what = 'accept' AND yes.offer_id <> t.offer_id) THEN 'navigator'
	WHEN actor_role IN ('navigator', 'coordinator', 'supervisor', 'partner') AND actor_for IN ('agency', 'client') THEN actor_for ELSE actor_role END`

// Moves lists every way in which anything was ever moved: a few dozen, however many referrals there are.
func Moves(ctx context.Context, q sqlx.QueryerContext) ([]Move, error) {
	var list []Move
	err := sqlx.SelectContext(ctx, q, &list, `SELECT DISTINCT offer_id IS NOT NULL AS of_offer, what, from_state, to_state, `+by+` AS by
		FROM timeline t WHERE to_state <> '' AND what NOT IN ('add_offer', 'refer')`)
	if err != nil {
		return nil, fmt.Errorf("read moves: %w", Translate(err))
	}
	return list, nil
}

// Moved lists what was moved in one of these ways.
func Moved(ctx context.Context, q sqlx.QueryerContext, m Move) ([]Broken, error) {
	var list []Broken
	err := sqlx.SelectContext(ctx, q, &list, `SELECT DISTINCT CASE WHEN $1 THEN 'offer' ELSE 'referral' END AS of,
			CASE WHEN $1 THEN offer_id ELSE referral_id END AS id, 'moved off the graph: ' || what || ' from ' || from_state || ' to ' || to_state AS what
		FROM timeline t WHERE (offer_id IS NOT NULL) = $1 AND what = $2 AND from_state = $3 AND to_state = $4 AND `+by+` = $5`,
		m.OfOffer, m.What, m.From, m.To, m.By)
	if err != nil {
		return nil, fmt.Errorf("read moves: %w", Translate(err))
	}
	return list, nil
}
