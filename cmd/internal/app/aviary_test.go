//go:build unix

package app

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/config"
	"throughline/internal/devstack"
	"throughline/internal/seal/sealtest"
	"throughline/mail"
	"throughline/mail/mailtest"
	"throughline/referral"
	"throughline/workflows/lifetest"
)

// aviary is a house on a real PostgreSQL and a Temporal that keeps its histories there, with a canary in every field.
type aviary struct {
	*story
	dir         string // of the stack
	stack       *devstack.Stack
	traces      *traceCollector
	navigator   casework.Actor
	supervisors [2]casework.Actor
	secrets     []string // of a second factor
}

// fields are where people's words go, each with the canary that is planted there.
var fields = []string{"name", "surname", "email", "contact times", "municipality", "notes", "details", "substitute", "question", "answer", "desk", "decline",
	"contact", "outcome", "confirmed", "glass", "remark", "hold", "erasure", "told by", "before", "correction"}

// word is the canary of a field: the same each time and another for each field. Nobody else writes it.
func word(field string) string {
	sum := sha256.Sum256([]byte("canary of " + field))
	return "zq" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// instead has the people of a story write canaries: what they write of a client, who they are, and what strangers send.
var instead = strings.NewReplacer("Zyta", word("name"), "zyta", word("name"), "Canarova", word("surname"), "canarova", word("surname"),
	"okapi", word("strangers"), "Okapi", word("strangers"), "OKAPI", strings.ToUpper(word("strangers")), "Quetzal", word("desk"))

// aviaryWords are all of them, and what can't be any word.
func aviaryWords() []string {
	all := []string{"7055550177", "705-555-0177", "K9H 1A1", word("strangers")}
	for _, f := range fields {
		all = append(all, word(f))
	}
	return all
}

func openAviary(t *testing.T) *aviary {
	t.Helper()
	dir := t.TempDir()
	stack, err := devstack.Start(t.Context(), devstack.Options{Dir: dir, PostgresSettings: map[string]string{"fsync": "off"}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, stack.Stop()) })
	owner, err := db.Open(t.Context(), stack.DatabaseURL, db.Options{MaxOpen: 2})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, owner.Close()) })
	require.NoError(t, db.Migrate(t.Context(), owner))
	h := &house{t: t, mail: mailtest.New(t), log: &transcript{}}
	a := &aviary{story: &story{house: h, instead: instead}, dir: dir, stack: stack, traces: collect(t)}
	sender, err := Sender(config.Mail{Provider: "sendgrid", SendGridKey: "SG.canary-of-a-provider-key", SendGridBaseURL: h.mail.URL})
	require.NoError(t, err)
	h.App, err = Open(t.Context(), Options{DatabaseURL: stack.AppURL, MaxConnections: 10, Temporal: config.Temporal{Address: stack.TemporalAddress, Namespace: stack.Namespace},
		Sender: sender, From: mail.Address{Email: "referrals@throughline.example"}, BaseURL: "http://127.0.0.1", Process: "dev", Keys: sealtest.Keyring(),
		TracesTo: a.traces.URL, Log: slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	h.office = &lifetest.Office{Desk: h.Desk, Record: owner}
	t.Cleanup(func() { assert.NoError(t, h.Stop()) })
	a.furnish()
	h.serve()
	require.NoError(t, h.Work(t.Context()))
	h.Dispatch()
	return a
}

func (a *aviary) furnish() {
	ctx, t := a.t.Context(), a.t
	organisation, err := a.Desk.AddOrganisation(ctx, "Kawartha 211", "705-555-0100", "")
	require.NoError(t, err)
	for i, who := range []*casework.Actor{&a.navigator, &a.supervisors[0], &a.supervisors[1]} {
		role := map[bool]referral.Role{true: referral.Navigator, false: referral.Supervisor}[i == 0]
		email := fmt.Sprintf("person-%d@helpline.example", i)
		made, err := a.Desk.AddAccount(ctx, organisation, email, fmt.Sprint("Person ", i), role, "en", "correct horse battery")
		require.NoError(t, err)
		*who = made.Actor(casework.ViaPage)
		if i == 1 {
			a.enrols(made)
		}
		if i == 0 {
			_, a.key, err = a.Desk.AddKey(ctx, email, "tests")
			require.NoError(t, err)
		}
	}
	for n := 1; n <= 3; n++ {
		_, err := a.office.Record.Exec(`WITH a AS (INSERT INTO agencies (id, source, source_id, name) VALUES (gen_random_uuid(), 'test', gen_random_uuid(), $1) RETURNING id)
			INSERT INTO services (id, source, source_id, agency_id, name, email) SELECT gen_random_uuid(), 'test', gen_random_uuid(), id, $2, $3 FROM a`,
			fmt.Sprint("Pantry ", n), fmt.Sprint("Food boxes ", n), fmt.Sprintf("pantry-intake-%d@agency.example", n))
		require.NoError(t, err)
	}
}

// enrols gives someone a second factor, and proposes another: what is shown of both is as secret as a client's words.
func (a *aviary) enrols(who casework.Account) {
	ctx, t, from := a.t.Context(), a.t, casework.From{Address: "203.0.113.7", Browser: "Firefox"}
	visit, err := a.Desk.Enter(ctx, who, casework.ByPassword, from)
	require.NoError(t, err)
	v, err := a.Desk.Visitor(ctx, visit)
	require.NoError(t, err)
	proposed := func(proof string) string {
		require.NoError(t, a.Desk.ProposeSecondFactor(ctx, v, proof, from))
		f, err := a.Desk.SecondFactor(ctx, v)
		require.NoError(t, err)
		return f.Secret
	}
	secret := proposed("")
	code, err := totp.GenerateCode(secret, time.Now())
	require.NoError(t, err)
	codes, err := a.Desk.ConfirmSecondFactor(ctx, v, code, from)
	require.NoError(t, err)
	a.secrets = append(codes, secret, proposed(codes[0]))
}

// lives is a whole story with a canary in every field that takes any text, by the API, by the agencies' links and by the
// desk. It gives the case and its referral.
func (a *aviary) lives() (caseID, id uuid.UUID) {
	t, ctx := a.t, a.t.Context()
	var services []uuid.UUID
	require.NoError(t, a.office.Record.Select(&services, `SELECT id FROM services ORDER BY name`))
	made := a.must(a.ask(http.MethodPost, "/api/v1/referrals", map[string]any{
		"case": map[string]any{"name": word("name") + " " + word("surname"), "phone": "+1 705-555-0177", "email": word("email") + "@canary.example",
			"contact_times": word("contact times"), "safe_to_call": true, "municipality": word("municipality"), "postal_code": "K9H 1A1",
			"birth_year": 1961, "notes": word("before")},
		"need": "food", "details": word("details"), "service_ids": services[:2],
		"consent": map[string]any{"given": true, "how": "substitute", "substitute": word("substitute"), "capacity": "attorney"}}))
	var out struct {
		ID     uuid.UUID
		CaseID uuid.UUID `json:"case_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(made.body), &out))
	caseID, id = out.CaseID, out.ID
	command := func(name, field string, more map[string]any) {
		t.Helper()
		body := map[string]any{"note": word(field)}
		for k, v := range more {
			body[k] = v
		}
		a.must(a.ask(http.MethodPost, "/api/v1/referrals/"+id.String()+"/"+name, body))
	}
	first := a.agency(a.mailed(1))
	first("ask", url.Values{"note": {word("question")}})
	until(t, "the question is someone's task, which the answer ends", func() bool {
		var n int
		require.NoError(t, a.office.Record.Get(&n, `SELECT count(*) FROM tasks WHERE referral_id = $1 AND kind = 'answer_agency' AND state = 'open'`, id))
		return n == 1
	})
	command("answer", "answer", nil)
	first("decline", url.Values{"reason": {"full"}, "note": {word("decline")}})
	var second func(string, url.Values)
	until(t, "the second agency is asked", func() bool {
		for _, m := range a.mail.Messages() {
			if found := linkIn.FindStringSubmatch(m.Text); found != nil && strings.HasPrefix(m.To, "pantry-intake-2") && second == nil {
				second = a.agency(found[1])
			}
		}
		return second != nil
	})
	second("accept", nil)
	second("contact", url.Values{"note": {word("contact")}})
	command("report_outcome", "outcome", map[string]any{"outcome": "received_in_full", "told_by": word("told by")})
	command("confirm", "confirmed", map[string]any{"outcome": "received_in_full"})

	require.NoError(t, a.Desk.Restrict(ctx, a.navigator, caseID, "vip"))
	var reference string
	require.NoError(t, a.office.Record.Get(&reference, `SELECT reference FROM cases WHERE id = $1`, caseID))
	_, err := a.Desk.BreakGlass(ctx, a.supervisors[0], reference, word("glass"))
	require.NoError(t, err)
	waiting, err := a.Desk.GlassToReview(ctx, a.supervisors[1])
	require.NoError(t, err)
	require.NoError(t, a.Desk.ReviewGlass(ctx, a.supervisors[1], waiting[0].ID, "justified", word("remark")))
	require.NoError(t, a.Desk.Restrict(ctx, a.navigator, caseID, ""))
	require.NoError(t, a.Desk.HoldCase(ctx, a.supervisors[0], caseID, word("hold")))
	require.NoError(t, a.Desk.LiftHold(ctx, a.supervisors[0], caseID))
	_, err = a.Desk.Correct(ctx, a.navigator, caseID, casework.CorrectionInput{Notes: new(word("notes")), Reason: word("correction"), IfVersion: 1}, nil)
	require.NoError(t, err)
	erasure, err := a.Desk.AskErasure(ctx, a.navigator, caseID, word("erasure"))
	require.NoError(t, err)
	require.NoError(t, a.Desk.CallOffErasure(ctx, a.navigator, erasure))
	_, err = a.Desk.FindCases(ctx, a.navigator, word("surname"))
	require.NoError(t, err)
	return caseID, id
}

// agency posts as the agency of a link does.
func (a *aviary) agency(token string) func(do string, more url.Values) {
	jar, err := cookiejar.New(nil)
	require.NoError(a.t, err)
	client := &http.Client{Jar: jar}
	w, err := client.Get(a.base + "/r/" + token)
	require.NoError(a.t, err)
	require.NoError(a.t, w.Body.Close())
	return func(do string, more url.Values) {
		a.t.Helper()
		form := url.Values{"do": {do}, "name": {word("desk")}}
		for name, value := range more {
			form[name] = value
		}
		w, err := client.PostForm(a.base+"/r", form)
		require.NoError(a.t, err)
		defer w.Body.Close()
		require.Equal(a.t, do, w.Request.URL.Query().Get("done"), "%s: %s", do, w.Status)
	}
}
