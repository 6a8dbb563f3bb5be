//go:build linux

package faults

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"throughline/internal/devstack"
	"throughline/internal/devstack/postgres"
	"throughline/internal/devstack/temporal"
	"throughline/mail/mailtest"
)

// Deployment is the whole of Throughline in its processes: PostgreSQL, Temporal, two serve, two workers, and the
// provider's stand-in, each network connection between them through a link that can be made bad.
type Deployment struct {
	Provider    *mailtest.StandIn
	DatabaseURL string   // of the record, past all links, for its owner: not for a log
	appURL      string   // the same for the processes, who do not own it
	Bases       []string // where the two serve answer
	health      []string // where each of the four says whether it is ready
	Webhook     string   // where the provider tells its events, through a link
	WebhookKey  *ecdsa.PrivateKey
	Environment []string // of commands, past all links
	NoDisk      error    // why no disk can be filled; nil when it can

	dir, logs string
	sizes     map[string]int
	clocks    map[string]clockFile // of each process, when they can be moved
	ahead     time.Duration
	movable   bool
	public    string // what the processes know of WebhookKey
	bare      []string
	binaries  Binaries
	parts     []*part
	disks     map[string]*disk // small file systems, where they could be mounted
	next      sync.Map         // the parts, by name, that are started from the other build
	links     []*link
	thieves   map[string]*thief // by who speaks to PostgreSQL
	server    *postgres.Server  // the first, for its URL
	temporal  string            // its frontend, past all links
}

// The processes of a deployment.
var (
	serves  = []string{"serve-1", "serve-2"}
	workers = []string{"worker-1", "worker-2"}
	apps    = append(slices.Clone(serves), workers...)
)

const (
	thePostgres  = "postgres"
	theTemporal  = "temporal"
	theProvider  = "provider"
	providerKey  = "SG.canary-of-a-provider-key"
	startLimit   = 2 * time.Minute
	endLimit     = time.Minute
	theNamespace = temporal.DefaultNamespace
)

// Setting says where a deployment lives.
type Setting struct {
	Dir      string // made when it is not there
	Binaries Binaries
	Disks    map[string]int // megabytes of the small file systems, by folder
	Clocks   bool           // whether the binaries' clocks can be moved
	Ahead    time.Duration  // how far all clocks but PostgreSQL's are moved from the beginning
	Bare     []string       // the environment that every process gets, which holds nothing of the tester's
}

// Deploy starts everything, empty: no accounts, no directory. What it gives is to be removed even after an error.
func Deploy(ctx context.Context, s Setting) (*Deployment, error) {
	d := &Deployment{dir: s.Dir, logs: filepath.Join(s.Dir, "logs"), bare: s.Bare, binaries: s.Binaries, sizes: s.Disks, movable: s.Clocks, ahead: s.Ahead,
		clocks: map[string]clockFile{},
		disks:  map[string]*disk{}, thieves: map[string]*thief{}}
	if err := d.start(ctx); err != nil {
		return d, errors.Join(err, d.Stop())
	}
	return d, nil
}

func (d *Deployment) start(ctx context.Context) (err error) {
	if err := d.mount(); err != nil {
		return err
	}
	if d.Provider, err = mailtest.Start(); err != nil {
		return err
	}
	d.WebhookKey, d.public = mailtest.NewEventKey()
	ports, err := freePorts(6)
	if err != nil {
		return err
	}
	if err := d.startPostgres(ctx, ports[0]); err != nil {
		return err
	}
	if err := d.startTemporal(ctx, ports[1]); err != nil {
		return err
	}
	base := "http://127.0.0.1:" + strconv.Itoa(ports[2])
	if d.Environment, err = d.timed("commands", d.environment(d.appURL, d.temporal, d.Provider.URL, base)); err != nil {
		return err
	}
	if out, err := d.Command(ctx, "", "migrate"); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	for i, name := range serves {
		d.Bases = append(d.Bases, "http://"+at(ports[2+i]))
		if err := d.startApp(ctx, name, "serve", base, "LISTEN_ADDR="+at(ports[2+i])); err != nil {
			return err
		}
	}
	d.health = slices.Clone(d.Bases)
	events, err := d.link(theProvider, serves[0], at(ports[2]))
	if err != nil {
		return err
	}
	d.Webhook = "http://" + events.address + "/webhooks/sendgrid"
	// A worker ends when Temporal is not there yet.
	if err := d.AwaitReady(ctx); err != nil {
		return err
	}
	for i, name := range workers {
		d.health = append(d.health, "http://"+at(ports[4+i]))
		if err := d.startApp(ctx, name, "worker", base, "METRICS_ADDR="+at(ports[4+i])); err != nil {
			return err
		}
	}
	return d.AwaitReady(ctx)
}

// mount makes small file systems for the logs and for PostgreSQL, where that may be done. NoDisk says why it was not.
func (d *Deployment) mount() error {
	for name, megabytes := range d.sizes {
		small, err := mountDisk(filepath.Join(d.dir, name), megabytes)
		if err != nil {
			d.NoDisk = err
			return os.MkdirAll(d.logs, 0o711)
		}
		d.disks[name] = small
	}
	return os.MkdirAll(d.logs, 0o711)
}

func (d *Deployment) startPostgres(ctx context.Context, port int) error {
	dir := filepath.Join(d.dir, "postgres")
	p := &part{name: thePostgres, start: func(ctx context.Context) (body, error) {
		limited, cancel := context.WithTimeout(ctx, startLimit)
		defer cancel()
		server, err := startPostgres(limited, dir, port)
		if err != nil {
			return nil, err
		}
		if d.server == nil {
			d.server = server
		}
		return cluster{server}, nil
	}}
	if err := d.run(ctx, p); err != nil {
		return err
	}
	if err := d.server.EnsureRole(ctx, devstack.AppRole); err != nil {
		return err
	}
	for _, database := range []string{devstack.Database, temporal.Database, temporal.VisibilityDatabase} {
		if err := d.server.Ensure(ctx, database); err != nil {
			return err
		}
	}
	d.DatabaseURL, d.appURL = d.server.URL(devstack.Database), d.server.URLAs(devstack.AppRole, devstack.Database)
	return nil
}

func (d *Deployment) startTemporal(ctx context.Context, port int) error {
	address, err := d.toPostgres(theTemporal)
	if err != nil {
		return err
	}
	file := filepath.Join(d.dir, "postgres-url")
	if err := os.WriteFile(file, []byte(through(d.DatabaseURL, address)), 0o600); err != nil {
		return err
	}
	d.temporal = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	environment, err := d.timed(theTemporal, d.bare)
	if err != nil {
		return err
	}
	return d.run(ctx, d.program(theTemporal, func() string { return d.binaries.Temporal }, environment,
		"-dir", filepath.Join(d.dir, "temporal"), "-postgres-url-file", file, "-port", strconv.Itoa(port)))
}

// startApp starts a process of the production binary behind links of its own.
func (d *Deployment) startApp(ctx context.Context, name, command, base string, more ...string) error {
	database, err := d.toPostgres(name)
	if err != nil {
		return err
	}
	conductor, err := d.link(name, theTemporal, d.temporal)
	if err != nil {
		return err
	}
	provider, err := d.link(name, theProvider, strings.TrimPrefix(d.Provider.URL, "http://"))
	if err != nil {
		return err
	}
	environment, err := d.timed(name, d.environment(through(d.appURL, database), conductor.address, "http://"+provider.address, base))
	if err != nil {
		return err
	}
	return d.run(ctx, d.program(name, func() string { return d.of(name) }, append(environment, more...), command))
}

func (d *Deployment) run(ctx context.Context, p *part) error {
	if err := p.run(ctx); err != nil {
		return err
	}
	d.parts = append(d.parts, p)
	return nil
}

func (d *Deployment) part(name string) *part {
	for _, p := range d.parts {
		if p.name == name {
			return p
		}
	}
	return nil
}

// Command runs a command of the production binary to its end and gives what it says.
func (d *Deployment) Command(ctx context.Context, input string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, d.binaries.Now, args...)
	var out, complaints strings.Builder
	command.Env, command.Stdin, command.Stdout, command.Stderr = d.Environment, strings.NewReader(input), &out, &complaints
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("throughline %s: %w: %s", args[0], err, complaints.String())
	}
	return out.String(), nil
}

// AwaitReady returns when every process says that it is ready, with every part that it needs.
func (d *Deployment) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for _, base := range d.health {
		says := "nothing"
		for {
			answer, ok := ready(ctx, base)
			if ok {
				break
			}
			if ctx.Err() == nil {
				says = answer
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s is not ready, and says %q: %w", base, says, ctx.Err())
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

// ready asks a process whether it takes work, with every part that it needs.
func ready(ctx context.Context, base string) (says string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return err.Error(), false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error(), false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error(), false
	}
	return string(text), answer.StatusCode == http.StatusOK && strings.Contains(string(text), `"status":"ok"`)
}

// Stop ends everything, in the order that an operator would: requests and steps first, PostgreSQL last. What was written
// can still be read.
func (d *Deployment) Stop() error {
	for _, p := range d.parts {
		_ = p.thaw() // one that is gone needs none
	}
	var apart sync.WaitGroup
	errs := make([]error, len(d.parts))
	for i, p := range d.parts {
		if slices.Contains(apps, p.name) {
			apart.Go(func() { errs[i] = p.stop(endLimit) })
		}
	}
	apart.Wait()
	for _, l := range d.links {
		errs = append(errs, l.close())
	}
	for _, t := range d.thieves {
		errs = append(errs, t.close())
	}
	for _, name := range []string{theTemporal, thePostgres} {
		if p := d.part(name); p != nil {
			errs = append(errs, p.stop(endLimit))
		}
	}
	if d.Provider != nil {
		d.Provider.Close()
	}
	return errors.Join(errs...)
}

// Remove removes all that a stopped deployment has written.
func (d *Deployment) Remove() error {
	var errs []error
	for _, small := range d.disks {
		errs = append(errs, small.unmount())
	}
	return errors.Join(append(errs, os.RemoveAll(d.dir))...)
}
