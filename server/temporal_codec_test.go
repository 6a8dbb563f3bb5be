package server

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"

	"throughline/internal/payloads"
	"throughline/internal/seal/sealtest"
	"throughline/referral"
)

const theUI = "https://temporal.kawartha.example"

// asked is what a browser on a page of an origin sends, and what it gets.
func (v *visitor) asked(method, do, origin string) (w *http.Response, body string) {
	v.t.Helper()
	sealed, err := payloads.Converter(sealtest.Keyring()).ToPayloads("canary")
	v.must(err)
	raw, err := protojson.Marshal(sealed)
	v.must(err)
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.site.URL+"/temporal/codec/"+do, bytes.NewReader(raw))
	v.must(err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "same-site")
	w, err = v.client.Do(r)
	v.must(err)
	defer w.Body.Close()
	told, err := io.ReadAll(w.Body)
	v.must(err)
	return w, string(told)
}

func TestPayloadsAreOpenedForThoseWhoRunTheService(t *testing.T) {
	t.Parallel()
	v := staffedOf(newHelpline(t, Config{TemporalUIOrigin: theUI}))
	canary := base64.StdEncoding.EncodeToString([]byte(`"canary"`))
	if w, _ := v.asked("OPTIONS", "decode", theUI); w.StatusCode != 204 || w.Header.Get("Access-Control-Allow-Origin") != theUI ||
		w.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("the browser is told %d %v", w.StatusCode, w.Header)
	}
	if w, told := v.asked("POST", "decode", theUI); w.StatusCode != 401 || strings.Contains(told, canary) {
		t.Errorf("a stranger gets %d", w.StatusCode)
	}
	v.signInAs("nav@kawartha.example")
	if w, told := v.asked("POST", "decode", theUI); w.StatusCode != 403 || strings.Contains(told, canary) {
		t.Errorf("a navigator gets %d", w.StatusCode)
	}
	for _, role := range []referral.Role{referral.Supervisor, referral.Admin} {
		_, err := v.db.Exec(`UPDATE accounts SET role = $1 WHERE email = 'nav@kawartha.example'`, role)
		v.must(err)
		if w, told := v.asked("POST", "decode", theUI); w.StatusCode != 200 || !strings.Contains(told, canary) {
			t.Errorf("%s gets %d %s", role, w.StatusCode, told)
		}
		if w, told := v.asked("POST", "encode", theUI); w.StatusCode != 200 || strings.Contains(told, canary) {
			t.Errorf("%s gets %d %s", role, w.StatusCode, told)
		}
		// Whoever must have a second factor and has none yet opens nothing.
		v.desk.SecondFactorFor = []referral.Role{role}
		if w, told := v.asked("POST", "decode", theUI); w.StatusCode != 403 || strings.Contains(told, canary) {
			t.Errorf("%s without a second factor gets %d", role, w.StatusCode)
		}
		v.desk.SecondFactorFor = nil
		for _, origin := range []string{"", "null", "https://evil.example", theUI + ".evil.example", strings.ToUpper(theUI)} {
			for _, method := range []string{"POST", "OPTIONS"} {
				w, _ := v.asked(method, "decode", origin)
				if w.StatusCode != 403 || w.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s from %q: %d", method, origin, w.StatusCode)
				}
			}
		}
	}
}

func TestWithoutAUIThereIsNoCodec(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	if w, _ := v.asked("POST", "decode", theUI); w.StatusCode == 200 || w.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d", w.StatusCode)
	}
}

// Someone has changed the database: the page says so, in both languages, and shows nothing of it.
func TestAPageSaysWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	v := staffed(t)
	v.signInAs("nav@kawartha.example")
	form := v.typed()
	form.Set("do", "caller")
	v.press(form, "caller").is(200)
	var id uuid.UUID
	v.must(v.db.Get(&id, `SELECT id FROM cases`))
	_, err := v.db.Exec(`UPDATE cases SET name = notes, notes = name`)
	v.must(err)
	page := v.get("/cases/" + id.String()).is(http.StatusInternalServerError)
	if page.says("h1") != "This cannot be read" {
		t.Errorf("it says %q", page.says("main"))
	}
	if list := v.get("/cases").is(200); !strings.Contains(list.says("main"), "The name cannot be read") {
		t.Errorf("the list says %q", list.says("main"))
	}
	if page := v.get("/cases/" + id.String() + "?lang=fr"); page.says("h1") != "Ces renseignements sont illisibles" {
		t.Errorf("it says %q", page.says("h1"))
	}
	if strings.Contains(v.log.String(), "s1.") {
		t.Error("the log holds what is sealed")
	}
}
