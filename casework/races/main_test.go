package races_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
)

// rounds is how many rounds there are of each kind, besides the known ones.
var rounds = flag.Int("races.rounds", 16, "how many rounds of fifty callers at once, of each kind")

const (
	// lanes run beside each other, each on a database of its own.
	lanes = 2
	// together are the rounds that are under way at once in a lane; their races come one after the other.
	together = 4
)

func TestMain(m *testing.M) {
	flag.Parse()
	// rapid has one number of checks for all that a test binary checks: here each is a few rounds in a lane.
	checks := (*rounds + lanes*together - 1) / (lanes * together)
	// A round that failed by luck is told by its history; its file would only fail, or not, at every run after.
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa(checks), "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
