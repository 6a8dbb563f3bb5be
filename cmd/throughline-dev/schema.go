package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"throughline/casework"
	"throughline/cmd/internal/app"
	"throughline/db"
	"throughline/internal/clock"
	"throughline/internal/config"
	"throughline/internal/seal"
)

// schemaFile remembers, beside the data, which migrations it was made by.
const schemaFile = "schema.json"

// migrate brings the record to this version, on a connection of its own. A folder whose migrations were others than this
// build's of the same number is refused: its tables are not those that this build knows, though the numbers agree.
func migrate(ctx context.Context, data, url string, keys *seal.Keyring) error {
	ours, err := db.MigrationHashes()
	if err != nil {
		return err
	}
	path := filepath.Join(data, schemaFile)
	if err := sameMigrations(path, ours); err != nil {
		return err
	}
	pool, err := db.Open(ctx, url, db.Options{MaxOpen: 2})
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := db.Migrate(ctx, pool); err != nil {
		return err
	}
	if _, err := casework.New(pool, clock.System{}, keys, nil).SealExisting(ctx, false); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(ours, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o600)
}

// sameMigrations compares what a folder was made by. Numbers that this build lacks are left to the check of the schema's
// version, and a folder that remembers nothing is believed.
func sameMigrations(path string, ours map[int64]string) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var theirs map[int64]string
	if err := json.Unmarshal(raw, &theirs); err != nil {
		return fmt.Errorf("%s is damaged: remove it when this build made the data, else name another data folder", path)
	}
	for version, hash := range theirs {
		if own, known := ours[version]; known && own != hash {
			return fmt.Errorf("%s was made by a build whose migration %05d is not this one's: start that build, or name another data folder",
				filepath.Dir(path), version)
		}
	}
	return nil
}

// keysFile holds the keys that the record is sealed with. Whoever removes it has thrown the record away.
const keysFile = "keys.json"

// keysOf makes the folder's keys at the first start, readable by its owner only, and reads them.
func keysOf(data string) (*seal.Keyring, error) {
	path := filepath.Join(data, keysFile)
	if err := seal.MakeFile(path, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return app.Keyring(config.Keys{File: path})
}
