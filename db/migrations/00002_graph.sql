-- Made by db.GraphSQL from the transition tables of package referral: states move only along the declared graph,
-- whoever writes. TL001 is answered as a conflict.

-- +goose Up
CREATE TABLE offer_edges (
	from_state text NOT NULL,
	to_state text NOT NULL,
	PRIMARY KEY (from_state, to_state)
);
INSERT INTO offer_edges (from_state, to_state) VALUES
	('queued', 'sent'),
	('sent', 'info_requested'),
	('info_requested', 'sent'),
	('sent', 'accepted'),
	('info_requested', 'accepted'),
	('waitlisted', 'accepted'),
	('sent', 'declined'),
	('info_requested', 'declined'),
	('sent', 'lapsed'),
	('info_requested', 'lapsed'),
	('accepted', 'contacting'),
	('accepted', 'scheduled'),
	('contacting', 'scheduled'),
	('accepted', 'in_service'),
	('contacting', 'in_service'),
	('scheduled', 'in_service'),
	('accepted', 'waitlisted'),
	('contacting', 'waitlisted'),
	('scheduled', 'waitlisted'),
	('in_service', 'waitlisted'),
	('accepted', 'outcome_reported'),
	('contacting', 'outcome_reported'),
	('scheduled', 'outcome_reported'),
	('in_service', 'outcome_reported'),
	('accepted', 'failed'),
	('contacting', 'failed'),
	('scheduled', 'failed'),
	('in_service', 'failed'),
	('waitlisted', 'failed'),
	('accepted', 'confirmed'),
	('contacting', 'confirmed'),
	('scheduled', 'confirmed'),
	('in_service', 'confirmed'),
	('outcome_reported', 'confirmed'),
	('outcome_reported', 'failed'),
	('queued', 'withdrawn'),
	('sent', 'withdrawn'),
	('info_requested', 'withdrawn'),
	('accepted', 'withdrawn'),
	('contacting', 'withdrawn'),
	('scheduled', 'withdrawn'),
	('in_service', 'withdrawn'),
	('waitlisted', 'withdrawn'),
	('queued', 'in_error'),
	('sent', 'in_error'),
	('info_requested', 'in_error'),
	('accepted', 'in_error'),
	('contacting', 'in_error'),
	('scheduled', 'in_error'),
	('in_service', 'in_error'),
	('waitlisted', 'in_error'),
	('outcome_reported', 'in_error'),
	('declined', 'in_error'),
	('failed', 'in_error');

CREATE TABLE referral_edges (
	from_state text NOT NULL,
	to_state text NOT NULL,
	PRIMARY KEY (from_state, to_state)
);
INSERT INTO referral_edges (from_state, to_state) VALUES
	('draft', 'open'),
	('draft', 'closed'),
	('open', 'closed');

-- +goose StatementBegin
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
