package e2e

import (
	"slices"
	"testing"
	"time"
)

// Nobody answers, and business days are seconds: the agency is reminded, a coordinator is told, the next agency is
// asked, and when that one is silent too the coordinator has a task. Never is the referral simply over.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	d := startDev(t, fresh(t), append([]string{"--policy", "demo"}, anyPort...)...)
	coordinator := d.atDesk(t, "en", "silence")
	d.signIn(coordinator, "coordinator")
	a := d.api("navigator")
	made := a.refer("Silent Canary", "shelter", "urgent", a.service("Emergency Shelter for Adults"), a.service("Street Outreach and Housing Help"))

	row := `//tr[contains(., "` + made.Reference + `")]`
	coordinator.openUntil("/queue", row+named("span", coordinator.say("queue.escalated")))
	coordinator.picture("queue-escalated")
	find := coordinator.say("task.find_alternative")
	coordinator.openUntil("/queue", row+named("a", find))
	coordinator.picture("queue-nobody-left")
	coordinator.openUntil("/tasks", row+named("a", find))
	coordinator.picture("tasks")
	coordinator.follow(row + named("a", find))
	coordinator.picture("task")
	coordinator.reads(coordinator.say("say.add_offer"))
	coordinator.open("/cases/" + made.CaseID)
	coordinator.picture("case")

	told := a.told(made.ID)
	for _, in := range [][]string{{"send", "remind", "escalate", "lapse", "send", "remind", "escalate", "lapse", "raise_task"}} {
		if !inOrder(told, in) {
			t.Errorf("the timeline tells %v, want in this order %v", told, in)
		}
	}
	subjects := a.subjects()
	for _, want := range []string{"Reminder", "Emergency Shelter for Adults"} {
		if !slices.ContainsFunc(subjects, contains(want)) {
			t.Errorf("no letter says %q: %q", want, subjects)
		}
	}
	until(t, "the outbox is not empty", 30*time.Second, func() bool { return d.count(`SELECT count(*) FROM outbox WHERE done_at IS NULL`) == 0 })
	d.clean()
}

// inOrder reports that all of some words come up in this order; others may stand between.
func inOrder(told, want []string) bool {
	for _, word := range told {
		if len(want) > 0 && word == want[0] {
			want = want[1:]
		}
	}
	return len(want) == 0
}
