//go:build unix

package lifetest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	historypb "go.temporal.io/api/history/v1"
)

// Manifest lists the recorded histories of a version, so that one that is lost or altered is missed.
type Manifest struct {
	Histories []Recorded `json:"histories"` // by file name
}

// Recorded is one history that was kept.
type Recorded struct {
	File   string `json:"file"`
	Events int    `json:"events"`
	SHA256 string `json:"sha256"`
}

const manifestFile = "manifest.json"

// Add lists a history and gives the name of its file.
func (m *Manifest) Add(name string, raw []byte, events int) (file string) {
	file = name + ".json"
	m.Histories = append(m.Histories, Recorded{File: file, Events: events, SHA256: Sum(raw)})
	slices.SortFunc(m.Histories, func(a, b Recorded) int { return cmp.Compare(a.File, b.File) })
	return file
}

// Sum is the digest that a manifest keeps of a file.
func Sum(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Write puts the manifest into the folder of its histories.
func (m Manifest) Write(dir string) error {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, manifestFile), append(raw, '\n'), 0o644)
}

// ReadManifest reads the manifest of a folder.
func ReadManifest(dir string) (Manifest, error) {
	var m Manifest
	raw, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	return m, err
}

// Histories reads the recorded histories of a version by name. The error lists every life without a history, and every
// file that is missing, altered or not in the manifest.
func Histories(dir string) (map[string]*historypb.History, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var faults []error
	if len(files) != len(m.Histories)+1 {
		faults = append(faults, fmt.Errorf("%s holds %d files beside the manifest, which lists %d", dir, len(files)-1, len(m.Histories)))
	}
	found := map[string]*historypb.History{}
	for _, r := range m.Histories {
		h, err := r.read(dir)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		found[strings.TrimSuffix(r.File, ".json")] = h
	}
	for _, life := range Lives() {
		if found[life.Name] == nil {
			faults = append(faults, fmt.Errorf("%s has no history of the life %s", dir, life.Name))
		}
	}
	return found, errors.Join(faults...)
}

func (r Recorded) read(dir string) (*historypb.History, error) {
	raw, err := os.ReadFile(filepath.Join(dir, r.File))
	if err != nil {
		return nil, err
	}
	if Sum(raw) != r.SHA256 {
		return nil, fmt.Errorf("%s is not as it was recorded", r.File)
	}
	h, err := ReadHistory(raw)
	if err == nil && len(h.Events) != r.Events {
		err = fmt.Errorf("%s has %d events, %d were recorded", r.File, len(h.Events), r.Events)
	}
	return h, err
}
