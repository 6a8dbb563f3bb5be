-- Who at the agency said so, beside each thing that staff recorded on its word; the offer keeps only the last one.

-- +goose Up
ALTER TABLE timeline ADD COLUMN told_by text NOT NULL DEFAULT ''; -- a person's name

-- +goose Down
ALTER TABLE timeline DROP COLUMN told_by;
