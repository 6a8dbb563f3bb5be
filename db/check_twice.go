package db

// takenTwice is I4 for what has left us. The provider gives each email that it takes a name of its own: it answers with it,
// and begins sg_message_id with it in every event about that email, before what it adds of its own machines (.filter…,
// .recvd…). A letter with two such names went out twice, whatever the record says.
var takenTwice = CheckQuery{Invariant: "I4", Broken: `SELECT 'message' AS of, id, 'the provider took it more than once' AS what FROM (
		SELECT message_id AS id, regexp_replace(substring(encode(raw, 'escape') FROM '"sg_message_id"\s*:\s*"([^"]+)"'), '\.(filter|recvd).*$', '') AS name
		FROM provider_events WHERE message_id IS NOT NULL
		UNION SELECT m.id, m.provider_id FROM messages m WHERE m.provider_id <> '' AND EXISTS (SELECT FROM provider_events e WHERE e.message_id = m.id)) n
	WHERE name IS NOT NULL GROUP BY id HAVING count(*) > 1`}
