-- When someone last proved who they are: by single sign-on that may be long before their visit began.

-- +goose Up
ALTER TABLE visits ADD COLUMN proved_at timestamptz; -- none: the provider does not say when
UPDATE visits SET proved_at = created_at WHERE method <> 'oidc';

-- +goose Down
ALTER TABLE visits DROP COLUMN proved_at;
