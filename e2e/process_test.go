package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// process is one of our binaries at work.
type process struct {
	t       testing.TB
	name    string
	command *exec.Cmd
	said    transcript
	ended   chan struct{}
	failure error // of the process, once it has ended
}

// transcript is what a process has written so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// after gives the rest of the first whole line that begins with something.
func (s *transcript) after(beginning string) (rest string, ok bool) {
	for line := range strings.Lines(s.String()) {
		if rest, ok := strings.CutPrefix(line, beginning); ok && strings.HasSuffix(rest, "\n") {
			return strings.TrimSuffix(rest, "\n"), true
		}
	}
	return "", false
}

// bare is the environment that our processes get: nothing of the tester's that could change what they do.
func bare(more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}, more...)
}

// launch starts a binary. It does not outlive the test, and what it said is kept when the test fails.
func launch(t testing.TB, environment []string, binary string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: binary + " " + strings.Join(args, " "), ended: make(chan struct{}),
		command: exec.Command(filepath.Join(built, binary), args...)}
	p.command.Env, p.command.Stdout, p.command.Stderr = environment, &p.said, &p.said
	must(t, p.command.Start())
	go func() {
		p.failure = p.command.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		if !p.hasEnded() {
			p.stop()
		}
		if t.Failed() {
			keep(t, filepath.Join(t.Name(), binary+"-"+time.Now().Format("150405.000")+".log"), []byte(p.said.String()))
		}
	})
	return p
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// waitFor waits for a line that begins with something, and gives the rest of it.
func (p *process) waitFor(beginning string) string {
	p.t.Helper()
	var rest string
	until(p.t, p.name+" does not say "+beginning, 3*time.Minute, func() bool {
		var ok bool
		if rest, ok = p.said.after(beginning); !ok && p.hasEnded() {
			p.t.Fatalf("%s ended without saying %q: %v\n%s", p.name, beginning, p.failure, p.said.String())
		}
		return ok
	})
	return rest
}

// stop asks the process to end, as Ctrl-C and a container's end do, and wants it to in good time and content.
func (p *process) stop() {
	p.t.Helper()
	p.end(os.Interrupt, time.Minute)
}

func (p *process) end(how os.Signal, within time.Duration) {
	p.t.Helper()
	if err := p.command.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("%s: %v", p.name, err)
	}
	select {
	case <-p.ended:
	case <-time.After(within):
		p.t.Errorf("%s still runs %s after being asked to end", p.name, within)
		p.kill()
		return
	}
	if p.failure != nil {
		p.t.Errorf("%s ended with %v\n%s", p.name, p.failure, p.said.String())
	}
}

// kill ends the process at once, whatever it is doing.
func (p *process) kill() {
	p.t.Helper()
	must(p.t, p.command.Process.Kill())
	<-p.ended
}

// ran is what came of a command that ends by itself.
type ran struct {
	code        int
	out, errors string
}

// runs carries out one command of a binary, with something on its standard input.
func runs(t testing.TB, environment []string, input, binary string, args ...string) ran {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(built, binary), args...)
	var out, complaints bytes.Buffer
	command.Env, command.Stdin, command.Stdout, command.Stderr = environment, strings.NewReader(input), &out, &complaints
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %v: %v", binary, args, err)
	}
	return ran{command.ProcessState.ExitCode(), out.String(), complaints.String()}
}

// succeeds is runs for a command that has to.
func succeeds(t testing.TB, environment []string, input, binary string, args ...string) string {
	t.Helper()
	r := runs(t, environment, input, binary, args...)
	if r.code != 0 {
		t.Fatalf("%s %v: exit %d\n%s%s", binary, args, r.code, r.out, r.errors)
	}
	return r.out
}
