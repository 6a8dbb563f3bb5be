package workflows_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"throughline/activities/names"
	"throughline/referral"
	"throughline/workflows"
)

var update = flag.Bool("update", false, "rewrite testdata/names.golden")

// Names in histories are data: a workflow that began under one must be able to end under it. A name may be added to the
// golden file; one that is there may be taken out only when no open workflow has it in its past.
func TestNamesInHistoriesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	line := func(kind, name string) { fmt.Fprintf(&b, "%s %s\n", kind, name) }
	line("workflow", workflows.ReferralType)
	line("workflow id", workflows.ReferralID(uuid.Nil))
	line("workflow", workflows.CanaryType)
	line("workflow id", workflows.CanaryID(uuid.Nil.String()))
	for _, duty := range [][2]string{{workflows.ErasureType, workflows.ErasureID(uuid.Nil)}, {workflows.ExportType, workflows.ExportID(uuid.Nil)},
		{workflows.RetentionType, workflows.RetentionID(uuid.Nil)}} {
		line("workflow", duty[0])
		line("workflow id", duty[1])
	}
	line("task queue", workflows.TaskQueue)
	line("signal", workflows.SignalChanged)
	for _, name := range append(append(slices.Clone(names.Activities), names.Duties...), names.Chirp) {
		line("activity", name)
	}
	for _, do := range []referral.Name{referral.Send, referral.Remind, referral.Escalate, referral.Lapse, referral.AskAgency,
		referral.RaiseTask, referral.EscalateTask} {
		line("step", string(do))
	}
	for _, in := range []struct {
		name string
		of   any
	}{{"ReferralInput", workflows.ReferralInput{}}, {"names.Input", names.Input{}}, {"referral.Step", referral.Step{}},
		{"DutyInput", workflows.DutyInput{}}, {"names.Duty", names.Duty{}}, {"names.Wait", names.Wait{}}} {
		for _, field := range fields(t, in.of) {
			line("field of "+in.name, field)
		}
	}
	const golden = "testdata/names.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the names differ from %s; see the comment at this test\ngot:\n%s\nwant:\n%s", golden, &b, want)
	}
}

func fields(t *testing.T, of any) []string {
	t.Helper()
	raw, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(object))
}
