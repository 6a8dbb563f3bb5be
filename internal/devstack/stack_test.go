//go:build unix

package devstack_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	tlog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"throughline/db"
	"throughline/internal/devstack"
	"throughline/internal/devstack/lockfile"
)

const queue = "naps"

// Nap waits for a durable timer.
func Nap(ctx workflow.Context, d time.Duration) (string, error) {
	return "woke", workflow.Sleep(ctx, d)
}

type quiet struct{ tlog.Logger }

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

func options(dir string) devstack.Options {
	return devstack.Options{Dir: dir, PostgresSettings: map[string]string{"fsync": "off"}, TimeSkipping: true}
}

func start(t *testing.T, dir string) *devstack.Stack {
	t.Helper()
	at := time.Now()
	s, err := devstack.Start(t.Context(), options(dir))
	require.NoError(t, err)
	t.Logf("ready in %v", time.Since(at).Round(time.Millisecond))
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

// connect starts a worker besides the client; both end before the stack does, or when the returned function is called.
func connect(t *testing.T, s *devstack.Stack) (client.Client, func()) {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: s.TemporalAddress, Namespace: s.Namespace, Logger: quiet{}})
	require.NoError(t, err)
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(Nap)
	require.NoError(t, w.Start())
	end := sync.OnceFunc(func() { w.Stop(); c.Close() })
	t.Cleanup(end)
	return c, end
}

func nap(t *testing.T, c client.Client, id string, d time.Duration) {
	t.Helper()
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: queue}, Nap, d)
	require.NoError(t, err)
	awaitTimer(t, c, id)
}

func awaitTimer(t *testing.T, c client.Client, id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for it := c.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); it.HasNext(); {
			event, err := it.Next()
			if err != nil {
				return false
			}
			if event.EventType == enumspb.EVENT_TYPE_TIMER_STARTED {
				return true
			}
		}
		return false
	}, 30*time.Second, 50*time.Millisecond)
}

func result(t *testing.T, c client.Client, id string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var woke string
	require.NoError(t, c.GetWorkflow(ctx, id, "").Get(ctx, &woke))
	return woke
}

func TestAStackKeepsItsAddressesAndItsTimersOverARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "stack")
	s := start(t, dir)
	require.Equal(t, "throughline", s.Namespace)
	d, err := db.Open(t.Context(), s.DatabaseURL, db.Options{})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	c, end := connect(t, s)
	nap(t, c, "over-a-restart", 3*time.Second)
	ns, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: s.Namespace})
	require.NoError(t, err)
	require.Equal(t, 30*24*time.Hour, ns.Config.WorkflowExecutionRetentionTtl.AsDuration())
	url, address := s.DatabaseURL, s.TemporalAddress
	end()
	require.NoError(t, s.Stop())
	require.NoError(t, s.Stop(), "stopping twice is fine")

	s = start(t, dir)
	require.Equal(t, url, s.DatabaseURL)
	require.Equal(t, address, s.TemporalAddress)
	c, _ = connect(t, s)
	require.Equal(t, "woke", result(t, c, "over-a-restart"))
}

func TestASecondStackOnTheFolderIsRefusedByName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := options(dir)
	o.PostgresOnly = true
	s, err := devstack.Start(t.Context(), o)
	require.NoError(t, err)
	defer s.Stop()
	_, err = devstack.Start(t.Context(), o)
	require.ErrorContains(t, err, fmt.Sprintf("already runs on %s (process %d)", dir, os.Getpid()))
	require.ErrorAs(t, err, new(*lockfile.HeldError))

	require.NoError(t, s.Stop())
	again, err := devstack.Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, again.Stop())
}

func TestTemporalStopsAndComesBackAlone(t *testing.T) {
	t.Parallel()
	var parts []string
	o := options(t.TempDir())
	o.Progress = func(part, detail string) { parts = append(parts, part+" "+detail) }
	s, err := devstack.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	address := s.TemporalAddress
	c, end := connect(t, s)
	nap(t, c, "while-away", time.Second)
	end()

	require.NoError(t, s.StopTemporal())
	require.NoError(t, s.StopTemporal(), "stopping twice is fine")
	_, err = client.DialContext(t.Context(), client.Options{HostPort: address, Logger: quiet{}})
	require.Error(t, err)
	d, err := db.Open(t.Context(), s.DatabaseURL, db.Options{})
	require.NoError(t, err, "the record goes on")
	require.NoError(t, d.Close())

	require.NoError(t, s.StartTemporal(t.Context()))
	require.NoError(t, s.StartTemporal(t.Context()), "starting twice is fine")
	require.Equal(t, address, s.TemporalAddress)
	c, _ = connect(t, s)
	require.Equal(t, "woke", result(t, c, "while-away"))
	require.True(t, slices.Contains(parts, "temporal ready on "+address), parts)
}

func TestTimeSkippingPassesThirtyDaysAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	c, _ := connect(t, s)
	input, err := converter.GetDefaultDataConverter().ToPayloads(30 * 24 * time.Hour)
	require.NoError(t, err)
	_, err = c.WorkflowService().StartWorkflowExecution(t.Context(), &workflowservice.StartWorkflowExecutionRequest{
		Namespace: s.Namespace, WorkflowId: "thirty-days", RequestId: "1", WorkflowType: &commonpb.WorkflowType{Name: "Nap"},
		TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Input: input,
		TimeSkippingConfig: &commonpb.TimeSkippingConfig{Enabled: true},
	})
	require.NoError(t, err)
	require.Equal(t, "woke", result(t, c, "thirty-days"))
}

// childDir makes this test binary the process that is killed.
const childDir = "DEVSTACK_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		s, err := devstack.Start(context.Background(), options(dir))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("ready", s.TemporalAddress)
		select {}
	}
	os.Exit(m.Run())
}

func TestAfterKill9TheStackGoesOnWithItsTimers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, line)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	require.True(t, ok, line)

	_, err = devstack.Start(t.Context(), options(dir))
	require.ErrorContains(t, err, "process "+strconv.Itoa(child.Process.Pid))

	c, end := connect(t, &devstack.Stack{TemporalAddress: address, Namespace: "throughline"})
	nap(t, c, "over-kill-9", 4*time.Second)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait(), "killed")
	end()

	s := start(t, dir)
	require.Equal(t, address, s.TemporalAddress)
	c, _ = connect(t, s)
	require.Equal(t, "woke", result(t, c, "over-kill-9"))
}
