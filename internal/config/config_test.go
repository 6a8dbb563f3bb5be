package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"throughline/referral"
)

// everything is a deployment's settings, all of them good.
func everything() map[string]string {
	return map[string]string{"DATABASE_URL": "postgres://me:0f1e2d3c4b5a@db:5432/throughline?sslmode=verify-full", "TEMPORAL_ADDRESS": "temporal:7233",
		"BASE_URL": "https://refer.example/", "SENDGRID_API_KEY": "SG.0123456789abcdefghij", "MAIL_FROM": "referrals@helpline.example",
		"TRUSTED_PROXIES": "10.0.0.0/8, 192.168.0.0/16", "KEY_FILE": "/run/secrets/keys", "TEMPORAL_UI_ORIGIN": "https://temporal.example",
		"OIDC_ISSUER": "https://login.example/helpline", "OIDC_CLIENT_ID": "throughline", "OIDC_CLIENT_SECRET": "0123456789abcdef",
		"OIDC_ROLES": "211-leads=coordinator, cn=staff=navigator", "OIDC_REQUIRE_AMR": "mfa, hwk"}
}

var whole = Need{Database: true, Temporal: true, Mail: true, HTTP: true, Keys: true}

func read(set map[string]string, need Need) (Config, error) {
	return Read(func(name string) string { return set[name] }, need)
}

func TestAWholeConfigurationIsRead(t *testing.T) {
	t.Parallel()
	c, err := read(everything(), whole)
	if err != nil {
		t.Fatal(err)
	}
	if c.BaseURL != "https://refer.example" || c.Temporal.Namespace != "default" || c.ListenAddr != ":8080" || c.Mail.Provider != "sendgrid" ||
		c.Mail.SendGridBaseURL != "https://api.sendgrid.com" || c.Mail.FromName != "Throughline" || len(c.TrustedProxies) != 2 {
		t.Errorf("%+v", c)
	}
	if c.SignOn.GroupsClaim != "groups" || !slices.Equal(c.SignOn.Roles, []RoleOfGroup{{"211-leads", "coordinator"}, {"cn=staff", "navigator"}}) ||
		!slices.Equal(c.SecondFactorFor, referral.AccountRoles) {
		t.Errorf("%+v, and a second factor for %v", c.SignOn, c.SecondFactorFor)
	}
	if !slices.Equal(c.SignOn.AMR, []string{"mfa", "hwk"}) || c.SignOn.ACR != nil {
		t.Errorf("the provider must have asked for %v, %v", c.SignOn.AMR, c.SignOn.ACR)
	}
	none := everything()
	none["REQUIRE_SECOND_FACTOR"], none["OIDC_ISSUER"], none["OIDC_CLIENT_ID"], none["OIDC_CLIENT_SECRET"], none["OIDC_ROLES"] = "none", "", "", "", ""
	none["OIDC_REQUIRE_AMR"] = ""
	if c, err := read(none, whole); err != nil || c.SignOn.Issuer != "" || c.SecondFactorFor != nil {
		t.Errorf("without single sign-on: %+v, %v", c.SignOn, err)
	}
	none["REQUIRE_SECOND_FACTOR"] = "admin, auditor"
	if c, err := read(none, whole); err != nil || !slices.Equal(c.SecondFactorFor, []referral.Role{referral.Admin, referral.Auditor}) {
		t.Errorf("a second factor for %v, %v", c.SecondFactorFor, err)
	}
}

// Where people here must have a second factor, single sign-on is no way around it: what the provider must have asked for is
// named, or that it is believed.
func TestWhatTheProviderMustAskForIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		acr, amr, factor string
		refused          bool
	}{
		{"", "", "", true}, {"", "", "admin", true}, {"", "", "none", false}, {"", "none", "", false}, {"gold", "", "", false}, {"", "mfa", "", false},
	} {
		set := everything()
		set["OIDC_REQUIRE_ACR"], set["OIDC_REQUIRE_AMR"], set["REQUIRE_SECOND_FACTOR"] = c.acr, c.amr, c.factor
		got, err := read(set, whole)
		if (err != nil) != c.refused {
			t.Errorf("%+v: %v", c, err)
		}
		if c.amr == "none" && got.SignOn.AMR != nil {
			t.Errorf("believed, and yet it must have asked for %v", got.SignOn.AMR)
		}
	}
}

func TestEveryBadValueIsNamedAndNeverShown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, says string }{
		{"DATABASE_URL", "", "DATABASE_URL is not set"},
		{"DATABASE_URL", "mysql://me:canary@db/x", "DATABASE_URL must be a URL that begins with postgres://"},
		{"DATABASE_URL", "postgres:///canary", "DATABASE_URL must be"},
		{"DATABASE_URL", "postgres://me:can%zzary@db/x", "DATABASE_URL must be"},
		{"DATABASE_URL", "postgres://me:canary@db/x", "DATABASE_URL holds a password that is too short"},
		{"DATABASE_URL", "postgres://throughline_app:password@host:5432/throughline", "DATABASE_URL holds a password that is an example"},
		{"DATABASE_URL", "postgres://me:canary-changeme@db/x", "DATABASE_URL holds a password that is an example"},
		{"DATABASE_URL", "postgres://me:xxxxxxxxxxxxxxxxxxxxxxxx@db/x", "DATABASE_URL holds a password that is an example"},
		{"DATABASE_URL", "postgres://me:$POSTGRES_PASSWORD@db/x", "DATABASE_URL holds a password that is an example"},
		{"OIDC_CLIENT_SECRET", "canary canary canary", "OIDC_CLIENT_SECRET must be one word"},
		{"OIDC_CLIENT_SECRET", "your-client-secret", "OIDC_CLIENT_SECRET is too short, or an example"},
		{"SENDGRID_API_KEY", "SG.your-api-key-canary", "SENDGRID_API_KEY is too short, or an example"},
		{"SENDGRID_BASE_URL", "http://canary.example", "SENDGRID_BASE_URL must begin with https://"},
		{"TEMPORAL_ADDRESS", "", "TEMPORAL_ADDRESS is not set"},
		{"TEMPORAL_ADDRESS", "canary", "TEMPORAL_ADDRESS must look like host:port"},
		{"TEMPORAL_ADDRESS", "canary:", "TEMPORAL_ADDRESS must look like host:port"},
		{"BASE_URL", "", "BASE_URL is not set"},
		{"BASE_URL", "http://canary.example", "BASE_URL must begin with https://"},
		{"BASE_URL", "https://canary.example/path", "BASE_URL must be a scheme and a host"},
		{"BASE_URL", "https://canary@refer.example", "BASE_URL must be a scheme and a host"},
		{"BASE_URL", "ftp://canary.example", "BASE_URL must be a URL"},
		{"BASE_URL", "https://refer.example#canary", "BASE_URL must be a scheme and a host"},
		{"BASE_URL", "https://refer.example?canary", "BASE_URL must be a scheme and a host"},
		{"BASE_URL", "https://refer.example?", "BASE_URL must be a scheme and a host"},
		{"BASE_URL", "https://refer.example/ canary", "BASE_URL must be a scheme and a host"},
		{"BASE_URL", "https://canary .example", "BASE_URL must be a URL"},
		{"BASE_URL", "https://canary,refer.example", "BASE_URL must be a URL"},
		{"BASE_URL", "https://refer.example:canary", "BASE_URL must be a URL"},
		{"BASE_URL", "https://refer.example:65536", "BASE_URL must be a URL"},
		{"BASE_URL", "https://:443", "BASE_URL must be a URL"},
		{"TEMPORAL_ADDRESS", "temporal:7233canary", "TEMPORAL_ADDRESS must end with a port from 1 to 65535"},
		{"TEMPORAL_ADDRESS", "can ary:7233", "TEMPORAL_ADDRESS must look like host:port"},
		{"TEMPORAL_NAMESPACE", "can ary", "TEMPORAL_NAMESPACE must be one word"},
		{"TEMPORAL_NAMESPACE", "canary\x00", "TEMPORAL_NAMESPACE must be one word"},
		{"LISTEN_ADDR", ":65536", "LISTEN_ADDR must end with a port from 1 to 65535"},
		{"LISTEN_ADDR", ":0", "LISTEN_ADDR must end with a port from 1 to 65535"},
		{"LISTEN_ADDR", "canary/:80", "LISTEN_ADDR must look like host:port"},
		{"METRICS_ADDR", "canary", "METRICS_ADDR must look like host:port"},
		{"METRICS_ADDR", ":0", "METRICS_ADDR must end with a port from 1 to 65535"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "canary:4318", "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL"},
		{"LISTEN_ADDR", "canary", "LISTEN_ADDR must look like host:port"},
		{"LOG_LEVEL", "canary", "LOG_LEVEL must be debug, info, warn or error"},
		{"TRUSTED_PROXIES", "10.0.0.0/8,canary", "TRUSTED_PROXIES must be networks"},
		{"TRUSTED_PROXIES", "10.0.0.0/8, 0.0.0.0/0", "TRUSTED_PROXIES must not name everyone"},
		{"TRUSTED_PROXIES", "::/0", "TRUSTED_PROXIES must not name everyone"},
		{"REQUIRE_SECOND_FACTOR", "admin,canary", "REQUIRE_SECOND_FACTOR must be all, none, or roles"},
		{"REQUIRE_SECOND_FACTOR", "all,canary", "REQUIRE_SECOND_FACTOR must be all, none, or roles"},
		{"OIDC_ISSUER", "", "OIDC_ISSUER is not set, and OIDC_CLIENT_ID is"},
		{"OIDC_ISSUER", "http://canary.example", "OIDC_ISSUER must begin with https://"},
		{"OIDC_ISSUER", "https://canary.example?x", "OIDC_ISSUER must be a scheme, a host and a path"},
		{"OIDC_ISSUER", "canary", "OIDC_ISSUER must be a URL"},
		{"OIDC_CLIENT_ID", "can ary", "OIDC_CLIENT_ID must be one word"},
		{"OIDC_CLIENT_SECRET", "", "OIDC_CLIENT_SECRET is not set"},
		{"OIDC_CLIENT_SECRET", "canary", "OIDC_CLIENT_SECRET is too short"},
		{"OIDC_GROUPS_CLAIM", "can ary", "OIDC_GROUPS_CLAIM must be one word"},
		{"OIDC_REQUIRE_AMR", "", "OIDC_REQUIRE_AMR is not set, nor is OIDC_REQUIRE_ACR"},
		{"OIDC_REQUIRE_AMR", "mfa,can ary", "OIDC_REQUIRE_AMR must be words"},
		{"OIDC_ROLES", "", "OIDC_ROLES must be group=role"},
		{"OIDC_ROLES", "canary", "OIDC_ROLES must be group=role"},
		{"OIDC_ROLES", "a=navigator,canary=boss", "OIDC_ROLES must be group=role"},
		{"MAIL_PROVIDER", "canary", "MAIL_PROVIDER must be sendgrid or smtp"},
		{"MAIL_FROM", "", "MAIL_FROM must be the email address"},
		{"MAIL_FROM", "Canary <canary@helpline.example>", "MAIL_FROM must be the email address"},
		{"MAIL_FROM", "canary@localhost", "MAIL_FROM must be the email address"},
		{"MAIL_FROM", "canary@[127.0.0.1]", "MAIL_FROM must be the email address"},
		{"MAIL_FROM", "canary@127.0.0.1", "MAIL_FROM must be the email address"},
		{"MAIL_FROM", "canary@helpline.", "MAIL_FROM must be the email address"},
		{"AUDIT_EXPORT", "canary", "AUDIT_EXPORT must begin with file:/// or s3://"},
		{"AUDIT_EXPORT", "file:///canary", "AUDIT_SIGNING_KEY is not set"},
		{"AUDIT_SIGNING_KEY", "canary", "AUDIT_SIGNING_KEY must be 32 random bytes"},
		{"AUDIT_SIGNING_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AUDIT_SIGNING_KEY must be 32 random bytes"},
		{"MAIL_FROM_NAME", "Help\r\nBcc: canary@example.org", "MAIL_FROM_NAME must be a name on one line"},
		{"MAIL_FROM_NAME", "canary\x1b[2J", "MAIL_FROM_NAME must be a name on one line"},
		{"SENDGRID_API_KEY", "SG.canary-canary-canary\nX-Evil: 1", "SENDGRID_API_KEY must be one word"},
		{"SENDGRID_API_KEY", "", "SENDGRID_API_KEY is not set"},
		{"SENDGRID_API_KEY", "canary", "SENDGRID_API_KEY is too short"},
		{"SENDGRID_API_KEY", "SG.canary-canary-canary...", "SENDGRID_API_KEY is too short, or an example"},
		{"SENDGRID_BASE_URL", "canary", "SENDGRID_BASE_URL must be a URL"},
		{"KEY_FILE", "", "KEY_FILE is not set, and neither is ENCRYPTION_KEY"},
		{"ENCRYPTION_KEY", "canary", "KEY_FILE and ENCRYPTION_KEY are both set"},
		{"KMS_TOKEN", "canary", "KMS_TOKEN is set without KMS_KEY_URI"},
		{"TEMPORAL_UI_ORIGIN", "https://temporal.example/canary", "TEMPORAL_UI_ORIGIN must be a scheme and a host"},
		{"TEMPORAL_UI_ORIGIN", "http://canary.example", "TEMPORAL_UI_ORIGIN must begin with https://"},
		{"TEMPORAL_UI_ORIGIN", "*", "TEMPORAL_UI_ORIGIN must be a scheme and a host"},
	} {
		t.Run(c.name+" "+c.value, func(t *testing.T) {
			t.Parallel()
			set := everything()
			set[c.name] = c.value
			_, err := read(set, whole)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, want %q", err, c.says)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the value is shown: %v", err)
			}
			if lines := strings.Split(err.Error(), "\n"); len(lines) != 1 {
				t.Errorf("one fault is named %d times: %q", len(lines), lines)
			}
		})
	}
}

func TestAllFaultsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := read(map[string]string{}, whole)
	if err == nil {
		t.Fatal("nothing is set, and nothing is wrong")
	}
	for _, name := range []string{"DATABASE_URL", "TEMPORAL_ADDRESS", "BASE_URL", "SENDGRID_API_KEY", "MAIL_FROM", "KEY_FILE"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}

func TestWhatIsNotUsedIsNotAskedFor(t *testing.T) {
	t.Parallel()
	if _, err := read(map[string]string{"DATABASE_URL": "postgresql://127.0.0.1/x"}, Need{Database: true}); err != nil {
		t.Error(err)
	}
	if _, err := read(map[string]string{"TEMPORAL_ADDRESS": "temporal:7233"}, Need{Temporal: true}); err != nil {
		t.Error(err)
	}
}

func TestPlainHTTPOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{"http://localhost:8080": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true,
		"HTTP://LOCALHOST:8080/": true, "http://10.0.0.1": false, "http://localhost.example": false} {
		set := everything()
		set["BASE_URL"] = value
		if _, err := read(set, whole); (err == nil) != good {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// A password may hold a word by chance, or be none where the server asks for none.
func TestPasswordsThatAreGood(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"postgres://db/x", "postgres://me@db/x", "postgres://me:@db/x", "postgres://postgres:3a7f0c4499b0test6d8e2b@db/throughline",
		"postgres://me:8letters@db/x"} {
		set := everything()
		set["DATABASE_URL"], set["MIGRATION_DATABASE_URL"], set["DATABASE_TLS"] = good, good, "unverified"
		if _, err := read(set, Need{Database: true, Migration: true}); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	set := map[string]string{"DATABASE_URL": "postgres://me:secret@db/x", "MIGRATION_DATABASE_URL": "postgres://me:throughline@db/x"}
	if _, err := read(set, Need{Database: true, Migration: true}); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("both are bad, and it says: %v", err)
	}
}

func TestWhatIsUnusualAndGood(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"BASE_URL":           {"https://école.example", "https://xn--cole-9oa.example:8443", "https://[2001:db8::1]:8443", "https://refer_2.example"},
		"LISTEN_ADDR":        {":65535", "[::1]:8080", "0.0.0.0:80", "localhost:8080", "[fe80::1%eth0]:8080"},
		"TEMPORAL_NAMESPACE": {"referrals.a1b2c", "throughline_2"},
		"MAIL_FROM":          {"referrals@mail.école.example", "211+referrals@helpline.example"},
		"MAIL_FROM_NAME":     {"Ligne d’aide 211 – “Kawartha”", "👩‍👩‍👧 211", "ᓄᓇᕗᑦ"},
		"DATABASE_URL":       {"postgres://me:p%40ssphrase@[::1]:5432/throughline?sslmode=disable"},
	} {
		for _, value := range values {
			set := everything()
			set[name] = value
			if _, err := read(set, whole); err != nil {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}

func TestSMTPNeedsNoSendGrid(t *testing.T) {
	t.Parallel()
	set := everything()
	delete(set, "SENDGRID_API_KEY")
	set["MAIL_PROVIDER"], set["SMTP_URL"] = "smtp", "smtps://me:0f1e2d3c4b5a@mail.example"
	if _, err := read(set, whole); err != nil {
		t.Error(err)
	}
	set["SMTP_URL"] = "smtp://me:changeme@mail.example"
	if _, err := read(set, whole); err == nil || !strings.Contains(err.Error(), "SMTP_URL holds a password that is an example") {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"http://mail.example", "smtp://mail.example:70000", "smtp://:25", "smtp://"} {
		set["SMTP_URL"] = bad
		if _, err := read(set, whole); err == nil || !strings.Contains(err.Error(), "SMTP_URL must be") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte("postgres://me:0f1e2d3c4b5a@localhost/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set := everything()
	delete(set, "DATABASE_URL")
	set["DATABASE_URL_FILE"] = path
	c, err := read(set, whole)
	if err != nil || c.DatabaseURL != "postgres://me:0f1e2d3c4b5a@localhost/x" {
		t.Errorf("%q, %v", c.DatabaseURL, err)
	}
	set["DATABASE_URL_FILE"] = path + ".gone"
	if _, err := read(set, whole); err == nil || !strings.Contains(err.Error(), "DATABASE_URL_FILE names a file that can't be read") {
		t.Errorf("got %v", err)
	}
	// What is no secret is set in one way only.
	set = everything()
	delete(set, "TEMPORAL_ADDRESS")
	set["TEMPORAL_ADDRESS_FILE"] = path
	if _, err := read(set, whole); err == nil {
		t.Error("an address was read from a file")
	}
}

func TestVariablesListsAllThatIsRead(t *testing.T) {
	t.Parallel()
	var asked []string
	_, _ = Read(func(name string) string { asked = append(asked, name); return "" }, whole)
	for _, name := range asked {
		if !slices.ContainsFunc(Variables, func(v Variable) bool { return v.Name == name || (v.Secret && v.Name+"_FILE" == name) }) {
			t.Errorf("%s is read and not listed", name)
		}
	}
}
