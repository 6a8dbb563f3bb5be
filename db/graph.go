package db

import (
	"fmt"
	"strings"

	"throughline/referral"
)

// GraphSQL is migrations/00002_graph.sql: the transition tables as Postgres holds them, and the triggers that refuse any
// other move with SQLSTATE TL001. It is made from package referral, so that the two can't differ; a test compares the
// file. Once released the file never changes: a change of the graph is a further migration made from the new tables.
func GraphSQL() string {
	var b strings.Builder
	b.WriteString(`-- Made by db.GraphSQL from the transition tables of package referral: states move only along the declared graph,
-- whoever writes. TL001 is answered as a conflict.

-- +goose Up
`)
	edgeTable(&b, "offer_edges", referral.OfferEdges())
	edgeTable(&b, "referral_edges", referral.ReferralEdges())
	b.WriteString(graphTriggers)
	return b.String()
}

func edgeTable(b *strings.Builder, name string, edges []referral.Edge) {
	fmt.Fprintf(b, "CREATE TABLE %s (\n\tfrom_state text NOT NULL,\n\tto_state text NOT NULL,\n\tPRIMARY KEY (from_state, to_state)\n);\n", name)
	fmt.Fprintf(b, "INSERT INTO %s (from_state, to_state) VALUES\n", name)
	for i, e := range edges {
		end := ","
		if i == len(edges)-1 {
			end = ";"
		}
		fmt.Fprintf(b, "\t('%s', '%s')%s\n", e.From, e.To, end)
	}
	b.WriteString("\n")
}

const graphTriggers = `-- +goose StatementBegin
CREATE FUNCTION offers_follow_graph() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		IF NEW.state <> 'queued' THEN
			RAISE EXCEPTION 'an offer begins queued, not %', NEW.state USING ERRCODE = 'TL001';
		END IF;
		RETURN NEW;
	END IF;
	IF NEW.state <> OLD.state AND NOT EXISTS
		(SELECT FROM offer_edges WHERE from_state = OLD.state AND to_state = NEW.state) THEN
		RAISE EXCEPTION 'an offer does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'TL001';
	END IF;
	RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER offers_follow_graph BEFORE INSERT OR UPDATE OF state ON offers
	FOR EACH ROW EXECUTE FUNCTION offers_follow_graph();

-- +goose StatementBegin
CREATE FUNCTION referrals_follow_graph() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		IF NEW.state NOT IN ('draft', 'open') THEN
			RAISE EXCEPTION 'a referral begins as a draft or open, not %', NEW.state USING ERRCODE = 'TL001';
		END IF;
		RETURN NEW;
	END IF;
	IF NEW.state <> OLD.state AND NOT EXISTS
		(SELECT FROM referral_edges WHERE from_state = OLD.state AND to_state = NEW.state) THEN
		RAISE EXCEPTION 'a referral does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'TL001';
	END IF;
	IF NEW.version < OLD.version THEN
		RAISE EXCEPTION 'a referral does not go back to an earlier version' USING ERRCODE = 'TL001';
	END IF;
	IF OLD.state = 'closed' AND (NEW.outcome, NEW.unmet_reason, NEW.evidence)
		IS DISTINCT FROM (OLD.outcome, OLD.unmet_reason, OLD.evidence) THEN
		RAISE EXCEPTION 'a closed referral keeps its outcome' USING ERRCODE = 'TL001';
	END IF;
	RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER referrals_follow_graph BEFORE INSERT OR UPDATE OF state, version, outcome, unmet_reason, evidence ON referrals
	FOR EACH ROW EXECUTE FUNCTION referrals_follow_graph();

-- +goose Down
DROP TRIGGER referrals_follow_graph ON referrals;
DROP TRIGGER offers_follow_graph ON offers;
DROP FUNCTION referrals_follow_graph();
DROP FUNCTION offers_follow_graph();
DROP TABLE referral_edges, offer_edges;
`
