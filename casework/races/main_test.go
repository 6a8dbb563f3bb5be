package races_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
)

// rounds is how many rounds of fifty callers there are, besides the fixed ones.
var rounds = flag.Int("races.rounds", 40, "how many rounds of fifty callers at once")

func TestMain(m *testing.M) {
	flag.Parse()
	// rapid has one number of checks for all that a test binary checks: here each is a round.
	if err := flag.Set("rapid.checks", strconv.Itoa((*rounds+lanes-1)/lanes)); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	os.Exit(m.Run())
}
