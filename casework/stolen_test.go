package casework

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/referral"
)

var stolenList = flag.String("stolen", "", "a list of stolen passwords, one on a line, to make stolen.bin from")

// Its digests are in order, each once, and enough of them: the 3,000 most used of that length, and more.
func TestStolenPasswordsAreMadeFromTheirList(t *testing.T) {
	t.Parallel()
	if *stolenList != "" {
		require.NoError(t, os.WriteFile("stolen.bin", digestsOf(t, *stolenList), 0o644))
		t.Skip("stolen.bin is made anew: run again without -stolen")
	}
	require.Zero(t, len(stolenPasswords)%stolenDigest)
	digests := slices.Collect(slices.Chunk(stolenPasswords, stolenDigest))
	assert.Greater(t, len(digests), 12_000)
	assert.True(t, slices.IsSortedFunc(digests, bytes.Compare))
	assert.Len(t, slices.CompactFunc(slices.Clone(digests), bytes.Equal), len(digests))
}

func digestsOf(t *testing.T, path string) []byte {
	t.Helper()
	list, err := os.Open(path)
	require.NoError(t, err)
	defer list.Close()
	var digests [][]byte
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		if password := strings.ToLower(lines.Text()); utf8.ValidString(password) && utf8.RuneCountInString(password) >= minPassword {
			sum := sha256.Sum256([]byte(password))
			digests = append(digests, sum[:stolenDigest])
		}
	}
	require.NoError(t, lines.Err())
	slices.SortFunc(digests, bytes.Compare)
	return bytes.Join(slices.CompactFunc(digests, bytes.Equal), nil)
}

// What was stolen is refused even where nothing else would show that it is easy: it is made of no words.
func TestStolenPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"mailcreated5240", "Mailcreated5240", "sojdlg123aljg", "GHHH47HJ7649", "polniypizdec0211"} {
		_, err := hashPassword(password)
		assert.Equal(t, referral.CodeInvalid, referral.CodeOf(err), password)
	}
	assert.True(t, stolen("polniypizdec0211"))
	assert.False(t, stolen("polniypizdec0212"))
	unguessed := 0
	for _, password := range []string{"mailcreated5240", "sojdlg123aljg", "ghhh47hj7649", "polniypizdec0211"} {
		if !guessable(password) {
			unguessed++
		}
	}
	assert.Positive(t, unguessed, "the list refuses what zxcvbn lets through")
}
