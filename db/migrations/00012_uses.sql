-- How often something was done under a key lately, for the limits that all processes share (docs/adr/0017-shared-limits.md).

-- +goose Up
-- Unlogged: it bounds guessing and is no record, so it must not wait for the disk. A crash of PostgreSQL empties it.
CREATE UNLOGGED TABLE uses (
	key bytea PRIMARY KEY, -- a digest of what is limited and of whom
	used int NOT NULL,
	until timestamptz NOT NULL -- when the window ends
);
CREATE INDEX uses_age ON uses (until);

-- +goose Down
DROP TABLE uses;
