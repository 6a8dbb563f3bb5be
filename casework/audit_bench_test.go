package casework_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"throughline/casework"
)

// Eight commit at once, all for one helpline, and each so often in a turn.
const (
	writers     = 8
	eachCommits = 25
)

// atCommit is the chain that is not there: each entry linked by whoever commits it, who so stands in line for it.
const atCommit = `CREATE FUNCTION link_now() RETURNS trigger LANGUAGE plpgsql AS $$
	DECLARE last audit_chain;
	BEGIN
		PERFORM pg_advisory_xact_lock(2112, hashtext(NEW.organisation_id::text));
		SELECT * INTO last FROM audit_chain WHERE organisation_id = NEW.organisation_id ORDER BY seq DESC LIMIT 1;
		INSERT INTO audit_chain (organisation_id, seq, audit_id, hash, prev) VALUES (NEW.organisation_id, coalesce(last.seq, 0) + 1, NEW.id,
			sha256(coalesce(last.hash, '') || audit_form(NEW, coalesce(last.seq, 0) + 1)), coalesce(last.hash, ''));
		RETURN NULL;
	END $$;
	CREATE CONSTRAINT TRIGGER link_now AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION link_now();
	ALTER TABLE audit DISABLE TRIGGER link_now`

// BenchmarkTheChain measures what the chain costs where it costs most: many of one helpline who look, or take calls, at
// once. Three ways take turns in one run: as it is, with a session that links what waits beside them; linked at commit;
// and no chain at all, by which the other two are divided. It means something on a server that waits for its disk only:
// TEST_DATABASE_URL, with fsync on. docs/adr/0015 has what came of it.
func BenchmarkTheChain(b *testing.B) {
	for name, commit := range map[string]func(r *room, s casework.Intake) error{
		"look": func(r *room, s casework.Intake) error {
			_, _, err := r.Case(r.t.Context(), r.navigator, s.CaseID)
			return err
		},
		"call": func(r *room, _ casework.Intake) error {
			_, err := r.Intake(r.t.Context(), r.navigator, casework.IntakeInput{Case: ana(), Referral: food(r.services[0])}, nil)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			r := open(b)
			r.exec(atCommit)
			s := r.intake(r.services[0])
			r.linkUp()
			var waiting, committed, none time.Duration
			turn := func(waits, now string) time.Duration {
				r.exec(`ALTER TABLE audit ` + waits + ` TRIGGER audit_waits, ` + now + ` TRIGGER link_now`)
				return r.atOnce(func() error { return commit(r, s) })
			}
			for b.Loop() {
				none += turn("DISABLE", "DISABLE")
				waiting += turn("ENABLE", "DISABLE") + r.linkUp()
				committed += turn("DISABLE", "ENABLE")
			}
			b.ReportMetric(float64(b.N*writers*eachCommits)/none.Seconds(), "without/s")
			b.ReportMetric(none.Seconds()/waiting.Seconds(), "ratio")
			b.ReportMetric(none.Seconds()/committed.Seconds(), "at_commit_ratio")
		})
	}
}

// atOnce has the writers commit, and says how long it took them.
func (r *room) atOnce(commit func() error) time.Duration {
	began := time.Now()
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range eachCommits {
				require.NoError(r.t, commit())
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

// linkUp makes links of all that waits, and says how long it took.
func (r *room) linkUp() time.Duration {
	began := time.Now()
	for one[int](r, `SELECT audit_link_up(1000)`) > 0 {
	}
	return time.Since(began)
}
