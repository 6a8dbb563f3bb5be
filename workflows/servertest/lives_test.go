//go:build unix

package servertest

import (
	"testing"

	"throughline/referral"
	"throughline/workflows/lifetest"
)

// hurried is the demo's pace with a silence of ten seconds instead of forty.
func hurried(t *testing.T) referral.Policy {
	t.Helper()
	p := referral.Demo()
	p.Name = "hurried"
	for wait, text := range map[*referral.Wait]string{
		&p.Routine.Remind: "3s", &p.Routine.Escalate: "6s", &p.Routine.Lapse: "10s", &p.Routine.FirstContact: "4s",
		&p.Routine.AskGrace: "2s", &p.Routine.TaskDue: "3s",
	} {
		var err error
		if *wait, err = referral.ParseWait(text); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// Every life on a real server, record, dispatcher and worker, at a pace other than the recorded histories'. What was
// lived is replayed at once, whole and cut short.
func TestEveryLifeOnARealServer(t *testing.T) {
	t.Parallel()
	c, _ := serve(t)
	pace := hurried(t)
	if *record != "" {
		pace = referral.Demo()
	}
	o := open(t, c, pace)
	hire(t, c, o)
	recorded := newRecording(t)
	t.Run("lives", func(t *testing.T) {
		for _, life := range lifetest.Lives() {
			t.Run(life.Name, func(t *testing.T) {
				t.Parallel()
				id := refer(t, o, life.Agencies...)
				play(t, c, o, id, life.Acts)
				if !atRest(t, c, o, id) {
					await(t, "the end of the workflow", endOf(c, id))
				}
				told, err := o.Story(t.Context(), id)
				if missing := lifetest.Missing(life.Tells, told); err != nil || len(missing) > 0 {
					t.Errorf("the timeline %v lacks %v, %v", told, missing, err)
				}
				if f, err := o.Facts(t.Context(), id); err != nil || f.State != referral.Closed || f.Outcome != life.Outcome {
					t.Errorf("it is %s with the outcome %q, %v", f.State, f.Outcome, err)
				}
				h := history(t, c, id, "")
				t.Logf("%d events", len(h.Events))
				replay(t, h)
				recorded.keep(t, life.Name, h)
			})
		}
	})
	recorded.close(t)
}
