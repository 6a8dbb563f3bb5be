//go:build linux

package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// body is a process at work, with all that it has started.
type body interface {
	pid() int
	// ended is closed when the process is gone, asked to or not.
	ended() <-chan struct{}
	// ask asks it to end in order.
	ask() error
	// bury lets go of what the process held, once it has ended; the error says how it ended.
	bury() error
}

// child is a body that we started by a command.
type child struct {
	number int
	gone   chan struct{}
	err    error // set before gone is closed
}

// spawn starts a command whose process dies with ours. The death signal follows the thread that forked, so that thread
// is kept until the child has ended.
func spawn(command *exec.Cmd) (*child, error) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c := &child{gone: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := command.Start()
		if err == nil {
			c.number = command.Process.Pid
		}
		started <- err
		if err != nil {
			return
		}
		c.err = command.Wait()
		close(c.gone)
	}()
	return c, <-started
}

func (c *child) pid() int               { return c.number }
func (c *child) ended() <-chan struct{} { return c.gone }
func (c *child) ask() error             { return tell(c.number, syscall.SIGTERM) }
func (c *child) bury() error            { <-c.gone; return c.err }

// family is a process and everything below it, parents first.
func family(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n))
		if err != nil {
			continue // it has just ended
		}
		// The name stands in brackets and may hold anything; the parent is the second field after it.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			children[parent] = append(children[parent], n)
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all, nil
}

// tell gives a signal to one process. One that is gone needs none.
func tell(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %d to process %d: %w", s, pid, err)
	}
	return nil
}

// signal gives a signal to a process and everything below it. All are stopped first, unless they are to go on: a child that
// PostgreSQL makes while its others are looked up would outlive it, and keep its memory from the next.
func signal(pid int, s syscall.Signal) error {
	look := family
	if s != syscall.SIGCONT {
		look = stop
	}
	all, err := look(pid)
	if err != nil {
		return err
	}
	for _, n := range all {
		if err := tell(n, s); err != nil {
			return err
		}
	}
	return nil
}

// stop stops a process and everything below it, and gives them all.
func stop(pid int) ([]int, error) {
	stopped := map[int]bool{}
	for {
		all, err := family(pid)
		if err != nil {
			return nil, err
		}
		before := len(stopped)
		for _, n := range all {
			if !stopped[n] {
				stopped[n] = true
				if err := tell(n, syscall.SIGSTOP); err != nil {
					return nil, err
				}
			}
		}
		if len(stopped) == before {
			return all, nil
		}
	}
}
