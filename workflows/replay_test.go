//go:build unix

package workflows_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"throughline/activities/names"
	"throughline/internal/payloads"
	"throughline/internal/seal/sealtest"
	"throughline/workflows"
	"throughline/workflows/lifetest"
)

// Histories are recorded by go test ./workflows/servertest -run EveryLife -record v2, one folder per version, and stay.
const histories = "testdata/histories"

// recorded reads the histories of every version, by version and life.
func recorded(t *testing.T) map[string]*historypb.History {
	t.Helper()
	versions, err := os.ReadDir(histories)
	if err != nil || len(versions) == 0 {
		t.Fatalf("there are no recorded histories: %v", err)
	}
	all := map[string]*historypb.History{}
	for _, v := range versions {
		found, err := lifetest.Histories(filepath.Join(histories, v.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for name, h := range found {
			all[v.Name()+"/"+name] = h
		}
	}
	if len(all) < 10 {
		t.Fatalf("%d histories are left; ten were recorded as v1", len(all))
	}
	return all
}

// A replay runs the workflow alone: the replayer has no activities and no worker that could run one. So neither the
// policy nor anything else that activities read can come into it; the histories were recorded at the demo's pace.
func TestRecordedHistoriesReplayWholeAndCutShort(t *testing.T) {
	t.Parallel()
	for name, h := range recorded(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cuts := lifetest.Cuts(h)
			if len(cuts) < 2 {
				t.Fatalf("the history has %d workflow tasks", len(cuts))
			}
			for _, cut := range append(cuts, h) {
				if err := lifetest.Replay(cut, nil); err != nil {
					t.Errorf("the first %d of %d events: %v", len(cut.Events), len(h.Events), err)
				}
			}
		})
	}
}

// The replay must be able to fail: each of these is a change that would break open workflows.
func TestABrokenStoryFailsReplay(t *testing.T) {
	t.Parallel()
	local := workflow.LocalActivityOptions{StartToCloseTimeout: time.Second}
	broken := map[string]func(workflow.Context, workflows.ReferralInput) error{
		"a timer more": func(ctx workflow.Context, in workflows.ReferralInput) error {
			workflow.NewTimer(ctx, time.Hour)
			return workflows.Referral(ctx, in)
		},
		"a question more": func(ctx workflow.Context, in workflows.ReferralInput) error {
			_ = workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, local), names.Lapse, names.Input{}).Get(ctx, nil)
			return workflows.Referral(ctx, in)
		},
		"a value more": func(ctx workflow.Context, in workflows.ReferralInput) error {
			workflow.SideEffect(ctx, func(workflow.Context) any { return 1 })
			return workflows.Referral(ctx, in)
		},
		"an early end": func(workflow.Context, workflows.ReferralInput) error { return nil },
	}
	for name, h := range recorded(t) {
		for what, story := range broken {
			if err := lifetest.Replay(h, story); err == nil {
				t.Errorf("%s replays with %s", name, what)
			}
		}
	}
}

// A folder that lost something must not pass for one that replays.
func TestAThinnedFolderOfHistoriesIsNoticed(t *testing.T) {
	t.Parallel()
	const v1 = histories + "/v1"
	write := func(t *testing.T, file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(t *testing.T, file string) {
		t.Helper()
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	for what, harm := range map[string]func(t *testing.T, dir string){
		"a file is gone":     func(t *testing.T, dir string) { remove(t, dir+"/withdrawn.json") },
		"the manifest is":    func(t *testing.T, dir string) { remove(t, dir+"/manifest.json") },
		"a file is emptied":  func(t *testing.T, dir string) { write(t, dir+"/bounced.json", "{}") },
		"a file is added":    func(t *testing.T, dir string) { write(t, dir+"/another.json", "{}") },
		"the list is thin":   func(t *testing.T, dir string) { write(t, dir+"/manifest.json", "{}") },
		"a life is unlisted": unlist,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(v1)); err != nil {
				t.Fatal(err)
			}
			if _, err := lifetest.Histories(dir); err != nil {
				t.Fatalf("unharmed: %v", err)
			}
			harm(t, dir)
			if _, err := lifetest.Histories(dir); err == nil {
				t.Error("nobody noticed")
			}
		})
	}
}

func unlist(t *testing.T, dir string) {
	t.Helper()
	m, err := lifetest.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, m.Histories[0].File)); err != nil {
		t.Fatal(err)
	}
	m.Histories = m.Histories[1:]
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
}

func TestTheHappyPathCostsAtMostSixtyEvents(t *testing.T) {
	t.Parallel()
	for name, h := range recorded(t) {
		if strings.HasSuffix(name, "/accepted_first_time") && len(h.Events) > 60 {
			t.Errorf("%s has %d events", name, len(h.Events))
		}
	}
}

// Together the lives go through every activity, so that no name can change unseen.
func TestTheHistoriesHoldEveryActivity(t *testing.T) {
	t.Parallel()
	ran := map[string]bool{}
	for _, h := range recorded(t) {
		for _, e := range h.Events {
			if e.EventType != enumspb.EVENT_TYPE_MARKER_RECORDED {
				continue
			}
			var marker struct{ ActivityType string }
			if err := json.Unmarshal(e.GetMarkerRecordedEventAttributes().Details["data"].Payloads[0].Data, &marker); err != nil {
				t.Fatal(err)
			}
			ran[marker.ActivityType] = true
		}
	}
	for _, name := range names.Activities {
		if !ran[name] {
			t.Errorf("no history holds %s", name)
		}
	}
}

func TestNoHistoryHoldsPersonalData(t *testing.T) {
	t.Parallel()
	for name, h := range recorded(t) {
		if leaks, err := lifetest.Leaks(h); err != nil || len(leaks) > 0 {
			t.Errorf("%s holds %v, %v", name, leaks, err)
		}
	}
}

// What people wrote must be found wherever it hides, or the test above proves nothing.
func TestPersonalDataInAHistoryIsFound(t *testing.T) {
	t.Parallel()
	payloads := &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: []byte(`{"note":"she sleeps; CANARY"}`)}}}
	for what, e := range map[string]*historypb.HistoryEvent{
		"a marker's payload": {Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{
			MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{Details: map[string]*commonpb.Payloads{"data": payloads}}}},
		"a signal's payload": {Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
			WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{Input: payloads}}},
		"a signal's name": {Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
			WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{SignalName: "Canarova accepted"}}},
		"a marker's key": {Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{
			MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{Details: map[string]*commonpb.Payloads{"Zyta": nil}}}},
	} {
		leaks, err := lifetest.Leaks(&historypb.History{Events: []*historypb.HistoryEvent{e}})
		if err != nil || len(leaks) == 0 {
			t.Errorf("%s: found %v, %v", what, leaks, err)
		}
	}
}

// Histories from before payloads were sealed must replay under a worker that seals.
func TestHistoriesInTheOpenReplayWhereItIsSealed(t *testing.T) {
	t.Parallel()
	for name, h := range recorded(t) {
		r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DataConverter: payloads.Converter(sealtest.Keyring())})
		if err != nil {
			t.Fatal(err)
		}
		workflows.Register(r)
		if err := r.ReplayWorkflowHistory(lifetest.Silent, h); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
