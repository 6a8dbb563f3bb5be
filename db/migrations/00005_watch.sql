-- What the watchdog and the checker walk along: the open referrals among the many that are closed, by id and by what is
-- due first, and the letters that failed among the many that did not.

-- +goose Up
CREATE INDEX referrals_open ON referrals (id) WHERE state = 'open';
CREATE INDEX referrals_overdue ON referrals (step_due, id) WHERE state = 'open';
CREATE INDEX messages_failed ON messages (created_at) WHERE state IN ('rejected', 'ambiguous');

-- +goose Down
DROP INDEX messages_failed, referrals_overdue, referrals_open;
