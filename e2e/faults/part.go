//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// part is one process of the deployment, kept running as Docker or systemd keeps it: one that ends is started again.
type part struct {
	name  string
	start func(context.Context) (body, error)

	mu      sync.Mutex
	current body
	wanted  bool
	hold    time.Time // not started again before then
	changed chan struct{}
	kept    sync.WaitGroup

	starts, kills int
	ends          []string // how it ended when nobody had killed it or asked it to end
	asked         bool     // somebody has, since it was started
}

// again is how soon a part that ended is started again.
const again = 200 * time.Millisecond

// run starts the part and keeps it running until stop. It returns when the part has been started once.
func (p *part) run(ctx context.Context) error {
	b, err := p.start(ctx)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.mu.Lock()
	p.wanted, p.changed, p.current, p.starts = true, make(chan struct{}), b, 1
	p.mu.Unlock()
	p.kept.Go(func() { p.keep(ctx, b) })
	return nil
}

func (p *part) keep(ctx context.Context, b body) {
	for {
		<-b.ended()
		err := b.bury()
		p.mu.Lock()
		if !p.asked {
			p.ends = append(p.ends, fmt.Sprintf("%s: %v", time.Now().Format(time.TimeOnly), err))
		}
		p.current, p.asked = nil, false
		p.mu.Unlock()
		if b = p.begin(ctx); b == nil {
			return
		}
	}
}

// begin starts the part again as soon as it may; nil when it is not wanted any more.
func (p *part) begin(ctx context.Context) body {
	for {
		p.mu.Lock()
		wait := max(time.Until(p.hold), again)
		wanted, changed := p.wanted, p.changed
		p.mu.Unlock()
		if !wanted {
			return nil
		}
		select {
		case <-time.After(wait):
		case <-changed:
			continue
		case <-ctx.Done():
			return nil
		}
		b, err := p.start(ctx)
		if err != nil {
			continue // what it needs is away, or its disk is full
		}
		p.mu.Lock()
		wanted = p.wanted
		p.current = b
		p.starts++
		p.mu.Unlock()
		if !wanted {
			_, _ = p.kill(0) // it was asked to stop while it was being started
		}
		return b
	}
}

// with does something to the running process; nothing when there is none.
func (p *part) with(do func(b body) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		return nil
	}
	return do(p.current)
}

// kill ends the process at once, with everything below it, and keeps it dead for a while. killed is false when there
// was none.
func (p *part) kill(dead time.Duration) (killed bool, err error) {
	err = p.with(func(b body) error {
		killed, p.asked, p.kills, p.hold = true, true, p.kills+1, time.Now().Add(dead)
		return signal(b.pid(), syscall.SIGKILL)
	})
	return killed, err
}

// freeze stops the process where it is, as a hypervisor or a long pause of the machine does; it does not notice.
func (p *part) freeze() error {
	return p.with(func(b body) error { return signal(b.pid(), syscall.SIGSTOP) })
}

func (p *part) thaw() error {
	return p.with(func(b body) error { return signal(b.pid(), syscall.SIGCONT) })
}

// ask has the process end in order. It gives what was asked, to wait for; nil when nothing runs.
func (p *part) ask() (b body, err error) {
	err = p.with(func(running body) error {
		p.asked, b = true, running
		return running.ask()
	})
	return b, err
}

// replace ends the process in order, so that it is started again by its command as it now is.
func (p *part) replace(ctx context.Context, within time.Duration) error {
	b, err := p.ask()
	if b == nil || err != nil {
		return err
	}
	select {
	case <-b.ended():
		return nil
	case <-time.After(within):
		_, err := p.kill(0)
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends the part for good. A process that does not end in time is killed, and the error says so.
func (p *part) stop(within time.Duration) error {
	p.mu.Lock()
	if !p.wanted {
		p.mu.Unlock()
		return nil
	}
	p.wanted = false
	close(p.changed)
	p.mu.Unlock()
	b, err := p.ask()
	if b != nil && err == nil {
		select {
		case <-b.ended():
		case <-time.After(within):
			_, err = p.kill(0)
			err = errors.Join(fmt.Errorf("%s still ran %s after it was asked to end", p.name, within), err)
		}
	}
	p.kept.Wait()
	return err
}
