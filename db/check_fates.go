package db

import "time"

// checkFates is I8 for what the provider says after it took a letter, and for what it does not say. A wait of days or
// business days is taken for as long as a weekend with a holiday can make it; the hours of most policies are exact.
var checkFates = CheckQuery{Invariant: "I8",
	Args: func(now time.Time) []any { return []any{now.Add(-5 * time.Minute)} },
	Broken: `WITH unit(name, length) AS (VALUES ('s', interval '1 second'), ('m', interval '1 minute'), ('h', interval '1 hour'),
			('d', interval '4 days'), ('bd', interval '5 days')),
		wait AS (SELECT g.id AS organisation, u.urgency, w.what, coalesce((SELECT substring(w.set FROM '^[0-9]+')::int * unit.length
				FROM unit WHERE unit.name = substring(w.set FROM '[a-z]+$')), w.usual) AS length
			FROM organisations g CROSS JOIN (VALUES ('routine'), ('urgent')) u(urgency)
				LEFT JOIN LATERAL (SELECT body FROM policies WHERE organisation_id = g.id ORDER BY version DESC LIMIT 1) p ON true
				CROSS JOIN LATERAL (VALUES ('deferred', p.body #>> ARRAY[u.urgency, 'deferred'], CASE u.urgency WHEN 'urgent' THEN interval '30 minutes' ELSE interval '4 hours' END),
					('unheard', p.body #>> ARRAY[u.urgency, 'unheard'], CASE u.urgency WHEN 'urgent' THEN interval '2 hours' ELSE interval '24 hours' END)) w(what, set, usual)),
		troubled AS (
			SELECT m.*, m.final_heard_at AS since, m.final_heard_at AS by, 'a letter that came back, without a task' AS what FROM messages m
				WHERE m.final NOT IN ('', 'delivered', 'arrived') AND m.final_heard_at < $1
			UNION ALL
			SELECT m.*, s.since, s.since + w.length, 'a letter ' || w.what || ' for too long, without a task'
			FROM messages m JOIN referrals r ON r.id = m.referral_id
				JOIN wait w ON w.organisation = m.organisation_id AND w.urgency = r.urgency
				CROSS JOIN LATERAL (SELECT CASE w.what WHEN 'deferred' THEN m.deferred_at ELSE m.settled_at END AS since) s
			WHERE m.state = 'accepted' AND m.expects_events AND m.final = '' AND s.since + w.length < $1)
	SELECT DISTINCT 'message' AS of, m.id, m.what FROM troubled m
	WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.referral_id = m.referral_id AND t.offer_id = m.offer_id AND t.kind = 'call_agency'
			AND (t.state = 'open' OR t.created_at >= m.since OR t.done_at >= m.by))
		AND NOT EXISTS (SELECT 1 FROM messages h WHERE h.offer_id = m.offer_id AND h.created_at > m.created_at AND h.final IN ('delivered', 'arrived'))
		AND NOT ` + goneOn}

// goneOn is the condition that something on the timeline has made a letter m about an offer needless: anything later but
// what is about letters and silence themselves, and tasks, which are looked at by themselves. Later is by version, so
// that a clock that was wrong for a while does not count; a further link alone has none.
const goneOn = `EXISTS (SELECT FROM timeline l WHERE l.referral_id = m.referral_id AND l.offer_id = m.offer_id
	AND CASE WHEN m.step_key ~ '^v[0-9]+$' THEN l.version > substr(m.step_key, 2)::int ELSE l.at > m.created_at END
	AND l.what NOT IN ('undelivered', 'new_link', 'remind', 'escalate', 'ask_agency', 'deferred', 'delivered', 'raise_task',
	'escalate_task', 'mend'))`
