package casework

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"sort"
	"strings"
)

// stolenPasswords are digests of passwords of 12 characters and more that many people had when they were stolen: the first
// eight bytes of the SHA-256 of each, in small letters, in order. Digests, so that nobody has to read them; NOTICE says where
// they are from, and TestStolenPasswordsAreMadeFromTheirList makes them anew.
//
//go:embed stolen.bin
var stolenPasswords []byte

const stolenDigest = 8 // bytes: among so few, none is met by chance

// stolen reports a password that is among those, whatever its capitals.
func stolen(password string) bool {
	sum := sha256.Sum256([]byte(strings.ToLower(password)))
	of := func(i int) []byte { return stolenPasswords[i*stolenDigest:][:stolenDigest] }
	n := len(stolenPasswords) / stolenDigest
	i := sort.Search(n, func(i int) bool { return bytes.Compare(of(i), sum[:stolenDigest]) >= 0 })
	return i < n && bytes.Equal(of(i), sum[:stolenDigest])
}
