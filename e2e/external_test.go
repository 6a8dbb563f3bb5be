package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"throughline/internal/devstack"
	"throughline/internal/seal/sealtest"
	"throughline/mail/mailtest"
)

// deployment is the production binary in its processes, on a PostgreSQL, a Temporal and a mail provider that it did not
// start: one serve, two workers.
type deployment struct {
	t           *testing.T
	stack       *devstack.Stack
	provider    *mailtest.StandIn
	environment []string
	base        string
	processes   []*process
}

const providerKey = "SG.canary-of-a-provider-key"

func deploy(t *testing.T) *deployment {
	t.Helper()
	stack, err := devstack.Start(t.Context(), devstack.Options{Dir: fresh(t)})
	must(t, err)
	t.Cleanup(func() { must(t, stack.Stop()) })
	d := &deployment{t: t, stack: stack, provider: mailtest.New(t)}
	address := freePort(t)
	d.base = "http://" + address
	d.environment = bare("DATABASE_URL="+stack.AppURL, "MIGRATION_DATABASE_URL="+stack.DatabaseURL, "TEMPORAL_ADDRESS="+stack.TemporalAddress, "TEMPORAL_NAMESPACE="+stack.Namespace,
		"BASE_URL="+d.base, "LISTEN_ADDR="+address, "MAIL_PROVIDER=sendgrid", "SENDGRID_API_KEY="+providerKey,
		"SENDGRID_BASE_URL="+d.provider.URL, "MAIL_FROM=referrals@throughline.example", "ENCRYPTION_KEY="+sealtest.Text)
	key, shown := mailtest.NewEventKey()
	d.environment = append(d.environment, "SENDGRID_WEBHOOK_KEY="+shown)
	d.provider.Report(mailtest.Events{URL: d.base + "/webhooks/sendgrid", Key: key, Duplicate: 0.3, Reorder: 0.3, Delay: 100 * time.Millisecond})
	return d
}

func (d *deployment) runs(input string, args ...string) string {
	d.t.Helper()
	return succeeds(d.t, d.environment, input, "throughline", args...)
}

// settle makes the record, the people and the directory by the commands that an operator types.
func (d *deployment) settle() *api {
	t := d.t
	t.Helper()
	refuses(t, runs(t, d.environment, "", "throughline", "serve"), 1, "throughline migrate")
	d.runs("", "migrate")
	d.runs("", "migrate")
	d.runs("correct horse battery\n", "user", "add", "--organisation", "Test 211", "--phone", "705-555-0100", "--email", "nav@test.example",
		"--name", "Nadia Vega", "--role", "navigator")
	if list := d.runs("", "user", "list"); !strings.Contains(list, "nav@test.example") || !strings.Contains(list, "active") {
		t.Errorf("user list:\n%s", list)
	}
	id, key, ok := strings.Cut(strings.TrimSpace(d.runs("", "apikey", "add", "--email", "nav@test.example", "--name", "spare")), "\t")
	if !ok {
		t.Fatalf("apikey add gives %q", id)
	}
	d.runs("", "apikey", "revoke", id)
	if list := d.runs("", "apikey", "list"); !strings.Contains(list, "revoked") {
		t.Errorf("apikey list after revoking:\n%s", list)
	}
	revoked := key
	_, key, _ = strings.Cut(strings.TrimSpace(d.runs("", "apikey", "add", "--email", "nav@test.example", "--name", "tests")), "\t")
	d.runs("", "policy", "set", "demo")
	shown := d.runs("", "policy", "show")
	d.runs(strings.Replace(shown, `"link_days": 7`, `"link_days": 30`, 1), "policy", "set", "-")
	if shown := d.runs("", "policy", "show"); !strings.Contains(shown, `"link_days": 30`) {
		t.Errorf("policy show after setting it:\n%s", shown)
	}
	d.runs("", "policy", "set", "standard")
	d.runs("", "import", "--source", "demo", "../directory/demo")
	var report map[string]any
	must(t, json.Unmarshal([]byte(d.runs("", "import", "--source", "demo", "--dry-run", "--json", "../directory/demo")), &report))

	for _, args := range [][]string{{"serve"}, {"worker"}, {"worker"}} {
		p := launch(t, d.environment, "throughline", args...)
		d.processes = append(d.processes, p)
		until(t, p.name+" is not ready", 2*time.Minute, func() bool {
			if p.hasEnded() {
				t.Fatalf("%s ended: %v\n%s", p.name, p.failure, p.said.String())
			}
			return strings.Contains(p.said.String(), `"msg":"ready"`)
		})
	}
	if status := (&api{t: t, base: d.base, key: revoked}).ask("GET", "/api/v1/queue", nil, nil); status != http.StatusUnauthorized {
		t.Errorf("a revoked key is answered %d", status)
	}
	return &api{t: t, base: d.base, key: key}
}

// agency is who reads an email and follows its link.
type agency struct {
	t      *testing.T
	base   string
	client *http.Client
	token  string
}

// mailed waits for the offer to a service to reach the provider, and follows its link.
func (d *deployment) mailed(service string) *agency {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 2*time.Minute)
	defer cancel()
	var token string
	err := d.provider.WaitFor(ctx, func(all []mailtest.Received) bool {
		for _, m := range all {
			if found := linkForm.FindStringSubmatch(m.Text); found != nil && strings.Contains(m.Subject, service) {
				token = found[1]
			}
		}
		return token != ""
	})
	if err != nil {
		d.t.Fatalf("no letter about %s reached the provider: %v", service, err)
	}
	jar, err := cookiejar.New(nil)
	must(d.t, err)
	a := &agency{t: d.t, base: d.base, token: token, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
	if status, page := fetch(d.t, a.client, "GET", d.base+"/r/"+token); status != 200 || !strings.Contains(string(page), service) {
		d.t.Fatalf("the link gives %d\n%s", status, page)
	}
	return a
}

// posts sends a form of the agency's page.
func (a *agency) posts(do string, more ...string) {
	a.t.Helper()
	form := url.Values{"do": {do}, "name": {"Priya"}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	answer, err := a.client.PostForm(a.base+"/r", form)
	must(a.t, err)
	defer answer.Body.Close()
	if answer.StatusCode != 200 || answer.Request.URL.Query().Get("done") != do {
		a.t.Fatalf("%s: %s at %s", do, answer.Status, answer.Request.URL.Path)
	}
}

// bounces has the letter of a referral come back, and waits until someone is asked to phone its agency.
func (d *deployment) bounces(m made) {
	t := d.t
	t.Helper()
	var letter mailtest.Received
	until(t, "its letter does not reach the provider", time.Minute, func() bool {
		for _, letter = range d.provider.Messages() {
			if count(t, d.stack.DatabaseURL, `SELECT count(*) FROM messages WHERE id = $1 AND referral_id = $2`, letter.MID, m.ID) == 1 {
				return true
			}
		}
		return false
	})
	d.provider.Say(letter, "bounce")
	until(t, "nobody is asked to phone about a letter that came back", time.Minute, func() bool {
		return count(t, d.stack.DatabaseURL, `SELECT count(*) FROM tasks WHERE referral_id = $1 AND kind = 'call_agency' AND cause = 'mail_failed'`,
			m.ID) == 1
	})
	must(t, d.provider.WaitForEvents(t.Context()))
	if n := count(t, d.stack.DatabaseURL, `SELECT count(*) FROM timeline WHERE referral_id = $1 AND what = 'undelivered'`, m.ID); n != 1 {
		t.Errorf("the bounce is told %d times", n)
	}
}

func (d *deployment) readiness() (int, string) {
	d.t.Helper()
	status, body := fetch(d.t, web, "GET", d.base+"/readyz")
	var r struct {
		Status string `json:"status"`
	}
	must(d.t, json.Unmarshal(body, &r))
	return status, r.Status
}

func TestProductionOnAnExternalStack(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	a := d.settle()

	whole := a.refer("Whole Canary", "food", "routine", a.service("Little Lake Food Bank"))
	first := d.mailed("Little Lake Food Bank")
	first.posts("accept")
	first.posts("report_outcome", "outcome", "received_in_full")
	if s := a.command(whole.ID, "confirm", map[string]any{"outcome": "received_in_full"}); s.State != "closed" || s.Evidence != "both" {
		t.Errorf("confirmed, it is %s with the word of %s", s.State, s.Evidence)
	}

	answeredWithout := a.refer("Answered Canary", "food", "routine", a.service("Community Supper"))
	second := d.mailed("Community Supper")
	if status, word := d.readiness(); status != 200 || word != "ok" {
		t.Errorf("with all parts there: %d %s", status, word)
	}
	must(t, d.stack.StopTemporal())
	until(t, "readiness does not see that Temporal is gone", time.Minute, func() bool {
		status, word := d.readiness()
		return status == 200 && word == "degraded"
	})
	takenWithout := a.refer("Taken Canary", "food", "routine", a.service("Saturday Community Kitchen"))
	second.posts("accept")
	away := runs(t, d.environment, "", "throughline", "check")
	refuses(t, away, 2, "I1 could not be checked", "temporal", "TEMPORAL_ADDRESS")
	if !strings.Contains(away.out, "I10 ") || strings.Contains(away.out, "I10       0 looked at") {
		t.Errorf("what the record says is not printed while Temporal is away:\n%s", away.out)
	}
	refuses(t, runs(t, d.environment, "", "throughline", "hold"), 2, "stop them first")
	must(t, d.stack.StartTemporal(t.Context()))
	third := d.mailed("Saturday Community Kitchen")
	third.posts("accept")
	bounced := a.refer("Bounced Canary", "food", "routine", a.service("Community Supper"))
	d.bounces(bounced)
	until(t, "the record does not come to rest", 2*time.Minute, func() bool {
		return count(t, d.stack.DatabaseURL, `SELECT count(*) FROM outbox WHERE done_at IS NULL`) == 0
	})
	if status, word := d.readiness(); status != 200 || word != "ok" {
		t.Errorf("with Temporal back: %d %s", status, word)
	}
	clean(t, d.environment)
	for _, m := range []made{whole, answeredWithout, takenWithout} {
		history := d.runs("", "history", m.ID)
		if !strings.Contains(history, "WorkflowExecutionStarted") && !strings.Contains(history, "WORKFLOW_EXECUTION_STARTED") {
			t.Errorf("history of %s:\n%.400s", m.ID, history)
		}
		if strings.Contains(history, "Canary") {
			t.Errorf("a history holds what a client said: %s", m.ID)
		}
	}
	d.stopAndListen(first, second, third)
	if said := d.runs("", "hold", "--dry-run"); !strings.Contains(said, "0 letters wait") {
		t.Errorf("hold --dry-run after all has been said:\n%s", said)
	}
	if said := d.runs("", "hold", "--json"); strings.TrimSpace(said) != "[]" {
		t.Errorf("hold after all has been said:\n%s", said)
	}
}

// stopAndListen ends every process as a container's end does, and goes through all that they have said.
func (d *deployment) stopAndListen(agencies ...*agency) {
	t := d.t
	t.Helper()
	for _, p := range d.processes {
		p.end(syscall.SIGTERM, 35*time.Second)
	}
	secrets := []string{"Canary", "705-555-0133", providerKey, "no such user"}
	for _, a := range agencies {
		secrets = append(secrets, a.token)
	}
	for _, p := range d.processes {
		for _, secret := range secrets {
			if strings.Contains(p.said.String(), secret) {
				t.Errorf("%s says %q:\n%s", p.name, secret, p.said.String())
			}
		}
	}
	if problems := d.provider.Problems(); len(problems) > 0 {
		t.Errorf("the provider complains: %q", problems)
	}
	if twice := d.provider.Duplicates(); len(twice) > 0 {
		t.Errorf("mailed twice: %v", twice)
	}
}

func TestWhatIsMissingAtTheStartIsNamed(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	nowhere, err := url.Parse(d.stack.DatabaseURL)
	must(t, err)
	nowhere.Path = "/nowhere"
	refuses(t, runs(t, append(d.environment, "MIGRATION_DATABASE_URL="+nowhere.String()), "", "throughline", "migrate"), 1,
		`no database "nowhere"`, "create it", "DATABASE_URL")
	nowhere.Host = freePort(t)
	refuses(t, runs(t, append(d.environment, "DATABASE_URL="+nowhere.String()), "", "throughline", "serve"), 1,
		"cannot reach "+nowhere.Host, "DATABASE_URL")
	d.runs("", "migrate")
	refuses(t, runs(t, append(d.environment, "TEMPORAL_ADDRESS="+freePort(t)), "", "throughline", "worker"), 1, "cannot reach", "TEMPORAL_ADDRESS")
	refuses(t, runs(t, append(d.environment, "TEMPORAL_ADDRESS="+freePort(t)), "", "throughline", "check"), 2, "cannot reach", "TEMPORAL_ADDRESS")
	refuses(t, runs(t, append(d.environment, "LISTEN_ADDR="+strings.TrimPrefix(d.provider.URL, "http://")), "", "throughline", "serve"), 1, "LISTEN_ADDR")
	for _, args := range [][]string{{"user", "list"}, {"policy", "show"}} {
		refuses(t, runs(t, d.environment, "", "throughline", args...), 2, "no such organisation")
	}
}

// A namespace is easily mistyped: the processes reach Temporal, and none of their work would be done.
func TestAWrongNamespaceIsNamed(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.environment = append(d.environment, "TEMPORAL_NAMESPACE=elsewhere")
	d.runs("", "migrate")
	refuses(t, runs(t, d.environment, "", "throughline", "worker"), 1, `no namespace "elsewhere"`, "TEMPORAL_NAMESPACE", "temporal operator namespace create")
	refuses(t, runs(t, d.environment, "", "throughline", "check"), 2, `no namespace "elsewhere"`, "TEMPORAL_NAMESPACE")
	p := launch(t, d.environment, "throughline", "serve")
	until(t, "serve does not start", time.Minute, func() bool { return strings.Contains(p.said.String(), `"msg":"ready"`) })
	if said := p.said.String(); !strings.Contains(said, `no namespace \"elsewhere\"`) {
		t.Errorf("serve does not say what is wrong:\n%s", said)
	}
	status, body := fetch(t, web, "GET", d.base+"/readyz")
	if status != 200 || !strings.Contains(string(body), `"degraded"`) || !strings.Contains(string(body), "TEMPORAL_NAMESPACE") {
		t.Errorf("readiness answers %d: %s", status, body)
	}
}

func TestBadSettingsAreNamedAllAtOnce(t *testing.T) {
	t.Parallel()
	const canary = "canary-of-a-secret"
	bad := bare("DATABASE_URL=mysql://me:"+canary+"@host/x", "TEMPORAL_ADDRESS="+canary, "BASE_URL=http://"+canary+".example/path",
		"LISTEN_ADDR="+canary, "MAIL_PROVIDER=sendgrid", "SENDGRID_API_KEY=SG.canary...", "SENDGRID_BASE_URL=ftp://"+canary,
		"MAIL_FROM="+canary, "LOG_LEVEL="+canary, "TRUSTED_PROXIES="+canary, "SENDGRID_WEBHOOK_KEY="+canary, "ENCRYPTION_KEY="+canary)
	r := runs(t, bad, "", "throughline", "serve")
	refuses(t, r, 2, "DATABASE_URL", "TEMPORAL_ADDRESS", "BASE_URL", "LISTEN_ADDR", "SENDGRID_API_KEY", "SENDGRID_BASE_URL", "MAIL_FROM",
		"LOG_LEVEL", "TRUSTED_PROXIES", "SENDGRID_WEBHOOK_KEY", "ENCRYPTION_KEY")
	if strings.Contains(r.out+r.errors, "canary") {
		t.Errorf("a value was printed:\n%s", r.errors)
	}
	refuses(t, runs(t, bare(), "", "throughline", "worker"), 2, "DATABASE_URL", "TEMPORAL_ADDRESS", "BASE_URL", "SENDGRID_API_KEY", "MAIL_FROM", "KEY_FILE")
	refuses(t, runs(t, bare(), "", "throughline", "migrate"), 2, "DATABASE_URL is not set")
	refuses(t, runs(t, bare(), "", "throughline", "fly"), 2, `no command "fly"`)
}
