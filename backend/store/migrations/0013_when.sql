-- A touch that waits for its hour or a place says so on its thread; one that queues for a place, or was set aside, is found by what
-- it waits for. Others have no entry, so their touches cost no row more.
ALTER TABLE threads ADD COLUMN waiting_code TEXT;
ALTER TABLE threads ADD COLUMN waiting_for TEXT;
CREATE INDEX threads_waiting ON threads (waiting_for) WHERE waiting_for IS NOT NULL;

ALTER TABLE companies ADD COLUMN time_zone TEXT;
ALTER TABLE campaigns ADD COLUMN send_days TEXT;
ALTER TABLE campaigns ADD COLUMN send_hours TEXT;
ALTER TABLE campaigns ADD COLUMN time_zone TEXT;
ALTER TABLE campaigns ADD COLUMN holiday_country TEXT;

-- What may have left takes a place of its mailbox, and of its recipient's domain where that has a cap. What did not leave gives both up,
-- so that a count reads places alone. An index on the state would be written anew with every outcome.
ALTER TABLE send_ledger ADD COLUMN mailbox TEXT;
ALTER TABLE send_ledger ADD COLUMN recipient_domain TEXT;
UPDATE send_ledger SET mailbox = lower(sender_address)
WHERE state IN ('reserved', 'sent', 'unknown') AND reserved_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day');
DROP INDEX sends_of_mailbox;
CREATE INDEX sends_of_mailbox ON send_ledger (mailbox, reserved_at) WHERE mailbox IS NOT NULL;
CREATE INDEX sends_to_domain ON send_ledger (recipient_domain, reserved_at) WHERE recipient_domain IS NOT NULL;
