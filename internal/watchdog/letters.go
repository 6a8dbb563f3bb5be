package watchdog

import (
	"context"
	"time"

	"github.com/google/uuid"

	"throughline/db"
	"throughline/referral"
)

// letters sees to emails that nobody else would see to: attempts that never came to an end, failures that nobody was
// asked to call about, and letters that nothing promises to send.
func (r *watch) letters(ctx context.Context) error {
	for _, kind := range []struct {
		left referral.Left
		list func(context.Context, int) ([]uuid.UUID, error)
		see  func(context.Context, uuid.UUID) (bool, error)
	}{
		{referral.LetterSilent, r.Desk.SilentLetters, r.Desk.SilentLetter},
		{referral.LetterLeft, r.Desk.LeftLetters, r.Desk.LeftLetter},
		{referral.LetterLost, r.Desk.LostLetters, r.Desk.LostLetter},
	} {
		ids, err := kind.list(ctx, most)
		if err != nil {
			return err
		}
		for _, id := range ids {
			done, err := kind.see(ctx, id)
			if err != nil && (ctx.Err() != nil || referral.CodeOf(err) == referral.CodeUnavailable) {
				return err
			}
			if err != nil {
				// The others must not wait for one that can't be seen to.
				r.count(RoundFailed)
				r.Log.Error("a letter can't be seen to", "kind", kind.left, "message", id, "class", classOf(err))
			}
			if done {
				r.saw(string(kind.left), "message", id)
				r.more = r.more || len(ids) == most
			}
		}
	}
	return nil
}

const (
	// putOff is beyond any lease or pause of the dispatcher's, and mailPutOff beyond what a mail provider may ask for.
	putOff     = 5 * time.Minute
	mailPutOff = 65 * time.Minute
	// failsLong is how many attempts in a row make a promise that can't be kept: half a minute of them.
	failsLong = 6
)

// promises makes what was put off too far due now, and reports what can't be kept.
func (r *watch) promises(ctx context.Context) error {
	for beyond, kinds := range map[time.Duration][]string{putOff: {db.OutboxStart, db.OutboxChanged}, mailPutOff: {db.OutboxDeliver}} {
		n, err := db.HurryOutbox(ctx, r.Desk.DB, beyond, most, kinds...)
		if err != nil {
			return err
		}
		for range n {
			r.count(PromisePutOff)
		}
		if n > 0 {
			r.Log.Warn("promises that were put off too far are due now", "rows", n)
			r.more = r.more || n == most
			r.Desk.Nudge()
		}
	}
	failing, err := db.FailingOutbox(ctx, r.Desk.DB, failsLong)
	if err != nil {
		return err
	}
	for _, f := range failing {
		r.count(PromiseFailing)
		r.Log.Warn("promises can't be kept so far", "kind", f.Kind, "class", f.Class, "rows", f.Rows)
	}
	return nil
}
