package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"throughline/locale"
)

// visitor is a person at a browser, who reads one language, clicks and types.
type visitor struct {
	t     testing.TB
	tab   context.Context
	base  string
	words *locale.Localizer
	album string // the pictures' folder; "" takes none
	taken int
}

// patience is how long one page or one element may take on a busy machine.
const patience = 45 * time.Second

// wide and narrow are the windows that every page is looked at in.
const wide, narrow = 1280, 375

// another opens a browser profile of its own, without the first one's cookies: the agency at its own desk.
func (v *visitor) another() *visitor {
	v.t.Helper()
	tab, cancel := chromedp.NewContext(v.tab, chromedp.WithNewBrowserContext())
	v.t.Cleanup(cancel)
	must(v.t, chromedp.Do(tab, chromedp.EmulateViewport(wide, 900)))
	return &visitor{t: v.t, tab: tab, base: v.base, words: v.words, album: v.album, taken: 50}
}

// do carries out steps on the open page.
func (v *visitor) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.tab, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		v.stuck(what, err)
	}
}

// page carries out a step that leads to another page, and waits for that.
func (v *visitor) page(what string, step chromedp.Action[chromedp.Void]) *network.Response {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.tab, patience)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		v.stuck(what, err)
	}
	return answer
}

// stuck ends the test with a picture of where it came to.
func (v *visitor) stuck(what string, cause error) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.tab, patience)
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Location())
	if picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)); err == nil {
		keep(v.t, filepath.Join(v.t.Name(), "stuck.png"), picture)
	}
	v.t.Fatalf("%s, at %s: %v (a picture is in %s)", what, at, cause, filepath.Join(artefacts, v.t.Name(), "stuck.png"))
}

func (v *visitor) open(path string) {
	v.t.Helper()
	if answer := v.page("open "+path, chromedp.Navigate(v.base+path)); answer.Status != 200 {
		v.t.Fatalf("%s: %d", path, answer.Status)
	}
}

// follow clicks something and waits for the page that it leads to.
func (v *visitor) follow(selector string) {
	v.t.Helper()
	v.page("follow "+selector, chromedp.Click(selector, chromedp.NodeVisible))
}

func (v *visitor) click(selector string) {
	v.t.Helper()
	v.do("click "+selector, chromedp.Click(selector, chromedp.NodeVisible))
}

// write types into a field, after what stands there.
func (v *visitor) write(field, text string) {
	v.t.Helper()
	v.do("write "+field, chromedp.SendKeys(field, text, chromedp.NodeVisible))
}

// set fills a field that has no one way of typing, which depends on the browser's language: dates, times, lists.
func (v *visitor) set(field, value string) {
	v.t.Helper()
	v.do("set "+field, chromedp.SetValue(field, value, chromedp.NodeVisible))
}

func (v *visitor) sees(selector string) {
	v.t.Helper()
	v.do("look for "+selector, chromedp.WaitVisible(selector))
}

// reads wants a text on the page.
func (v *visitor) reads(text string) {
	v.t.Helper()
	if !strings.Contains(v.text(), text) {
		v.stuck(fmt.Sprintf("read %q", text), fmt.Errorf("not on the page:\n%s", v.text()))
	}
}

// doesNotRead wants none of some texts anywhere on the page, in what it shows or hides.
func (v *visitor) doesNotRead(texts ...string) {
	v.t.Helper()
	html, err := chromedp.Run(v.tab, chromedp.OuterHTML(chromedp.CSS("html")))
	must(v.t, err)
	for _, text := range texts {
		if strings.Contains(html, text) {
			v.stuck(fmt.Sprintf("not read %q", text), fmt.Errorf("it is on the page"))
		}
	}
}

func (v *visitor) text() string {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.tab, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	if err != nil {
		v.stuck("read the page", err)
	}
	return text
}

// openUntil opens a page again and again until something is on it, as a person waits for an email.
func (v *visitor) openUntil(path, selector string) {
	v.t.Helper()
	until(v.t, selector+" does not appear at "+path, 2*time.Minute, func() bool {
		v.open(path)
		found, err := chromedp.Run(v.tab, chromedp.Nodes(selector, chromedp.AtLeast(0)))
		must(v.t, err)
		return len(found) > 0
	})
}

// say gives a text of the pages in the visitor's language.
func (v *visitor) say(key string) string {
	v.t.Helper()
	if !v.words.Has(key) {
		v.t.Fatalf("there is no text %s", key)
	}
	return v.words.T(key)
}

// named finds an element by the words on it.
func named(element, words string) string {
	quote := `"`
	if strings.Contains(words, `"`) {
		quote = `'`
	}
	return fmt.Sprintf("//%s[contains(normalize-space(.), %s%s%s)]", element, quote, words, quote)
}

// picture keeps how the open page looks at both widths, for people to judge, and wants it no wider than its window.
func (v *visitor) picture(name string) {
	v.t.Helper()
	v.taken++
	for _, width := range []int64{narrow, wide} {
		ctx, cancel := context.WithTimeout(v.tab, patience)
		defer cancel()
		must(v.t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 900)))
		wider, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - window.innerWidth`))
		must(v.t, err)
		if wider > 0 {
			v.t.Errorf("%s: %d px wider than a window of %d", name, wider, width)
		}
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		must(v.t, err)
		keep(v.t, filepath.Join(v.album, fmt.Sprintf("%02d-%s-%d.png", v.taken, name, width)), png)
	}
}
