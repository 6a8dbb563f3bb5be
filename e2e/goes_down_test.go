package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	find "throughline/internal/canary"
)

// A process that goes down in the middle of its work, with many callers' words in hand, tells none of them: not where Go
// writes what each of its goroutines was at, and not in any log that it leaves, ours, PostgreSQL's or Temporal's; nor do
// those that find it so at the next start.
func TestAProcessThatGoesDownTellsNothing(t *testing.T) {
	t.Parallel()
	data := fresh(t)
	d := startDev(t, data, anyPort...)
	a := d.api("navigator")
	service := a.service("Emergency Shelter for Adults")
	call, err := json.Marshal(map[string]any{
		"case": map[string]any{"name": "Zytamira Canarova", "phone": "705-555-0177", "email": "zytamira@okapiville.example", "safe_to_call": true,
			"municipality": "Okapiville", "notes": strings.Repeat("she sleeps in okapiville ", 300)},
		"need": "shelter", "urgency": "urgent", "details": "quetzalina in the details", "service_ids": []string{service},
		"consent": map[string]any{"given": true, "how": "verbal"}})
	must(t, err)

	var taken atomic.Int64
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for !d.hasEnded() {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.BaseURL+"/api/v1/referrals", bytes.NewReader(call))
				if err != nil {
					return
				}
				request.Header.Set("Authorization", "Bearer "+a.key)
				request.Header.Set("Content-Type", "application/json")
				request.Header.Set("Idempotency-Key", uuid.NewString())
				answer, err := web.Do(request)
				if err != nil {
					return // it is down
				}
				_ = answer.Body.Close()
				if answer.StatusCode < 300 {
					taken.Add(1)
				}
			}
		})
	}
	until(t, "no caller is served", 2*time.Minute, func() bool { return taken.Load() >= 20 || d.hasEnded() })
	must(t, d.command.Process.Signal(syscall.SIGQUIT))
	<-d.ended
	callers.Wait()
	down := d.said.String()
	if !strings.Contains(down, "SIGQUIT") || !strings.Contains(down, "goroutine ") || !strings.Contains(down, "throughline/") {
		t.Fatalf("it did not go down in the middle of its work:\n%.2000s", down)
	}

	d = startDev(t, data, anyPort...)
	d.stop()
	told := map[string]string{"standard error": down, "standard error of the next": d.said.String()}
	must(t, filepath.WalkDir(data, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(entry.Name(), ".log") {
			return err
		}
		text, err := os.ReadFile(path)
		told[path] = string(text)
		return err
	}))
	if len(told) < 5 {
		t.Fatalf("there are no logs: %d", len(told))
	}
	search := find.For("zytamira", "canarova", "okapiville", "quetzalina", "7055550177", "705-555-0177")
	for where, text := range told {
		for _, found := range search.InText(text) {
			t.Errorf("%s holds %s", where, found)
		}
	}
}
