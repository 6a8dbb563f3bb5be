// Package browser starts a real Chromium for tests: a fresh profile, no network of its own, gone at the end of the test.
package browser

import (
	"context"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// names under which Chromium and Chrome are installed.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// patience bounds one test's whole use of a browser.
const patience = 8 * time.Minute

// New opens a tab in a browser of the test's own, and skips the test where none is installed. The test fails on a
// script's error, and on a style or script that the page's security policy refused.
func New(t testing.TB) context.Context {
	t.Helper()
	path := find()
	if path == "" {
		t.Skip("needs Chromium in PATH: install it with `apt-get install chromium` or `brew install chromium`")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	ctx, cancelTime := context.WithTimeout(context.Background(), patience)
	ctx, cancelBrowser := chromedp.NewExecAllocator(ctx, options...)
	ctx, cancelTab := chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	console := watch(ctx)
	t.Cleanup(func() {
		cancelTab()
		cancelBrowser()
		cancelTime()
		for _, said := range console() {
			t.Errorf("browser: %s", said)
		}
	})
	return ctx
}

// watch gathers what goes wrong in the pages. A page that answers 404 is not wrong by itself.
func watch(ctx context.Context) (said func() []string) {
	messages := chromedp.Console(ctx)
	var all []string
	var done sync.WaitGroup
	done.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if (m.Type == chromedp.ConsoleError && m.Source != "network") || m.IsException() {
				all = append(all, m.String()+" "+m.URL)
			}
		}
	})
	return func() []string {
		done.Wait()
		return all
	}
}

func find() string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
