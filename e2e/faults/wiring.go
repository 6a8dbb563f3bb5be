//go:build linux

package faults

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"throughline/internal/seal/sealtest"
)

func (d *Deployment) environment(database, conductor, provider, base string) []string {
	return append(slices.Clone(d.bare), "DATABASE_URL="+database, "MIGRATION_DATABASE_URL="+d.DatabaseURL, "TEMPORAL_ADDRESS="+conductor, "TEMPORAL_NAMESPACE="+theNamespace,
		"BASE_URL="+base, "MAIL_PROVIDER=sendgrid", "SENDGRID_API_KEY="+providerKey, "SENDGRID_BASE_URL="+provider,
		"SENDGRID_WEBHOOK_KEY="+d.public, "MAIL_FROM=referrals@throughline.example", "TRUSTED_PROXIES=127.0.0.0/8", "ENCRYPTION_KEY="+sealtest.Text)
}

// timed gives a process a clock of its own, when clocks can be moved.
func (d *Deployment) timed(name string, environment []string) ([]string, error) {
	if !d.movable {
		return environment, nil
	}
	d.clocks[name] = clockFile(filepath.Join(d.dir, "clock-"+name))
	return append(slices.Clone(environment), d.clocks[name].variable()), d.clocks[name].set(d.ahead)
}

// toPostgres makes the link of a process to PostgreSQL, which loses replies besides.
func (d *Deployment) toPostgres(from string) (address string, err error) {
	target, err := url.Parse(d.DatabaseURL)
	if err != nil {
		return "", err
	}
	if d.thieves[from], err = newThief(target.Host); err != nil {
		return "", err
	}
	l, err := d.link(from, thePostgres, d.thieves[from].address())
	if err != nil {
		return "", err
	}
	return l.address, nil
}

func (d *Deployment) link(from, to, target string) (*link, error) {
	l, err := newLink(from+">"+to, target)
	if err == nil {
		d.links = append(d.links, l)
	}
	return l, err
}

// through is the same database at another address.
func through(databaseURL, address string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return databaseURL // it was parsed before
	}
	u.Host = address
	return u.String()
}

// of is the build that a part is started from now.
func (d *Deployment) of(name string) string {
	if _, next := d.next.Load(name); next {
		return d.binaries.Next
	}
	return d.binaries.Now
}

// turn has a part be started from the other build from now on.
func (d *Deployment) turn(name string) {
	if _, next := d.next.LoadAndDelete(name); !next {
		d.next.Store(name, true)
	}
}

// program is a part that writes to a log of its own.
func (d *Deployment) program(name string, binary func() string, environment []string, args ...string) *part {
	return &part{name: name, start: func(context.Context) (body, error) {
		log, err := os.OpenFile(d.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		defer log.Close()
		command := exec.Command(binary(), args...)
		command.Env, command.Stdout, command.Stderr = environment, log, log
		return spawn(command)
	}}
}

func (d *Deployment) log(name string) string { return filepath.Join(d.logs, name+".log") }
