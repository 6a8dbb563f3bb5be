package dispatcher_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// However much has gathered, one round forgets it all; what may still be asked for stays.
func TestAllThatIsOldIsForgottenAtOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	id := o.intake()
	const old = 10_001
	o.exec(`INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at, done_at)
		SELECT $1, 'changed', $2, 1, now() - age, now() - age, now() - age FROM generate_series(1, $3),
			LATERAL (SELECT interval '7 days 1 minute' AS age) x`, o.who.Organisation, id, old)
	o.exec(`INSERT INTO outbox (organisation_id, kind, referral_id, version, created_at, available_at, done_at)
		SELECT $1, 'changed', $2, 2, at, at, at FROM (SELECT now() - interval '6 days 23 hours' AS at) x`, o.who.Organisation, id)
	o.exec(`INSERT INTO idempotency (organisation_id, account_id, key, body_hash, body, created_at)
		SELECT $1, $2, 'old ' || i, '', '', $3 FROM generate_series(1, $4) i`, o.who.Organisation, o.who.ID, time.Now().Add(-90*24*time.Hour-time.Minute), old)
	o.exec(`INSERT INTO idempotency (organisation_id, account_id, key, body_hash, body, created_at) VALUES ($1, $2, 'young', '', '', $3)`,
		o.who.Organisation, o.who.ID, time.Now().Add(-90*24*time.Hour+time.Hour))
	o.exec(`INSERT INTO provider_events (event_id, kind, received_at, raw, outcome, processed_at)
		SELECT 'old ' || i, 'bounce', $1, '', 'no_message', now() FROM generate_series(1, $2) i`, time.Now().Add(-365*24*time.Hour-time.Minute), old)
	o.exec(`INSERT INTO provider_events (event_id, kind, received_at, raw, outcome, processed_at) VALUES ('young', 'bounce', $1, '', 'no_message', now())`,
		time.Now().Add(-365*24*time.Hour+time.Hour))
	o.exec(`INSERT INTO uses (key, used, until) SELECT int4send(i), 1, $1 FROM generate_series(1, $2) i`, time.Now().Add(-time.Minute), old)
	o.exec(`INSERT INTO uses (key, used, until) VALUES ('young', 1, $1)`, time.Now().Add(time.Hour))
	o.exec(`INSERT INTO sessions (token, data, expiry) SELECT 'old ' || i, '', $1 FROM generate_series(1, $2) i`, time.Now().Add(-time.Minute), old)
	o.exec(`INSERT INTO sessions (token, data, expiry) VALUES ('young', '', $1)`, time.Now().Add(time.Hour))
	o.run(o.Dispatcher)
	o.until("old rows of the outbox are gone", func() bool {
		return one[int](o, `SELECT count(*) FROM outbox WHERE version = 1 AND done_at < now() - interval '1 hour'`) == 0
	})
	o.until("old keys are gone", func() bool { return one[int](o, `SELECT count(*) FROM idempotency WHERE key LIKE 'old%'`) == 0 })
	o.until("old events are gone", func() bool { return one[int](o, `SELECT count(*) FROM provider_events`) == 1 })
	o.until("windows that are over are gone", func() bool { return one[int](o, `SELECT count(*) FROM uses`) == 1 })
	o.until("sessions that have ended are gone", func() bool { return one[int](o, `SELECT count(*) FROM sessions`) == 1 })
	assert.Equal(t, 1, one[int](o, `SELECT count(*) FROM outbox WHERE version = 2`))
	assert.Equal(t, 1, one[int](o, `SELECT count(*) FROM idempotency`))
}
