package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/internal/devstack"
	"throughline/internal/token"
	"throughline/referral"
)

const credentialsFile = "credentials.json"

// credentials are what someone at this machine needs to use everything. The file is theirs alone (0600).
type credentials struct {
	DatabaseURL       string             `json:"database_url"`
	MigrationURL      string             `json:"migration_database_url"`
	TemporalAddress   string             `json:"temporal_address"`
	TemporalNamespace string             `json:"temporal_namespace"`
	BaseURL           string             `json:"base_url"`
	KeyFile           string             `json:"key_file"`
	Accounts          map[string]account `json:"accounts"` // by role
}

type account struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	APIKey   string `json:"api_key"`
}

// people are the accounts of the demonstration, one for each role.
var people = []struct {
	role        referral.Role
	email, name string
}{
	{referral.Navigator, "navigator@kawartha211.example", "Noor Haddad"},
	{referral.Coordinator, "coordinator@kawartha211.example", "Camille Roy"},
	{referral.Supervisor, "supervisor@kawartha211.example", "Sacha Diallo"},
	{referral.Admin, "admin@kawartha211.example", "Ada Kim"},
}

const (
	helplineName  = "Kawartha 211"
	helplinePhone = "705-555-0100"
)

// prepare makes the helpline, an account and an API key for each role, the policy and the demonstration, as far as they
// are missing, and writes the credentials. Cut off at any point, the next start goes on with it.
func prepare(ctx context.Context, d *casework.Desk, s settings, stack *devstack.Stack, base string, say func(part, detail string)) (credentials, error) {
	c := readCredentials(s.data)
	c.DatabaseURL, c.MigrationURL, c.BaseURL = stack.AppURL, stack.DatabaseURL, base
	c.TemporalAddress, c.TemporalNamespace = stack.TemporalAddress, stack.Namespace
	path, err := filepath.Abs(filepath.Join(s.data, keysFile))
	if err != nil {
		return c, err
	}
	c.KeyFile = path
	organisation, err := helpline(ctx, d)
	if err != nil {
		return c, err
	}
	for _, p := range people {
		if err := c.account(ctx, d, organisation, p.role, p.email, p.name); err != nil {
			return c, err
		}
		// Written after each: an API key is shown once.
		if err := c.write(s.data); err != nil {
			return c, err
		}
	}
	say("accounts", "one for each role, in "+filepath.Join(s.data, credentialsFile))
	if err := choosePolicy(ctx, d, organisation, s); err != nil {
		return c, err
	}
	if s.seed == "demo" {
		return c, seed(ctx, d, c, s.data, say)
	}
	return c, nil
}

func helpline(ctx context.Context, d *casework.Desk) (uuid.UUID, error) {
	list, err := d.Organisations(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	if len(list) > 0 {
		return list[0].ID, nil
	}
	return d.AddOrganisation(ctx, helplineName, helplinePhone, "America/Toronto")
}

// account makes what is missing of an account: the account, its password, its key.
func (c *credentials) account(ctx context.Context, d *casework.Desk, organisation uuid.UUID, role referral.Role, email, name string) error {
	a := c.Accounts[string(role)]
	if a.Email != "" && a.APIKey != "" {
		if _, err := d.AccountOfKey(ctx, a.APIKey); err == nil {
			return nil
		}
	}
	a.Email, a.Password = email, token.New()[:20]
	_, err := d.AddAccount(ctx, organisation, email, name, role, "en", a.Password)
	if referral.CodeOf(err) == referral.CodeConflict {
		err = d.SetPassword(ctx, email, a.Password)
	}
	if err != nil {
		return fmt.Errorf("account of the %s: %w", role, err)
	}
	if _, a.APIKey, err = d.AddKey(ctx, email, "development"); err != nil {
		return err
	}
	c.Accounts[string(role)] = a
	return nil
}

func readCredentials(dir string) credentials {
	c := credentials{}
	raw, err := os.ReadFile(filepath.Join(dir, credentialsFile))
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	// A file that is missing or broken is made anew, with new passwords.
	if err != nil || c.Accounts == nil {
		c.Accounts = map[string]account{}
	}
	return c
}

// write replaces the file whole, so that a crash leaves the old or the new.
func (c credentials) write(dir string) error {
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(dir, credentialsFile)
	if err := os.WriteFile(name+".new", append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// choosePolicy puts the policy of --policy in force at the first start, and later when the flag is given.
func choosePolicy(ctx context.Context, d *casework.Desk, organisation uuid.UUID, s settings) error {
	seen := filepath.Join(s.data, "policy")
	raw, err := os.ReadFile(seen)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if string(raw) == s.policy || (err == nil && !s.policyGiven) {
		return nil
	}
	p, _ := referral.Named(s.policy)
	who := casework.ClockActor(organisation)
	who.Via, who.Name = casework.ViaCLI, "throughline-dev"
	if err := d.SetPolicy(ctx, who, p); err != nil {
		return err
	}
	return os.WriteFile(seen, []byte(s.policy), 0o600)
}
