package directory_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"throughline/db/dbtest"
	"throughline/directory"
)

// How people ask, of 131 real services: the share of questions whose service is among the first ten. Many a question
// shares no word with its service ("mobility" for a multiple sclerosis line), so the floors are what was measured, less
// a little: they hold the ranking where it is.
func TestSearchAnswersHowPeopleAsk(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(sharedData(t, "kingston"), "services.json"))
	if err != nil {
		t.Fatal(err)
	}
	var services []struct {
		ID            string   `json:"id"`
		Name          string   `json:"name"`
		NameFR        string   `json:"name_fr"`
		Description   string   `json:"description"`
		DescriptionFR string   `json:"description_fr"`
		Questions     []string `json:"synthetic_queries"`
		QuestionsFR   []string `json:"synthetic_queries_fr"`
	}
	if err := json.Unmarshal(raw, &services); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	w.Write([]string{"id", "name", "name_fr", "description", "description_fr"})
	for _, s := range services {
		w.Write([]string{s.ID, s.Name, s.NameFR, s.Description, s.DescriptionFR})
	}
	w.Flush()
	db := dbtest.New(t)
	importFiles(t, db, files{"services.csv": text.String()})

	for lang, floor := range map[string]float64{"en": 0.58, "fr": 0.48} {
		asked, answered := 0, 0
		for _, s := range services {
			questions := s.Questions
			if lang == "fr" {
				questions = s.QuestionsFR
			}
			for _, q := range questions {
				found, _, err := directory.Search(t.Context(), db, directory.Query{Text: q, Lang: lang, Limit: 10})
				if err != nil {
					t.Fatal(err)
				}
				asked++
				hit := false
				for _, f := range found {
					hit = hit || f.Service.Name == s.Name || f.Service.Name == s.NameFR
				}
				if hit {
					answered++
				}
			}
		}
		share := float64(answered) / float64(asked)
		t.Logf("%s: %d of %d questions answered in the first ten (%.0f %%)", lang, answered, asked, 100*share)
		if share < floor {
			t.Errorf("%s: %.2f of the questions answered, at least %.2f expected", lang, share, floor)
		}
	}
}
