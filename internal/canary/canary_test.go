package canary_test

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"throughline/internal/canary"
)

var planted = []string{"zyta", "canarova", "555-0177", "K9H 1A1", "Françoise Ōkapi"}

// Each form in which a program may have written something down is found, whatever stands before it.
func TestWhatWasPlantedIsFound(t *testing.T) {
	t.Parallel()
	search := canary.For(planted...)
	quoted, err := json.Marshal("Françoise Ōkapi <x>")
	if err != nil {
		t.Fatal(err)
	}
	var mail strings.Builder
	w := quotedprintable.NewWriter(&mail)
	_, _ = w.Write([]byte("Bonjour K9H 1A1"))
	_ = w.Close()
	told := []string{"msg=Zyta", "a=0177&phone=555-0177", "postal=" + url.QueryEscape("K9H 1A1"), "postal=" + url.PathEscape("K9H 1A1"),
		url.QueryEscape("Françoise Ōkapi"), string(quoted), "Fran&#231;oise &#332;kapi", `"Fran\u00e7oise \u014ckapi"`, "ZYTA", mail.String(),
		"%7a%79%74%61", "%7A%79%74%61", `\x5a797461`, "5A797461", mime.QEncoding.Encode("utf-8", "Ça va, 555-0177")}
	for _, before := range []string{"", "x", "xy", "xyz", "wxyz"} {
		for _, name := range []string{"Canarova", "canarova", "CANAROVA"} {
			raw := []byte(before + `"name":"` + name + `"}`)
			told = append(told, hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
				base32.StdEncoding.EncodeToString(raw))
		}
	}
	for _, text := range told {
		if len(search.InText(text)) == 0 {
			t.Errorf("nothing is found in %q", text)
		}
	}
	for _, clean := range []string{"", "the quick brown fox", strings.Repeat("aGVsbG8gd29ybGQ", 1000)} {
		if found := search.InText(clean); len(found) != 0 {
			t.Errorf("found %v", found)
		}
	}
}

// What lies across two pieces of a long dump is found once, and what can't be read is no clean dump.
func TestALongDumpIsSearchedWhole(t *testing.T) {
	t.Parallel()
	search := canary.For("canarova")
	for _, before := range []int{0, 1<<20 - 4, 1 << 20, 1<<20 + 50, 5<<20 + 3} {
		dump := strings.Repeat("-", before) + "Canarova" + strings.Repeat("-", 3<<20)
		found, err := search.In(iotest.HalfReader(strings.NewReader(dump)))
		if err != nil || len(found) != 1 || found[0].Canary != "canarova" || !strings.Contains(found[0].Around, "Canarova") {
			t.Errorf("after %d: %v, %v", before, found, err)
		}
	}
	broken := errors.New("broken")
	if _, err := search.In(io.MultiReader(strings.NewReader("---"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a dump that breaks off: %v", err)
	}
}
