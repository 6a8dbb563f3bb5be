// Package config reads and checks what a deployment sets. It is given the environment by cmd, and finds every fault at
// once; a value is never shown, only the name it was set by.
package config

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"unicode"

	"throughline/referral"
)

// Config is what a production process needs to know.
type Config struct {
	DatabaseURL    string
	MigrationURL   string // the owner's of the tables; DatabaseURL when it is not set
	Temporal       Temporal
	BaseURL        string // scheme and host, without a slash at its end
	ListenAddr     string
	Mail           Mail
	LogLevel       slog.Level
	TrustedProxies []*net.IPNet
	MetricsAddr    string // "": metrics have no address of their own
	TracesTo       string // "": traces go nowhere
	SignOn         SignOn
	// SecondFactorFor are the roles that must have a second factor.
	SecondFactorFor  []referral.Role
	Audit            Audit
	Keys             Keys
	TemporalUIOrigin string // "": no Temporal UI asks us to decode
}

// Mail says how letters leave.
type Mail struct {
	Provider        string // sendgrid, smtp
	SendGridKey     string
	SendGridBaseURL string
	SMTPURL         string
	From, FromName  string
	// WebhookKeys verify what SendGrid reports of letters; none: nothing is listened to.
	WebhookKeys []*ecdsa.PublicKey
}

// Reports says that the provider tells us what becomes of its letters.
func (m Mail) Reports() bool { return m.Provider == "sendgrid" && len(m.WebhookKeys) > 0 }

// Need says which parts a command uses: what it does not use is not asked for.
type Need struct{ Database, Migration, Temporal, Mail, HTTP, Audit, Keys bool }

// Variable documents one environment variable. The README's table and the compose file are held to this list.
type Variable struct {
	Name, Default string
	Secret        bool // may also be set as NAME_FILE, the path of a file that holds it
}

// Variables lists every variable that is read.
var Variables = []Variable{
	{Name: "DATABASE_URL", Secret: true},
	{Name: "MIGRATION_DATABASE_URL", Secret: true},
	{Name: "DATABASE_TLS", Default: databaseVerified},
	{Name: "TEMPORAL_ADDRESS"},
	{Name: "TEMPORAL_NAMESPACE", Default: "default"},
	{Name: "TEMPORAL_API_KEY", Secret: true},
	{Name: "TEMPORAL_TLS"},
	{Name: "TEMPORAL_TLS_SERVER_CA_CERT_PATH"},
	{Name: "TEMPORAL_TLS_SERVER_NAME"},
	{Name: "TEMPORAL_TLS_CLIENT_CERT_PATH"},
	{Name: "TEMPORAL_TLS_CLIENT_KEY_PATH"},
	{Name: "BASE_URL"},
	{Name: "LISTEN_ADDR", Default: ":8080"},
	{Name: "MAIL_PROVIDER", Default: "sendgrid"},
	{Name: "SENDGRID_API_KEY", Secret: true},
	{Name: "SENDGRID_BASE_URL", Default: "https://api.sendgrid.com"},
	{Name: "SENDGRID_WEBHOOK_KEY"},
	{Name: "SENDGRID_WEBHOOK_KEY_PREVIOUS"},
	{Name: "SMTP_URL", Secret: true},
	{Name: "MAIL_FROM"},
	{Name: "MAIL_FROM_NAME", Default: "Throughline"},
	{Name: "LOG_LEVEL", Default: "info"},
	{Name: "TRUSTED_PROXIES"},
	{Name: "METRICS_ADDR"},
	{Name: "OTEL_EXPORTER_OTLP_ENDPOINT"},
	{Name: "REQUIRE_SECOND_FACTOR", Default: "all"},
	{Name: "OIDC_ISSUER"},
	{Name: "OIDC_CLIENT_ID"},
	{Name: "OIDC_CLIENT_SECRET", Secret: true},
	{Name: "OIDC_GROUPS_CLAIM", Default: "groups"},
	{Name: "OIDC_ROLES"},
	{Name: "OIDC_REQUIRE_ACR"},
	{Name: "OIDC_REQUIRE_AMR"},
	{Name: "AUDIT_EXPORT"},
	{Name: "AUDIT_SIGNING_KEY", Secret: true},
	{Name: "AUDIT_EXPORT_ENDPOINT"},
	{Name: "AUDIT_EXPORT_REGION"},
	{Name: "AUDIT_EXPORT_ACCESS_KEY"},
	{Name: "AUDIT_EXPORT_SECRET_KEY", Secret: true},
	{Name: "KEY_FILE"},
	{Name: "ENCRYPTION_KEY", Secret: true},
	{Name: "KMS_KEY_URI"},
	{Name: "KMS_TOKEN", Secret: true},
	{Name: "TEMPORAL_UI_ORIGIN"},
}

// reader collects what is wrong.
type reader struct {
	get  func(string) string
	errs []error
	// unverified says that the line to PostgreSQL need not be looked at.
	unverified bool
}

// Read takes what a command needs from the environment. The error joins every fault, one a line.
func Read(getenv func(string) string, need Need) (Config, error) {
	r := &reader{get: getenv}
	values := map[string]string{}
	for _, v := range Variables {
		values[v.Name] = r.value(v)
	}
	c := Config{DatabaseURL: values["DATABASE_URL"], MigrationURL: values["MIGRATION_DATABASE_URL"],
		BaseURL:    strings.TrimSuffix(values["BASE_URL"], "/"),
		ListenAddr: values["LISTEN_ADDR"], MetricsAddr: values["METRICS_ADDR"], TracesTo: values["OTEL_EXPORTER_OTLP_ENDPOINT"],
		Mail: Mail{Provider: values["MAIL_PROVIDER"], SendGridKey: values["SENDGRID_API_KEY"],
			SendGridBaseURL: values["SENDGRID_BASE_URL"], SMTPURL: values["SMTP_URL"], From: values["MAIL_FROM"],
			FromName: values["MAIL_FROM_NAME"]}}
	if err := c.LogLevel.UnmarshalText([]byte(values["LOG_LEVEL"])); err != nil {
		r.fault("LOG_LEVEL", "must be debug, info, warn or error")
	}
	if need.Database || need.Migration {
		r.databaseTLS(values["DATABASE_TLS"])
	}
	if need.Database {
		r.database("DATABASE_URL", c.DatabaseURL)
	}
	if need.Migration {
		r.migration(&c)
	}
	if need.Temporal {
		c.Temporal = r.temporal(values)
	}
	if need.HTTP {
		r.hostPort("LISTEN_ADDR", c.ListenAddr)
		c.TrustedProxies = r.networks("TRUSTED_PROXIES", values["TRUSTED_PROXIES"])
		c.SecondFactorFor = r.secondFactorFor(values["REQUIRE_SECOND_FACTOR"])
		c.SignOn = r.signOn(values)
	}
	if need.HTTP || need.Audit {
		c.Audit = r.audit(values)
	}
	if need.HTTP || need.Mail {
		r.baseURL(c.BaseURL)
		r.telemetry(c)
		c.Mail.WebhookKeys = r.webhookKeys(values)
	}
	if need.Mail {
		r.mail(c.Mail)
	}
	if need.Keys {
		c.Keys = r.keys(values)
	}
	if need.HTTP {
		c.TemporalUIOrigin = r.origin("TEMPORAL_UI_ORIGIN", values["TEMPORAL_UI_ORIGIN"])
	}
	return c, errors.Join(r.errs...)
}

func (r *reader) fault(name, what string) {
	r.errs = append(r.errs, fmt.Errorf("%s %s", name, what))
}

func (r *reader) value(v Variable) string {
	if value := strings.TrimSpace(r.get(v.Name)); value != "" {
		return value
	}
	if v.Secret {
		if path := r.get(v.Name + "_FILE"); path != "" {
			raw, err := os.ReadFile(path)
			if err != nil {
				r.fault(v.Name+"_FILE", "names a file that can't be read")
				return ""
			}
			return strings.TrimSpace(string(raw))
		}
	}
	return v.Default
}

func (r *reader) url(name, value string, schemes ...string) (good bool) {
	if value == "" {
		r.fault(name, "is not set; it looks like "+schemes[0]+"://…")
		return false
	}
	u, err := url.Parse(value)
	if err == nil && hostName(u.Hostname()) && (u.Port() == "" || isPort(u.Port())) {
		for _, s := range schemes {
			if u.Scheme == s {
				return true
			}
		}
	}
	r.fault(name, "must be a URL that begins with "+strings.Join(schemes, ":// or ")+"://")
	return false
}

// migration signs in as the owner of the tables, who need not be who works on them.
func (r *reader) migration(c *Config) {
	if c.MigrationURL == "" {
		c.MigrationURL = c.DatabaseURL
		r.database("DATABASE_URL", c.DatabaseURL)
		return
	}
	r.database("MIGRATION_DATABASE_URL", c.MigrationURL)
}

// baseURL wants https: the links in letters are keys. Loopback may do without, for trying things out.
func (r *reader) baseURL(value string) {
	r.url("BASE_URL", value, "https", "http")
	u, err := url.Parse(value)
	if value == "" || err != nil || !hostName(u.Hostname()) {
		return
	}
	if !strings.EqualFold(u.Scheme+"://"+u.Host, value) {
		r.fault("BASE_URL", "must be a scheme and a host, without user, path, query or fragment")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "http" && !strings.EqualFold(u.Hostname(), "localhost") && (ip == nil || !ip.IsLoopback()) {
		r.fault("BASE_URL", "must begin with https://: agencies' links are as good as keys")
	}
}

// telemetry is told about if someone wants it; nothing of it is required.
func (r *reader) telemetry(c Config) {
	if c.MetricsAddr != "" {
		r.hostPort("METRICS_ADDR", c.MetricsAddr)
	}
	if c.TracesTo != "" {
		r.url("OTEL_EXPORTER_OTLP_ENDPOINT", c.TracesTo, "http", "https")
	}
}

func (r *reader) hostPort(name, value string) {
	if value == "" {
		r.fault(name, "is not set; it looks like host:port")
		return
	}
	host, port, err := net.SplitHostPort(value)
	switch {
	case err != nil || port == "" || (host != "" && !hostName(host)):
		r.fault(name, "must look like host:port")
	case !isPort(port):
		r.fault(name, "must end with a port from 1 to 65535")
	}
}

func isPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// hostName reports the name of a machine, or its number.
func hostName(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	odd := func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-._", c)
	}
	return host != "" && !strings.ContainsFunc(host, odd)
}

// blank is what can't be seen, and what must not get into a header or a name.
func blank(c rune) bool { return unicode.IsSpace(c) || breaks(c) }

// breaks is what ends a line of a letter's header, or does worse to a terminal.
func breaks(c rune) bool { return unicode.IsControl(c) || c == '\u2028' || c == '\u2029' }

func (r *reader) networks(name, value string) []*net.IPNet {
	var list []*net.IPNet
	for _, part := range strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' }) {
		_, network, err := net.ParseCIDR(part)
		if err != nil {
			r.fault(name, "must be networks such as 10.0.0.0/8, with commas between them")
			return nil
		}
		if ones, _ := network.Mask.Size(); ones == 0 {
			r.fault(name, "must not name everyone: then anyone could say which address they have")
			return nil
		}
		list = append(list, network)
	}
	return list
}

func (r *reader) mail(m Mail) {
	switch m.Provider {
	case "sendgrid":
		r.secret("SENDGRID_API_KEY", m.SendGridKey, 20)
		r.url("SENDGRID_BASE_URL", m.SendGridBaseURL, "https", "http")
		if strings.HasPrefix(m.SendGridBaseURL, "http://") && !ownMachine(m.SendGridBaseURL) {
			r.fault("SENDGRID_BASE_URL", "must begin with https://: the API key goes there")
		}
	case "smtp":
		r.server("SMTP_URL", m.SMTPURL, "smtp", "smtps")
	default:
		r.fault("MAIL_PROVIDER", "must be sendgrid or smtp")
	}
	a, err := netmail.ParseAddress(m.From)
	_, domain, _ := strings.Cut(m.From, "@")
	if _, number := netip.ParseAddr(domain); err != nil || a.Address != m.From || number == nil || !hostName(domain) ||
		!strings.Contains(strings.Trim(domain, "."), ".") {
		r.fault("MAIL_FROM", "must be the email address that letters come from, of a domain with a dot")
	}
	if strings.ContainsFunc(m.FromName, breaks) {
		r.fault("MAIL_FROM_NAME", "must be a name on one line, without control characters")
	}
}
