package casework_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/internal/seal/sealtest"
	"throughline/internal/token"
	"throughline/referral"
)

// wait is how long an answer asks to wait; 0 when it does not.
func wait(err error) time.Duration {
	var slow *casework.Slow
	if errors.As(err, &slow) {
		return slow.Wait
	}
	return 0
}

func (r *room) guess(email string, from casework.From) error {
	_, _, err := r.SignIn(r.t.Context(), email, "not this one", from)
	return err
}

func TestEachGuessWaitsLonger(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.account("zoe@helpline.example")
	for range 6 {
		require.Equal(t, referral.CodeUnauthenticated, referral.CodeOf(r.guess("zoe@helpline.example", here)))
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900} {
		err := r.guess("ZOE@helpline.example", here)
		require.Equal(t, referral.CodeRateLimited, referral.CodeOf(err))
		require.Equal(t, want*time.Second, wait(err))
		_, right := r.signIn("zoe@helpline.example", password)
		require.Equal(t, want*time.Second, wait(right), "the right password is not looked at either, and does not lengthen the wait")
		r.clock.Advance(want * time.Second)
		if want < 900 {
			require.Equal(t, referral.CodeUnauthenticated, referral.CodeOf(r.guess("zoe@helpline.example", here)))
		}
	}
	// Another process, later: the record remembers.
	again := casework.New(r.DB, r.clock, sealtest.Keyring(), nil)
	_, _, err := again.SignIn(t.Context(), "zoe@helpline.example", "not this one", here)
	require.Equal(t, referral.CodeUnauthenticated, referral.CodeOf(err))
	_, _, err = again.SignIn(t.Context(), "zoe@helpline.example", password, here)
	assert.Equal(t, 15*time.Minute, wait(err))
	r.clock.Advance(15 * time.Minute)
	_, err = r.signIn("zoe@helpline.example", password)
	require.NoError(t, err, "nothing is ever locked")
	for range 6 {
		require.Equal(t, referral.CodeUnauthenticated, referral.CodeOf(r.guess("zoe@helpline.example", here)), "and it begins anew")
	}
}

// Whoever guesses at someone's account from everywhere must not keep that person out.
func TestGuessesFromEverywhereDoNotLockAPersonOut(t *testing.T) {
	t.Parallel()
	r := open(t)
	a := r.account("zoe@helpline.example")
	r.account("abel@helpline.example")
	own := casework.From{Address: "198.51.100.1", Device: token.New(), Browser: "Firefox"}
	_, err := r.Enter(t.Context(), a, casework.ByPassword, own)
	require.NoError(t, err)
	longest := time.Duration(0)
	for i := range 80 {
		err := r.guess("zoe@helpline.example", casework.From{Address: "203.0.113." + strconv.Itoa(i), Device: token.New()})
		longest = max(longest, wait(err))
		if longest > 0 && wait(err) > 0 {
			r.clock.Advance(wait(err))
		}
	}
	_ = r.guess("zoe@helpline.example", casework.From{Address: "203.0.113.200"})
	assert.Equal(t, time.Minute, longest, "guesses are slowed down from everywhere")
	_, _, err = r.SignIn(t.Context(), "zoe@helpline.example", password, casework.From{Address: "192.0.2.9"})
	assert.Positive(t, wait(err), "so is a browser that nobody knows, a little")
	_, _, err = r.SignIn(t.Context(), "zoe@helpline.example", password, own)
	require.NoError(t, err, "the person's own browser is not")
	_, _, err = r.SignIn(t.Context(), "abel@helpline.example", password, casework.From{Address: "203.0.113.1", Device: own.Device})
	require.NoError(t, err, "nor is a colleague")
	// A browser that is known for one account is a stranger to another, and guesses in it are slow too.
	for range 6 {
		require.Zero(t, wait(r.guess("zoe@helpline.example", own)))
	}
	assert.Equal(t, time.Second, wait(r.guess("zoe@helpline.example", own)))
}

func TestOneAddressCantGuessAtManyAccounts(t *testing.T) {
	t.Parallel()
	r := open(t)
	for i := range 101 {
		require.Zero(t, wait(r.guess("nobody"+strconv.Itoa(i)+"@helpline.example", here)))
	}
	assert.Equal(t, time.Second, wait(r.guess("somebody@helpline.example", here)))
	assert.Zero(t, wait(r.guess("somebody@helpline.example", casework.From{Address: "203.0.113.8"})))
}

// An address that is not known is everyone's: nothing is counted by it. What is counted by account is slowed down all the same.
func TestAnAddressThatIsNotKnownHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.account("zoe@helpline.example")
	nowhere := casework.From{Browser: "Firefox"}
	for i := range 102 {
		require.Zero(t, wait(r.ForgotPassword(t.Context(), "nobody"+strconv.Itoa(i)+"@helpline.example", nowhere)), "tries at all accounts together")
	}
	for range 7 {
		require.Zero(t, wait(r.guess("zoe@helpline.example", nowhere)), "guesses at one account from one place")
	}
	for range 3 {
		require.Zero(t, wait(r.ForgotPassword(t.Context(), "zoe@helpline.example", nowhere)))
	}
	assert.Equal(t, time.Second, wait(r.ForgotPassword(t.Context(), "zoe@helpline.example", nowhere)), "letters to one account from everywhere")
}

func TestGuessesAtOnceAreCounted(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.account("zoe@helpline.example")
	var guesses sync.WaitGroup
	codes := make(chan referral.Code, 20)
	for range 20 {
		guesses.Go(func() { codes <- referral.CodeOf(r.guess("zoe@helpline.example", here)) })
	}
	guesses.Wait()
	close(codes)
	count := map[referral.Code]int{}
	for code := range codes {
		count[code]++
	}
	assert.Equal(t, map[referral.Code]int{referral.CodeUnauthenticated: 6, referral.CodeRateLimited: 14}, count)
}
