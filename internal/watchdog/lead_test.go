package watchdog_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"throughline/casework"
	"throughline/db"
	"throughline/internal/clock"
	"throughline/internal/seal/sealtest"
	"throughline/internal/watchdog"
)

// childURL makes this test binary a process with a watchdog and nothing else, on the database of this URL.
const childURL = "THROUGHLINE_WATCHDOG_CHILD"

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		watch(url)
	}
	goleak.VerifyTestMain(m)
}

func watch(url string) {
	pool, err := db.Open(context.Background(), url, db.Options{MaxOpen: 2})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	w := &watchdog.Watchdog{Desk: casework.New(pool, clock.System{}, sealtest.Keyring(), nil), DatabaseURL: url, Clock: &temporal{},
		Log: slog.New(slog.NewTextHandler(os.Stdout, nil))}
	w.Run(context.Background())
}

// child starts such a process and waits until it leads.
func child(t *testing.T, url string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childURL+"="+url)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "leads the watch")
	return cmd
}

func (o *office) leads() bool { return strings.Contains(o.log.String(), "leads the watch") }

// leader is the backend of the session that holds the lead.
func (o *office) leader() (pid int, ok bool) {
	pids := all[int](o, `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 211 AND objid = 1 AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	if len(pids) == 0 {
		return 0, false
	}
	require.Len(o.t, pids, 1)
	return pids[0], true
}

func TestOneOfTwoLeads(t *testing.T) {
	t.Parallel()
	o, other := open(t), &lines{}
	stop := o.run(o.dog())
	o.until("the first leads", o.leads)
	second := o.dog()
	second.Log = slog.New(slog.NewTextHandler(other, nil))
	o.run(second)
	// It has asked at least twice by then.
	until := time.Now().Add(5 * time.Second)
	o.until("time goes by", func() bool { return time.Now().After(until) })
	assert.Empty(t, other.String())
	begin := time.Now()
	stop()
	o.until("the second leads once the first has gone", func() bool { return strings.Contains(other.String(), "leads the watch") })
	assert.Less(t, time.Since(begin), 5*time.Second)
}

// The leader's session is ended by the database: it knows, stops looking around, and another leads.
func TestALeaderWhoseSessionEnds(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.run(o.dog())
	o.until("it leads", o.leads)
	first, _ := o.leader()
	begin := time.Now()
	o.exec(`SELECT pg_terminate_backend($1)`, first)
	o.until("another session leads", func() bool { pid, ok := o.leader(); return ok && pid != first })
	assert.Less(t, time.Since(begin), 10*time.Second)
	assert.Contains(t, o.log.String(), "the watchdog has lost its session")
}

// A process is killed, or stands still as by SIGSTOP or on a machine that has gone silent: another leads within ten seconds.
func TestALeaderThatDiesOrStandsStill(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			leader := child(t, o.url)
			o.run(o.dog())
			first, ok := o.leader()
			require.True(t, ok)
			begin := time.Now()
			require.NoError(t, leader.Process.Signal(signal))
			o.until("another leads", o.leads)
			assert.Less(t, time.Since(begin), 10*time.Second)
			second, _ := o.leader()
			assert.NotEqual(t, first, second)
		})
	}
}

// Readiness says whether anybody leads, whoever it is.
func TestDetailSaysWhetherAnybodyLeads(t *testing.T) {
	t.Parallel()
	o := open(t)
	asked, leading := o.dog(), o.dog()
	assert.Equal(t, "no process leads the watch", asked.Detail(t.Context()))
	stop := o.run(leading)
	o.until("another leads", o.leads)
	assert.Empty(t, asked.Detail(t.Context()))
	assert.Empty(t, leading.Detail(t.Context()))
	stop()
	o.until("nobody does", func() bool { return asked.Detail(t.Context()) == "no process leads the watch" })
}
