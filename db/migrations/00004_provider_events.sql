-- What the mail provider says of letters after it took them, as it said it, and what that makes of each letter.

-- +goose Up
CREATE TABLE provider_events (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	-- The provider's own id, sg_event_id: it tells the same thing more than once. For an event without one, which can't
	-- be understood, the digest of what it says.
	event_id text NOT NULL UNIQUE,
	-- None when the event is quarantined: it is about no letter of ours, or can't be understood.
	organisation_id uuid REFERENCES organisations,
	message_id uuid REFERENCES messages,
	kind text NOT NULL, -- the provider's word; '' when it has none that can be read
	happened_at timestamptz,
	received_at timestamptz NOT NULL,
	raw bytea NOT NULL, -- this one event, byte for byte; it may hold the agency's address
	outcome text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'applied', 'no_effect', 'unknown_kind', 'no_message',
		'not_an_object', 'no_event_id', 'no_message_id', 'bad_message_id', 'bad_time')), -- '': not looked at yet
	processed_at timestamptz,
	attempts int NOT NULL DEFAULT 0,
	due_at timestamptz NOT NULL DEFAULT now(), -- when to try again what could not be applied
	CHECK ((outcome = '') = (processed_at IS NULL)),
	CHECK ((organisation_id IS NULL) = (message_id IS NULL)),
	CHECK (processed_at IS NOT NULL OR (message_id IS NOT NULL AND happened_at IS NOT NULL))
);
CREATE INDEX provider_events_waiting ON provider_events (due_at, id) WHERE processed_at IS NULL;
CREATE INDEX provider_events_message ON provider_events (message_id, id);
CREATE INDEX provider_events_age ON provider_events (received_at);

ALTER TABLE messages
	-- The provider that was given the letter reports to us what becomes of it, so silence about it means something.
	ADD COLUMN expects_events boolean NOT NULL DEFAULT false,
	ADD COLUMN deferred_at timestamptz, -- when the agency's mail server first put it off
	-- The last word on it, by the rule of referral.Fate, when that happened and when we learned of it.
	ADD COLUMN final text NOT NULL DEFAULT '' CHECK (final IN ('', 'delivered', 'arrived', 'bounce', 'blocked', 'dropped',
		'spamreport', 'unsubscribe', 'group_unsubscribe')),
	ADD COLUMN final_at timestamptz,
	ADD COLUMN final_heard_at timestamptz,
	-- When someone was asked to call because nothing was heard of a letter that wants no answer.
	ADD COLUMN unheard_at timestamptz,
	ADD CHECK ((final = '') = (final_at IS NULL) AND (final = '') = (final_heard_at IS NULL));
CREATE INDEX messages_unheard ON messages (organisation_id, settled_at)
	WHERE state = 'accepted' AND expects_events AND final = '' AND unheard_at IS NULL;

-- +goose Down
ALTER TABLE messages DROP COLUMN expects_events, DROP COLUMN deferred_at, DROP COLUMN final, DROP COLUMN final_at,
	DROP COLUMN final_heard_at, DROP COLUMN unheard_at;
DROP TABLE provider_events;
