-- The news of a referral that wait are found together (db.LeaseOutbox).

-- +goose Up
CREATE INDEX outbox_news ON outbox (referral_id) WHERE kind = 'changed' AND done_at IS NULL;

-- +goose Down
DROP INDEX outbox_news;
