package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// violation is one rule of axe-core that a page breaks.
type violation struct {
	ID     string
	Impact string
	Help   string
	Nodes  []struct{ HTML string }
}

// Accessible fails the test for each rule of WCAG 2.2 A and AA, as far as axe-core can tell, that the open page breaks,
// and when the page is wider than its window.
func Accessible(t testing.TB, ctx context.Context, page string) {
	t.Helper()
	const run = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
		.then(r => JSON.stringify(r.violations))`
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](axe(t))); err != nil {
		t.Fatalf("%s: load axe: %v", page, err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: axe: %v", page, err)
	}
	var violations []violation
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		t.Fatalf("%s: axe: %v", page, err)
	}
	for _, v := range violations {
		t.Errorf("%s: %s (%s): %s\n%s", page, v.ID, v.Impact, v.Help, v.where())
	}
	wider, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - window.innerWidth`))
	if err != nil || wider > 0 {
		t.Errorf("%s: %d px wider than its window (%v)", page, wider, err)
	}
}

func (v violation) where() string {
	var lines []string
	for _, n := range v.Nodes {
		lines = append(lines, "  "+n.HTML)
	}
	return strings.Join(lines, "\n")
}

// axe reads the script that is kept with the end-to-end tests.
func axe(t testing.TB) string {
	t.Helper()
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("where is this file?")
	}
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(here), "..", "..", "e2e", "testdata", "axe", "axe.min.js"))
	if err != nil {
		t.Fatal(fmt.Errorf("axe-core: %w", err))
	}
	return string(raw)
}
