//go:build linux

package faults

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"throughline/mail/mailtest"
)

// nemesis carries out a plan of troubles, and keeps what it did.
type nemesis struct {
	*Deployment
	seed uint64
	file *os.File

	mu   sync.Mutex
	did  map[string]int // by kind and how
	fail map[string]int // what could not be done, as when a process was down already
}

func newNemesis(d *Deployment, seed uint64, path string) (*nemesis, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &nemesis{Deployment: d, seed: seed, file: file, did: map[string]int{}, fail: map[string]int{}}, nil
}

// carryOut has each trouble happen at its time, and returns when all are over.
func (n *nemesis) carryOut(ctx context.Context, plan []Trouble) {
	begun := time.Now()
	var all sync.WaitGroup
	for _, t := range plan {
		if sleep(ctx, time.Until(begun.Add(t.At))) != nil {
			break
		}
		all.Go(func() {
			began := time.Since(begun)
			err := n.do(ctx, t)
			n.note(t, began, time.Since(begun), err)
		})
	}
	all.Wait()
}

// did is a line of the nemesis's own log.
type did struct {
	Trouble
	Began, Ended string
	Error        string `json:",omitempty"`
}

func (n *nemesis) note(t Trouble, began, ended time.Duration, err error) {
	line := did{Trouble: t, Began: began.String(), Ended: ended.String()}
	name := strings.TrimSpace(t.Kind + " " + t.Whom + " " + t.How)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil {
		line.Error = err.Error()
		n.fail[name]++
	} else {
		n.did[name]++
	}
	raw, err := json.Marshal(line)
	if err == nil {
		_, err = n.file.Write(append(raw, '\n'))
	}
	if err != nil {
		n.fail["log: "+err.Error()]++
	}
}

// do carries one trouble from its beginning to its end.
func (n *nemesis) do(ctx context.Context, t Trouble) error {
	switch t.Kind {
	case Kill:
		return n.kill(ctx, n.part(t.Whom), t.For)
	case Freeze:
		return n.during(ctx, t, n.part(t.Whom).freeze, n.part(t.Whom).thaw)
	case Link:
		return n.onLinks(ctx, t)
	case Commits:
		return n.loseCommits(ctx, t)
	case Disk:
		d := n.disks[t.Whom]
		if d == nil {
			return errNoDisk
		}
		return n.during(ctx, t, d.fill, d.empty)
	case Locks:
		return n.withRecord(ctx, t, lockReferrals)
	case Connections:
		return n.withRecord(ctx, t, takeConnections)
	case Provider:
		return n.during(ctx, t, func() error { n.Provider.FailRate(0.5, n.seed, faultOf[t.How]); return nil },
			func() error { n.Provider.FailRate(0, 0, mailtest.Fault{}); return nil })
	case Workflows:
		return n.endWorkflows(ctx)
	case Clock:
		return n.moveClocks(ctx, t)
	case Rollout:
		return n.rollOut(ctx, strings.Fields(t.Whom))
	}
	return fmt.Errorf("there is no trouble %q", t.Kind)
}

var errNoDisk = errors.New("no small file system could be mounted")

// faultOf are the ways in which the provider fails.
var faultOf = map[string]mailtest.Fault{"rate_limited": mailtest.RateLimited(2 * time.Second), "server_error": mailtest.Status(500),
	"reset": mailtest.Reset, "accept_then_reset": mailtest.AcceptThenReset, "accept_then_timeout": mailtest.AcceptThenTimeout}

// during begins a trouble, and ends it after its time.
func (n *nemesis) during(ctx context.Context, t Trouble, begin, end func() error) error {
	if err := begin(); err != nil {
		return errors.Join(err, end())
	}
	_ = sleep(ctx, t.For) // a run that is given up is healed all the same
	return end()
}

// kill waits for the process when it is just being started again: a plan's kills are all carried out.
func (n *nemesis) kill(ctx context.Context, p *part, dead time.Duration) error {
	for {
		killed, err := p.kill(dead)
		if killed || err != nil {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func (n *nemesis) onLinks(ctx context.Context, t Trouble) error {
	from, to, _ := strings.Cut(t.Whom, ">")
	var chosen []*link
	for _, l := range n.links {
		f, target, _ := strings.Cut(l.name, ">")
		if target == to && (f == from || from == "*" && slices.Contains(apps, f)) {
			chosen = append(chosen, l)
		}
	}
	each := func(do func(*link) error) func() error {
		return func() error {
			var errs []error
			for _, l := range chosen {
				errs = append(errs, do(l))
			}
			return errors.Join(errs...)
		}
	}
	return n.during(ctx, t, each(func(l *link) error { return l.ail(t.How) }), each((*link).heal))
}

// moveClocks sets the clocks of one process, or of all at once, and back again.
func (n *nemesis) moveClocks(ctx context.Context, t Trouble) error {
	by, err := time.ParseDuration(t.How)
	if err != nil {
		return err
	}
	set := func(by time.Duration) func() error {
		return func() error {
			var errs []error
			for _, name := range apps {
				if name == t.Whom || t.Whom == "*" {
					errs = append(errs, n.clocks[name].set(by))
				}
			}
			return errors.Join(errs...)
		}
	}
	return n.during(ctx, t, set(n.ahead+by), set(n.ahead))
}

// loseCommits has a few commits of one process, or of all, be lost on the way there, or their replies on the way back.
func (n *nemesis) loseCommits(ctx context.Context, t Trouble) error {
	for name, thief := range n.thieves {
		if name != t.Whom && t.Whom != "*" {
			continue
		}
		stealing := &thief.replies
		if t.How == "request" {
			stealing = &thief.requests
		}
		stealing.wanted.Store(3)
		defer thief.spare()
	}
	return sleep(ctx, t.For)
}

// withRecord does something to PostgreSQL past all links, for as long as the trouble lasts.
func (n *nemesis) withRecord(ctx context.Context, t Trouble, do func(context.Context, *sql.DB, time.Duration) error) error {
	db, err := sql.Open("postgres", n.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	return do(ctx, db, t.For)
}

// lockReferrals has every statement on referrals wait, until each process has no connection left.
func lockReferrals(ctx context.Context, db *sql.DB, length time.Duration) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	if _, err := tx.ExecContext(ctx, `SET LOCAL lock_timeout = '5s'`); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `LOCK TABLE referrals IN ACCESS EXCLUSIVE MODE`); err != nil {
		return err
	}
	return sleep(ctx, length)
}

// takeConnections takes all that PostgreSQL has left.
func takeConnections(ctx context.Context, db *sql.DB, length time.Duration) error {
	var held []*sql.Conn
	defer func() {
		for _, c := range held {
			_ = c.Close() // the pool is closed with them
		}
	}()
	for {
		c, err := db.Conn(ctx)
		if err != nil {
			break
		}
		held = append(held, c)
	}
	return sleep(ctx, length)
}

// rollOut ends processes in order and starts them from the other build, while the rest goes on from theirs.
func (n *nemesis) rollOut(ctx context.Context, whom []string) error {
	var both sync.WaitGroup
	errs := make([]error, len(whom))
	for i, name := range whom {
		both.Go(func() {
			n.turn(name)
			errs[i] = n.part(name).replace(ctx, endLimit)
		})
	}
	both.Wait()
	return errors.Join(errs...)
}

// heal ends every trouble that may still be there.
func (n *nemesis) heal() error {
	var errs []error
	for _, p := range n.parts {
		errs = append(errs, p.thaw())
	}
	for _, l := range n.links {
		errs = append(errs, l.heal())
	}
	for _, t := range n.thieves {
		t.spare()
	}
	for _, d := range n.disks {
		errs = append(errs, d.empty())
	}
	n.Provider.FailRate(0, 0, mailtest.Fault{})
	return errors.Join(append(errs, n.file.Close())...)
}
