-- A case that was used after the schedule began to erase it is kept.

-- +goose Up
ALTER TABLE erasures DROP CONSTRAINT erasures_outcome_check, ADD CONSTRAINT erasures_outcome_check CHECK (outcome IN ('', 'erased',
	'erased_again', 'called_off', 'held', 'open_referral', 'not_due'));
CREATE INDEX legal_holds_case ON legal_holds (case_id);

-- +goose Down
DROP INDEX legal_holds_case;
ALTER TABLE erasures DROP CONSTRAINT erasures_outcome_check, ADD CONSTRAINT erasures_outcome_check CHECK (outcome IN ('', 'erased',
	'erased_again', 'called_off', 'held', 'open_referral')) NOT VALID;
